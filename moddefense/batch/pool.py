"""Worker processes side by side: batches go out, what was decided comes back in their order.

The processes are started afresh, not forked, for threads and TensorFlow do not survive a fork.
Reading runs in a thread of its own; a thread for each worker sends it batches, always one ahead,
and cuts texts into WordPieces for it where there is no compiled library. All queues are bounded, so
that memory does not grow.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from moddefense.batch.deciding import Decided, Form, joined, undecidable
from moddefense.batch.frames import pack, packed_strings, unpack
from moddefense.batch.worker import decided_of, failure, raised, texts_of
from moddefense.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa

    from moddefense.batch.job import Screener
    from moddefense.batch.reading import Batch
    from moddefense.tokens import Graph

__all__ = ["Pool"]

AHEAD = 2  # batches a worker has: one it works on and one that lies ready
DEATHS = 2  # of workers over one batch, before its rows are tried apart
MOST_DEATHS = 40  # in a run: a single bad row among 10,000 takes 16
STARTS = 3  # attempts at starting a worker
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from moddefense.batch.worker import main; main(int(sys.argv[2]))"
)
GONE = (EOFError, OSError)
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the workers are the threads

Task = tuple["Batch", "Future[Decided]"]


class Pool:
    """``workers`` processes that screen as ``guard`` does.

    ``description`` is what ``replica.describe`` says of the guard.
    """

    def __init__(
        self, guard: Screener, description: dict[str, Any], form: Form, workers: int
    ) -> None:
        self.workers = workers
        self.fingerprints = json.loads(json.dumps(dict(guard.fingerprints)))
        setting = {"kind": "setting", "screener": description, "form": asdict(form)}
        self.setting = pack(setting)
        self.graph = _Graph(description)
        self.deaths = 0
        self.tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()  # bounded by pending
        self.pending: queue.Queue[Task | Exception | None] = queue.Queue(AHEAD * workers + 2)
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.running: set[_Worker] = set()

    def decided(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Decided]]:
        """Yield each batch with what became of it, in order.

        Raises what reading the batches raises, after the batches before, and EngineError when
        workers cannot be started or die too often.
        """
        threads = [threading.Thread(target=self._read, args=(batches,), daemon=True)]
        threads += [threading.Thread(target=self._tend, daemon=True) for _ in range(self.workers)]
        try:
            for thread in threads:
                thread.start()
            while (item := self.pending.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                batch, future = item
                yield batch, future.result()
        finally:
            self.stopping.set()
            with self.lock:
                for worker in self.running:
                    worker.kill()
            for _ in range(self.workers):
                self.tasks.put(None)
            patience = time.monotonic() + 0.5  # not longer: one may be importing TensorFlow
            for thread in threads[1:]:
                if thread.ident is not None:  # else Ctrl-C came before it was started
                    thread.join(max(0, patience - time.monotonic()))

    def _read(self, batches: Iterable[Batch]) -> None:
        last: Exception | None = None
        try:
            for batch in batches:
                future: Future[Decided] = Future()
                if not self._put((batch, future)):
                    return
                if batch.texts:
                    self.tasks.put((batch, future))
                else:
                    future.set_result(Decided())
        except Exception as error:
            last = error
        self._put(last)

    def _put(self, item: Task | Exception | None) -> bool:
        while not self.stopping.is_set():
            try:
                self.pending.put(item, timeout=0.5)
                return True
            except queue.Full:
                continue
        return False

    def _tend(self) -> None:
        """Keep one worker busy, and start another in its place when it dies."""
        held: deque[Task] = deque()
        worker: _Worker | None = None
        deaths = 0  # over the batch that is first in held
        try:
            while not self.stopping.is_set():
                try:
                    while len(held) < AHEAD:
                        task = self.tasks.get(block=not held)
                        if task is None:
                            return
                        held.append(task)
                        if worker is not None:
                            worker.send(task[0])
                except queue.Empty:
                    pass
                except GONE:
                    pass  # receiving tells it again
                try:
                    if worker is None:
                        worker = self._start()
                        for batch, _ in held:
                            worker.send(batch)
                    decided = worker.receive(self.graph)
                except GONE:
                    if worker is not None:
                        self._mourn(worker)
                    worker, deaths = None, deaths + 1
                    if deaths < DEATHS:
                        continue
                    decided = self._apart(held[0][0])
                deaths = 0
                held.popleft()[1].set_result(decided)
        except Exception as error:
            for _, future in held:
                future.set_exception(error)
            if not held:
                self._fail(error)
        finally:
            if worker is not None:
                self._release(worker)

    def _fail(self, error: Exception) -> None:
        task = self.tasks.get()
        if task is not None:
            task[1].set_exception(error)

    def _apart(self, batch: Batch) -> Decided:
        """Decide a batch over which workers die: by halves, until it is known which row it is."""
        parts: list[tuple[int, Decided]] = []
        left = [(0, len(batch.texts))]
        worker: _Worker | None = None
        while left:
            begin, end = left.pop()
            try:
                worker = worker or self._start()
                worker.send(batch, begin, end)
                parts.append((begin, worker.receive(self.graph)))
            except GONE:
                died = "its worker process ended"
                if worker is not None:
                    died += f" by {self._mourn(worker)}"
                worker = None
                if end - begin == 1:
                    why = undecidable(batch.texts[begin], died)
                    parts.append((begin, Decided(rejected={0: why})))
                else:
                    half = (begin + end) // 2
                    left += [(half, end), (begin, half)]
        if worker is not None:
            self._release(worker)
        return joined(parts)

    def _start(self) -> _Worker:
        for _ in range(STARTS):
            with self.lock:
                if self.stopping.is_set():
                    break
                worker = _Worker(self.setting)
                self.running.add(worker)
            try:
                worker.await_ready(self.fingerprints)
            except GONE:
                self._release(worker)
            except BaseException:
                self._release(worker)
                raise
            else:
                return worker
        raise EngineError(f"worker processes end as soon as they start: {worker.ending}")

    def _mourn(self, worker: _Worker) -> str:
        """Note that a worker died and return how, in words. Raises EngineError beyond the most."""
        self._release(worker)
        with self.lock:
            self.deaths += 1
            if self.deaths > MOST_DEATHS or self.stopping.is_set():
                raise EngineError(
                    f"stopped: {self.deaths} worker processes ended, the last by {worker.ending};"
                    " is memory short? give fewer --workers; --resume goes on"
                )
        return worker.ending

    def _release(self, worker: _Worker) -> None:
        worker.close()
        with self.lock:
            self.running.discard(worker)


class _Worker:
    """One process and the connection to it."""

    def __init__(self, setting: bytes) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", START, json.dumps(sys.path), str(theirs.fileno())]
            try:
                # A session of its own: Ctrl-C is for us, who then end it.
                self.process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, start_new_session=True,
                    env={**SINGLE, **os.environ},
                )  # fmt: skip
            except OSError as error:
                ours.close()
                why = error.strerror or error
                raise EngineError(f"a worker process cannot be started: {why}") from None
        self.connection = Connection(ours.detach())
        self.setting = setting

    def await_ready(self, fingerprints: dict[str, Any]) -> None:
        self.connection.send_bytes(self.setting)
        header, _ = unpack(self.connection.recv_bytes())
        if header["kind"] == "error":
            raise raised(header)
        if header["fingerprints"] != fingerprints:
            raise EngineError("bundle or lexicons were changed while they were in use; run again")

    def send(self, batch: Batch, begin: int = 0, end: int | None = None) -> None:
        kept: pa.Table | None = batch.kept
        if kept is not None:
            kept = kept.slice(begin, None if end is None else end - begin)
        columns = {"id": batch.ids[begin:end], "text": batch.texts[begin:end]}
        self.connection.send_bytes(pack({"kind": "task"}, packed_strings(columns, kept)))

    def receive(self, graph: _Graph) -> Decided:
        """Return the next answer; until it comes, cut the texts that the worker asks about."""
        while True:
            header, blobs = unpack(self.connection.recv_bytes())
            if header["kind"] == "decided":
                return decided_of(header, blobs)
            if header["kind"] == "error":
                raise raised(header)
            self.connection.send_bytes(graph.answer(*blobs))

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        self.connection.close()
        try:
            self.process.wait(0.2)  # it ends when the connection does
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def ending(self) -> str:
        code = self.process.returncode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class _Graph:
    """The WordPiece graph of a described bundle, made when first asked for."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.folder = description.get("bundle")
        self.lock = threading.Lock()
        self.graph: Graph | None = None

    def answer(self, sizes: bytes, data: bytes) -> bytes:
        try:
            with self.lock:
                if self.graph is None:
                    self.graph = self._load()
            values, lengths = self.graph(texts_of(sizes, data))
        except Exception as error:
            return failure(error, "tokens")
        return pack({"kind": "tokens"}, values.tobytes(), lengths.tobytes())

    def _load(self) -> Graph:
        from pathlib import Path

        from moddefense.tokens import Tokenizer

        return Tokenizer.load(Path(str(self.folder)) / "vocabulary.json").graph
