"""The engine on a cluster: Ray Data reads batches and hands them to actors that decide.

Read tasks turn the inputs into batches, just as the engine for one machine does: Ray's own readers
give up a file at its first broken line. A batch is one row of the data set, so that nothing cuts or
joins it. Actors of one CPU each have lexicons and models of their own. Ray keeps the order; here
the batches arrive for the journal and the output, which are those of the engine for one machine.
Needs the extra ``moddefense[ray]``.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moddefense.batch.cores import cores
from moddefense.batch.deciding import Decided, Form
from moddefense.batch.frames import pack, unpack
from moddefense.batch.raytasks import Reading, Screening, batch_of, read
from moddefense.batch.sources import Meter, Source
from moddefense.batch.worker import decided_of, raised
from moddefense.errors import ConfigurationError, EngineError

if TYPE_CHECKING:
    import pyarrow as pa

    from moddefense.batch.job import Job, Screener
    from moddefense.batch.reading import Batch

__all__ = ["Cluster"]

STORE = 256 << 20  # bytes of shared memory of a cluster that is started here
READING = 0.25  # of a CPU, which a read task asks for


class Cluster:
    """The cluster that a job names, or one that is started on this machine.

    Raises ConfigurationError when Ray is not installed, when an input can be read only here and
    once, or when no CPU would be left for reading; EngineError when the cluster cannot be reached.
    """

    def __init__(
        self, guard: Screener, description: dict[str, Any], form: Form, job: Job,
        sources: Sequence[Source],
    ) -> None:  # fmt: skip
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
            import ray.data
        except ImportError:
            raise ConfigurationError(
                "--engine ray needs Ray, which is not installed; pip install 'moddefense[ray]'"
            ) from None
        for source in sources:
            if not source.rereadable:
                raise ConfigurationError(
                    f"{source.name}: no cluster can read it; save it to a file, or use"
                    " --engine local"
                )
        self.ray = ray
        self.job = job
        self.sources = tuple(sources)
        prints = dict(guard.fingerprints)
        setting = {"screener": description, "form": asdict(form), "fingerprints": prints}
        self.setting = pack(setting)

    def decided(
        self, *, skip: int, kept: pa.Schema | None, warn: Callable[[str], None] | None,
        opened: Callable[[Source, Meter], None],
    ) -> Iterator[tuple[Batch, Decided]]:  # fmt: skip
        """Yield each batch from row ``skip`` on with what became of it, in order.

        The batches have no texts here. ``kept``, ``warn`` and ``opened`` are as in
        ``read_batches``. Raises what reading raises, after the batches before.
        """
        meters: dict[str, Meter] = {}
        row = skip
        with self._connected(), _quiet(), self._context():
            try:
                for about, answer in self._rows(skip, kept):
                    header, raw = unpack(about)
                    if header["kind"] == "error":
                        raise raised(header)
                    if header["kind"] == "warn":
                        if warn is not None:
                            warn(header["message"])
                        continue
                    for path, count in header["read"]:
                        if path not in meters:
                            source = next(own for own in self.sources if own.path == path)
                            meters[path] = Meter(io.BytesIO())
                            opened(source, meters[path])
                        meters[path].bytes = count
                    batch = batch_of(header, raw)
                    if batch.first_row != row:
                        raise EngineError(
                            f"the cluster lost rows {row:,} to {batch.first_row:,}; run again,"
                            " --resume goes on"
                        )
                    row += batch.rows
                    yield batch, _answered(answer)
            except self.ray.exceptions.RayError as error:
                why = " ".join(str(error).split())[:200]
                raise EngineError(f"the cluster failed: {why}; --resume goes on") from None

    def _rows(self, skip: int, kept: pa.Schema | None) -> Iterator[tuple[bytes, bytes]]:
        from ray.data import ActorPoolStrategy

        readings = self._readings(skip, kept)
        workers = self._workers()
        where = {}
        if not all(source.remote for source in self.sources):  # a path is one of this machine
            where = {"resources": {f"node:{self.ray.util.get_node_ip_address()}": 0.001}}
        numbers = [{"reading": number} for number in range(len(readings))]
        rows = (
            self.ray.data.from_items(numbers, override_num_blocks=max(1, len(numbers)))
            .map_batches(
                functools.partial(read, readings),
                batch_size=None, batch_format="pyarrow", num_cpus=READING, **where,
            )
            .map_batches(
                Screening,
                fn_constructor_args=(self.setting,),
                compute=ActorPoolStrategy(size=workers),
                batch_size=None, batch_format="pyarrow", num_cpus=1,
            )
        )  # fmt: skip
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            abouts, answers = table.column("about").to_pylist(), table.column("answer").to_pylist()
            yield from zip(abouts, answers, strict=True)

    def _readings(self, skip: int, kept: pa.Schema | None) -> list[Reading]:
        """What each read task reads: a file, or all from where rows cannot be told beforehand."""
        from moddefense.batch.columnar import parquet_rows

        job, left, first = self.job, list(self.sources), 0
        readings = []
        while left:
            alone = len(left) > 1 and left[0].format == "parquet"
            own, left = (left[:1], left[1:]) if alone else (left, [])
            rows = parquet_rows(own[0]) if alone else None
            reading = Reading(tuple(own), job.columns, job.batch_size, first, skip, job.limit, kept)
            if rows is None or (first + rows > skip and (job.limit is None or first < job.limit)):
                readings.append(reading)
            first += rows or 0
        return readings

    def _workers(self) -> int:
        there = int(self.ray.cluster_resources().get("CPU", 1))
        if self.job.workers is None:
            return max(1, there - 1)
        if self.job.workers >= there:
            raise ConfigurationError(
                f"--workers {self.job.workers}: the cluster has {there} CPUs, and reading needs"
                " one of them; give fewer"
            )
        return self.job.workers

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Be connected to the cluster; undo that unless somebody else did it."""
        if self.ray.is_initialized():
            yield
            return
        address = self.job.ray_address
        count = max(2, cores(), (self.job.workers or 0) + 1)
        local = {"include_dashboard": False, "object_store_memory": STORE, "num_cpus": count}
        variables = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if level := os.environ.get("TF_CPP_MIN_LOG_LEVEL"):
            variables["TF_CPP_MIN_LOG_LEVEL"] = level
        try:
            self.ray.init(
                address=address or "local",
                runtime_env={"env_vars": variables},
                log_to_driver=False,
                configure_logging=False,
                **({} if address else local),
            )
        except Exception as error:
            why = " ".join(str(error).split())[:200]
            where = address or "on this machine"
            raise EngineError(f"no Ray cluster {where}: {why}; see --ray-address") from None
        try:
            yield
        finally:
            self.ray.shutdown()

    @contextmanager
    def _context(self) -> Iterator[None]:
        """Have Ray Data keep the order and each row by itself."""
        context = self.ray.data.DataContext.get_current()
        options = context.execution_options
        before = (
            options.preserve_order, context.target_max_block_size, context.enable_progress_bars,
        )  # fmt: skip
        options.preserve_order, context.target_max_block_size = True, 1
        context.enable_progress_bars = False
        try:
            yield
        finally:
            (
                options.preserve_order, context.target_max_block_size, context.enable_progress_bars,
            ) = before  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Ray Data says about its plans to its own files, and standard output for data."""
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(sys.stderr):  # Ray prints there when a worker has died
            yield
    finally:
        logger.setLevel(level)


def _answered(answer: bytes) -> Decided:
    if not answer:
        return Decided()
    header, blobs = unpack(answer)
    if header["kind"] == "error":
        raise raised(header)
    return decided_of(header, blobs)
