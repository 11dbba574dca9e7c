"""What every reader yields: chunks of rows, each a text or the reason why it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moddefense.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_ROW", "Chunk", "Rejection", "column_index", "missing_column", "scrub", "shown"]

MAX_ROW = 64 << 20  # bytes of one line or record; a longer one is quarantined, not held in memory
KEPT = 1000  # bytes of an overlong row that its quarantine entry keeps


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row is no text.

    ``error_type`` is ``encoding`` (bytes that are not valid), ``syntax`` (a broken line),
    ``fields`` (a wrong number of them), ``missing`` (no text, or null), ``type`` (a text that is no
    string), ``size`` (a row over the limit) or ``decision`` (a text that could not be decided; then
    ``raw`` is the text). ``raw`` is the row as it was stored, if it was.
    """

    error: str
    error_type: str
    raw: bytes | None = None


@dataclass(slots=True)
class Chunk:
    """Consecutive rows of one source, in order.

    ``texts[i]`` is None exactly where ``rejected`` has ``i``. ``ids`` is None when the source has
    no id column, ``ids[i]`` where a row has no id. ``kept`` has the other columns,
    if they are to be kept, with a row for each. ``origins`` are source and row in it, where the
    chunk is from several places.
    """

    texts: list[str | None] = field(default_factory=list)
    ids: list[str | None] | None = None
    rejected: dict[int, Rejection] = field(default_factory=dict)
    kept: pa.Table | None = None
    origins: list[tuple[str, int]] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, text: str, id: str | None = None) -> None:
        """Append a readable row."""
        self.texts.append(text)
        if self.ids is not None:
            self.ids.append(id)

    def reject(self, error: str, error_type: str, raw: bytes | None) -> None:
        """Append a row that is no text."""
        self.rejected[len(self.texts)] = Rejection(error, error_type, raw)
        self.texts.append(None)
        if self.ids is not None:
            self.ids.append(None)


def missing_column(
    name: str, wanted: str, columns: Sequence[str], option: str
) -> ConfigurationError:
    """Return the error for a column that is not there; the message names those that are."""
    return ConfigurationError(
        f"{name}: no column {wanted!r}; there are {shown(columns)} (choose with {option})"
    )


def shown(names: Sequence[str], *, most: int = 20) -> str:
    """Return names as one short line.

    >>> shown(["id", "comment"])
    "'id', 'comment'"
    """
    head = ", ".join(repr(name if len(name) <= 60 else name[:57] + "...") for name in names[:most])
    more = len(names) - most
    return (head or "none") + (f" and {more} more" if more > 0 else "")


def column_index(name: str, columns: Sequence[str], wanted: str, option: str) -> int:
    """Return the place of a column. Raises ConfigurationError when it is missing or there twice."""
    found = [index for index, column in enumerate(columns) if column == wanted]
    if not found:
        raise missing_column(name, wanted, columns, option)
    if len(found) > 1:
        raise ConfigurationError(
            f"{name}: {len(found)} columns are called {wanted!r}; rename, or choose with {option}"
        )
    return found[0]


def scrub(text: str) -> str:
    """Return the text with lone surrogates, which no encoding can store, as U+FFFD; offsets stay.

    >>> scrub("cut emoji " + chr(0xD83D)) == "cut emoji " + chr(0xFFFD)
    True
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def identifier(value: Any) -> str | None:
    """Return a row's id as a string, None where it has none (null or empty)."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping | list | bool | float):
        return scrub(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)
