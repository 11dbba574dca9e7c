"""A worker process: batches of texts in, encoded records out, until the connection ends.

Run by ``moddefense.batch.pool`` with a socket. The process loads lexicons and models, but not
TensorFlow: without the compiled library, it asks the process that started it to cut texts into
WordPieces, so that TensorFlow is there once, and not at all while nothing needs it.
"""

from __future__ import annotations

import gc
import os
import queue
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from moddefense import errors
from moddefense.batch.deciding import Decided, Form, decide
from moddefense.batch.frames import pack, unpack, unpacked_strings
from moddefense.batch.replica import rebuild
from moddefense.batch.rows import Rejection
from moddefense.errors import EngineError, ModdefenseError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["answered", "decided_of", "failure", "main", "raised", "texts_of"]

Message = tuple[dict[str, Any], list[bytes]]


def main(handle: int) -> None:
    """Serve the connection behind a file descriptor."""
    connection = Connection(handle)
    pa.set_cpu_count(1)
    tasks: queue.SimpleQueue[Message] = queue.SimpleQueue()
    tokens: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def listen() -> None:
        # Always receiving, so that neither side ever waits for the other to take what it sends.
        while True:
            try:
                message = unpack(connection.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)  # whoever started us is gone, or done
            (tokens if message[0]["kind"] == "tokens" else tasks).put(message)

    def graph(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        connection.send_bytes(pack({"kind": "tokens"}, sizes.tobytes(), b"".join(texts)))
        header, blobs = tokens.get()
        if "error" in header:
            raise raised(header)
        return np.frombuffer(blobs[0], np.int32), np.frombuffer(blobs[1], np.int64)

    threading.Thread(target=listen, daemon=True).start()
    try:
        setting, _ = tasks.get()
        guard = rebuild(setting["screener"], graph=graph)
        form = Form(**setting["form"])
        connection.send_bytes(pack({"kind": "ready", "fingerprints": dict(guard.fingerprints)}))
    except Exception as error:
        connection.send_bytes(failure(error))
        return
    gc.freeze()  # what was loaded stays, and need not be looked through
    while True:
        _, (data,) = tasks.get()
        try:
            (ids, texts), kept = unpacked_strings(data, ["id", "text"])
            answer = answered(decide(guard, texts, ids, form, kept))
        except Exception as error:
            answer = failure(error)
        connection.send_bytes(answer)


def texts_of(sizes: bytes, data: bytes) -> list[bytes]:
    """Return the texts of a request for tokens."""
    import numpy as np

    texts, at = [], 0
    for size in np.frombuffer(sizes, np.int64).tolist():
        texts.append(data[at : at + size])
        at += size
    return texts


def failure(error: Exception, kind: str = "error") -> bytes:
    """Return the message that tells of an error."""
    return pack({"kind": kind, "error": type(error).__name__, "message": str(error)})


def raised(header: dict[str, Any]) -> Exception:
    """Return the error that a message tells of: ours as it was, any other as EngineError."""
    kind = getattr(errors, header["error"], None)
    if isinstance(kind, type) and issubclass(kind, ModdefenseError):
        return kind(header["message"])
    return EngineError(f"a worker failed: {header['error']}: {header['message'][:200]}")


def answered(decided: Decided) -> bytes:
    """Return the message that tells what was decided."""
    rejected = [
        (at, why.error, why.error_type, why.raw is not None) for at, why in decided.rejected.items()
    ]
    raw = [why.raw or b"" for why in decided.rejected.values()]
    header = {
        "kind": "decided", "records": decided.records, "counts": decided.counts,
        "rejected": rejected,
    }  # fmt: skip
    return pack(header, decided.data, *raw)


def decided_of(header: dict[str, Any], blobs: list[bytes]) -> Decided:
    """Return what a worker's answer says."""
    rejected = {
        at: Rejection(error, kind, raw if has_raw else None)
        for (at, error, kind, has_raw), raw in zip(header["rejected"], blobs[1:], strict=True)
    }
    return Decided(blobs[0], header["records"], header["counts"], rejected)
