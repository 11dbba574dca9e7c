"""What a batch run is asked to do: inputs, columns, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from moddefense.batch.cores import cores
from moddefense.batch.deciding import Form
from moddefense.batch.reading import BATCH, Columns, check_inputs
from moddefense.batch.retrying import QUARANTINE
from moddefense.batch.sources import Source, locate
from moddefense.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Job", "Screener", "Table"]


class Table(Protocol):
    """What screening gives: columns."""

    def to_arrow(
        self, ids: Sequence[str] | None = None, *, include_text: bool = False, mask: bool = False
    ) -> pa.Table:
        """Return the records, with these ids, and the text or its masked form if asked for."""
        ...


class Screener(Protocol):
    """What decides: a Guard, or anything like it."""

    @property
    def fingerprints(self) -> Mapping[str, Any]:
        """Whatever decides the result, as JSON-able values."""
        ...

    def screen(self, texts: Sequence[str], /) -> Table:
        """Decide on each text."""
        ...


ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Job:
    """What to read and how to write it.

    ``inputs`` are paths, ``-`` is stdin (then ``input_format`` is needed). ``id_column`` None means
    ``id`` where there is one. ``batch_size`` are rows. ``max_errors`` is the share of quarantined
    rows above which a run stops. ``keep_columns`` carries the other columns through.
    ``retry`` says that the input is a quarantine file,
    whose rows are to be screened again. ``workers`` are processes, None for one a core;
    ``engine`` is ``local`` or ``ray``, the cluster at ``ray_address`` or one started here.
    Raises ConfigurationError when a value makes no sense.
    """

    inputs: tuple[str, ...]
    text_column: str = "text"
    id_column: str | None = None
    input_format: str | None = None
    encoding: str = "utf-8"
    batch_size: int = BATCH
    limit: int | None = None
    max_errors: float = 1.0
    include_text: bool = False
    mask: bool = False
    keep_columns: bool = False
    retry: bool = False
    workers: int | None = None
    engine: str = "local"
    ray_address: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.inputs:
            raise ConfigurationError("no input: name a file, or - for standard input")
        if self.inputs.count("-") > 1:
            raise ConfigurationError("standard input (-) can be read only once")
        if self.batch_size < 1:
            raise ConfigurationError(f"batch_size {self.batch_size}: must be 1 or more")
        if self.retry and (len(self.inputs) > 1 or self.inputs[0] == "-" or self.keep_columns):
            raise ConfigurationError(
                "--retry-quarantine takes one file, no other INPUT, and cannot keep columns"
            )
        if self.limit is not None and self.limit < 0:
            raise ConfigurationError(f"limit {self.limit}: must be 0 or more")
        if self.workers is not None and self.workers < 1:
            raise ConfigurationError(f"workers {self.workers}: must be 1 or more")
        if self.engine not in ENGINES:
            raise ConfigurationError(f"engine {self.engine!r}: there are {', '.join(ENGINES)}")
        if self.ray_address is not None and self.engine != "ray":
            raise ConfigurationError("--ray-address goes with --engine ray")
        if not 0 <= self.max_errors <= 1:
            raise ConfigurationError(f"max_errors {self.max_errors}: must be between 0 and 1")

    @property
    def columns(self) -> Columns:
        """What to read of each input."""
        return Columns(
            self.text_column, self.id_column, self.encoding, self.keep_columns, self.input_format
        )

    @property
    def processes(self) -> int:
        """How many processes decide; 1 is this one, and no other."""
        return self.workers or cores()

    def form(self, kind: str) -> Form:
        """How records are written to an output of this kind."""
        return Form(kind, self.include_text, self.mask)

    def sources(self) -> list[Source]:
        """Find the inputs and check how each begins. Raises ReadError and ConfigurationError."""
        return self.checked()[0]

    def checked(self) -> tuple[list[Source], pa.Schema | None]:
        """Return the sources, and the columns to keep so far as they are known before reading."""
        if self.retry:
            located = locate(self.inputs[0], input_format="jsonl")
            return [replace(located, format=QUARANTINE)], None
        sources = [locate(path, input_format=self.input_format) for path in self.inputs]
        return sources, check_inputs(sources, self.columns)

    def settings(self, guard: Screener, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return everything that the output depends on, as JSON-able values."""
        return {
            "fingerprints": dict(guard.fingerprints),
            "inputs": [dict(entry) for entry in inputs],
            "text_column": self.text_column,
            "id_column": self.id_column,
            "input_format": self.input_format,
            "encoding": self.encoding,
            "batch_size": self.batch_size,
            "limit": self.limit,
            "include_text": self.include_text,
            "mask": self.mask,
            "keep_columns": self.keep_columns,
            "retry": self.retry,
        }
