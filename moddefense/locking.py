"""A folder that one process works in at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["locked_folder"]


def locked_folder(folder: Path) -> int:
    """Make a folder, if it is not there, and lock it; return what holds the lock until closed.

    The lock is one of the open file, so that it ends with the process, however that ends. Raises
    BlockingIOError when another process holds it, and OSError when the folder cannot be made.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists() and os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # another run removed the folder in between
