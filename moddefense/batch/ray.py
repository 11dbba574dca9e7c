"""Workers on a Ray cluster: batches go out to actors, what was decided comes back in their order.

Reading, journal and output are those of the engine for one machine, so that resuming, quarantine
and every byte of the output are the same. Each actor has lexicons and models of its own and one
CPU; CPUs are left for reading and writing. Needs the extra ``moddefense[ray]``.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moddefense.batch.deciding import Decided, Form, decide, joined, undecidable
from moddefense.batch.frames import pack, packed_strings, unpack, unpacked_strings
from moddefense.batch.replica import rebuild
from moddefense.batch.worker import answered, decided_of, failure, raised
from moddefense.errors import ConfigurationError, EngineError

if TYPE_CHECKING:
    from moddefense.batch.job import Screener
    from moddefense.batch.reading import Batch

__all__ = ["RayPool", "Screening"]

AHEAD = 2  # batches an actor has: one it works on and one that lies ready
RETRIES = 2  # of a batch whose actor died, before its rows are tried apart
STORE = 256 << 20  # bytes of shared memory of a cluster that is started here


class Screening:
    """What runs on a cluster: a screener that is built once and decides batch after batch."""

    def __init__(self) -> None:
        import pyarrow as pa

        pa.set_cpu_count(1)
        self.guard: Screener | None = None
        self.form = Form("jsonl")

    def start(self, setting: bytes) -> bytes:
        """Build the screener; return its fingerprints and the process, or the error."""
        try:
            guard = self._built(setting)
        except Exception as error:
            return failure(error)
        prints = dict(guard.fingerprints)
        return pack({"kind": "ready", "fingerprints": prints, "process": os.getpid()})

    def decide(self, setting: bytes, data: bytes) -> bytes:
        """Decide on packed ids and texts; return the packed answer."""
        try:
            guard = self._built(setting)  # again, where this actor took the place of a dead one
            (ids, texts), kept = unpacked_strings(data, ["id", "text"])
            return answered(decide(guard, texts, ids, self.form, kept))
        except Exception as error:
            return failure(error)

    def _built(self, setting: bytes) -> Screener:
        if self.guard is None:
            wanted = unpack(setting)[0]
            self.guard = rebuild(wanted["screener"])
            self.form = Form(**wanted["form"])
        return self.guard


class RayPool:
    """Actors on the cluster at ``address``; None starts a cluster on this machine.

    ``workers`` None: one for each CPU but one, and at least one. Raises ConfigurationError when
    Ray is not installed and EngineError when the cluster cannot be reached.
    """

    def __init__(
        self,
        guard: Screener,
        description: dict[str, Any],
        form: Form,
        workers: int | None,
        address: str | None = None,
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise ConfigurationError(
                "--engine ray needs Ray, which is not installed; pip install 'moddefense[ray]'"
            ) from None
        self.ray = ray
        self.workers = workers
        self.address = address
        self.fingerprints = dict(guard.fingerprints)
        self.processes: list[int] = []
        self.shared: Any = None
        self.setting = pack({"screener": description, "form": asdict(form)})

    def decided(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Decided]]:
        """Yield each batch with what became of it, in order."""
        ours = self._connect()
        actors: list[Any] = []
        try:
            actors = self._actors()
            yield from self._spread(batches, actors)
        finally:
            for actor in actors:
                self.ray.kill(actor)
            if ours:
                self.ray.shutdown()

    def _connect(self) -> bool:
        """Connect to the cluster; whether that has to be undone."""
        if self.ray.is_initialized():
            return False
        local = {"include_dashboard": False, "object_store_memory": STORE}
        variables = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if level := os.environ.get("TF_CPP_MIN_LOG_LEVEL"):
            variables["TF_CPP_MIN_LOG_LEVEL"] = level
        try:
            self.ray.init(
                address=self.address or "local",
                runtime_env={"env_vars": variables},
                log_to_driver=False,
                configure_logging=False,
                **({} if self.address else local),
            )
        except Exception as error:
            why = " ".join(str(error).split())[:200]
            where = self.address or "on this machine"
            raise EngineError(f"no Ray cluster {where}: {why}; see --ray-address") from None
        return True

    def _actors(self) -> list[Any]:
        count = self.workers
        if count is None:
            count = max(1, int(self.ray.cluster_resources().get("CPU", 1)) - 1)
        remote = self.ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=RETRIES)(Screening)
        actors = [remote.remote() for _ in range(count)]
        self.shared = self.ray.put(self.setting)
        for answer in self.ray.get([actor.start.remote(self.shared) for actor in actors]):
            header, _ = unpack(answer)
            if header["kind"] == "error":
                raise raised(header)
            if header["fingerprints"] != self.fingerprints:
                raise EngineError(
                    "the cluster's bundle, lexicons or version of moddefense are others than here;"
                    " install the same on every node"
                )
            self.processes.append(header["process"])
        return actors

    def _spread(
        self, batches: Iterable[Batch], actors: list[Any]
    ) -> Iterator[tuple[Batch, Decided]]:
        pending: deque[tuple[Batch, Any]] = deque()  # in the order of the input
        working: dict[Any, Any] = {}  # what is not known to be done, and on which actor
        load = dict.fromkeys(actors, 0)
        for batch in batches:
            reference = None
            if batch.texts:
                while min(load.values()) >= AHEAD:
                    done, _ = self.ray.wait(list(working), num_returns=1)
                    load[working.pop(done[0])] -= 1
                actor = min(load, key=load.__getitem__)
                reference = actor.decide.remote(self.shared, _packed(batch, 0, len(batch.texts)))
                working[reference] = actor
                load[actor] += 1
            pending.append((batch, reference))
            while pending and (len(pending) > 2 * AHEAD * len(actors) or self._done(pending[0][1])):
                yield self._settled(*pending.popleft(), actors)
        while pending:
            yield self._settled(*pending.popleft(), actors)

    def _done(self, reference: Any) -> bool:
        return reference is None or bool(self.ray.wait([reference], timeout=0)[0])

    def _settled(self, batch: Batch, reference: Any, actors: list[Any]) -> tuple[Batch, Decided]:
        if reference is None:
            return batch, Decided()
        try:
            return batch, _unpacked(self.ray.get(reference))
        except self.ray.exceptions.RayActorError:
            return batch, self._apart(batch, actors[0])

    def _apart(self, batch: Batch, actor: Any) -> Decided:
        """Decide a batch over which actors die: by halves, until it is known which row it is."""
        parts: list[tuple[int, Decided]] = []
        left = [(0, len(batch.texts))]
        while left:
            begin, end = left.pop()
            try:
                data = _packed(batch, begin, end)
                answer = self.ray.get(actor.decide.remote(self.shared, data))
                parts.append((begin, _unpacked(answer)))
            except self.ray.exceptions.RayActorError:
                if end - begin == 1:
                    why = undecidable(batch.texts[begin], "its actor died")
                    parts.append((begin, Decided(rejected={0: why})))
                else:
                    half = (begin + end) // 2
                    left += [(half, end), (begin, half)]
        return joined(parts)


def _packed(batch: Batch, begin: int, end: int) -> bytes:
    kept = None if batch.kept is None else batch.kept.slice(begin, end - begin)
    return packed_strings({"id": batch.ids[begin:end], "text": batch.texts[begin:end]}, kept)


def _unpacked(answer: bytes) -> Decided:
    header, blobs = unpack(answer)
    if header["kind"] == "error":
        raise raised(header)
    return decided_of(header, blobs)
