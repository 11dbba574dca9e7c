"""Where rows come from: files or standard input; opened, decompressed, fingerprinted."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from moddefense.errors import ConfigurationError, ReadError

__all__ = ["FORMATS", "Meter", "Source", "blocks", "locate", "open_meter", "sha256", "source_of"]

FORMATS = ("csv", "tsv", "jsonl", "ndjson", "parquet", "txt")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
STDIN = "-"
BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True, slots=True)
class Source:
    """One input: ``path`` as it was given, its format and its compression.

    ``-`` is stdin. A path with ``://`` is a URI that ``pyarrow.fs`` knows: s3, gs, hdfs, file.
    """

    path: str
    format: str
    compression: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return "<stdin>" if self.path == STDIN else self.path

    @property
    def rereadable(self) -> bool:
        """Whether it is a regular file, which can be read twice; a pipe cannot."""
        return self.remote or (self.path != STDIN and os.path.isfile(self.path))

    @property
    def remote(self) -> bool:
        """Whether it is a URI."""
        return "://" in self.path

    @property
    def size(self) -> int:
        """Stored bytes of a file. Raises ReadError when it is not there any more."""
        try:
            if self.remote:
                return int(_remote_info(self.path).size)
            return os.path.getsize(self.path)
        except OSError as error:
            raise _unreadable(self.name, error) from None


class Meter:
    """A byte stream that counts what is read from it and hashes it where that is asked for."""

    def __init__(self, stream: IO[bytes], *, hashed: bool = False) -> None:
        self.stream: Any = stream
        self.bytes = 0
        self.hash = hashlib.sha256() if hashed else None
        self.closed = False  # pyarrow asks for it

    def read(self, size: int = -1, /) -> bytes:
        """Read at most ``size`` bytes, fewer where a pipe has no more yet; ``b""`` at the end."""
        data: bytes = getattr(self.stream, "read1", self.stream.read)(size)
        self.bytes += len(data)
        if self.hash is not None:
            self.hash.update(data)
        return data

    def close(self) -> None:
        """Close the file; standard input stays open, for it is not ours."""
        ours = (sys.stdin.buffer, getattr(sys.stdin.buffer, "raw", None))
        if not self.closed and not any(self.stream is stream for stream in ours):
            self.stream.close()
        self.closed = True


def locate(path: str | os.PathLike[str], *, input_format: str | None = None) -> Source:
    """Return the Source behind a path, its format taken from the name unless it is given.

    ``input_format`` is one of FORMATS, with ``.gz`` or ``.zst`` behind it where the data is
    compressed. Raises ReadError when there is no such file or it is a directory, and
    ConfigurationError when the format cannot be told.

    >>> locate("-", input_format="jsonl.gz")
    Source(path='-', format='jsonl', compression='gzip')
    """
    path = os.fspath(path)
    if path != STDIN:
        _check_file(path)
    return source_of(path, input_format=input_format)


def source_of(path: str, *, input_format: str | None = None) -> Source:
    """Return the Source that a path would be, whether it is there or not."""
    if path == STDIN and input_format is None:
        raise ConfigurationError(
            f"standard input has no extension; give --input-format {'|'.join(FORMATS)}"
        )
    if input_format is not None:
        return _source(path, "." + input_format, f"--input-format {input_format}: unknown format")
    return _source(path, Path(path).name, f"{path}: unknown extension")


def _source(path: str, name: str, complaint: str) -> Source:
    stem, ending = os.path.splitext("x" + name.lower())
    compression = COMPRESSIONS.get(ending)
    if compression is not None:
        ending = os.path.splitext(stem)[1]
    kind = ending[1:]
    if kind not in FORMATS:
        raise ConfigurationError(
            f"{complaint}; known are {' '.join(FORMATS)}, all but parquet also with .gz or .zst"
            " (--input-format says it where the name does not)"
        )
    if kind == "parquet" and compression is not None:
        raise ConfigurationError(f"{complaint}; a Parquet file compresses its own columns")
    return Source(path, "jsonl" if kind == "ndjson" else kind, compression)


def _remote_info(path: str) -> Any:
    import pyarrow as pa
    from pyarrow import fs

    try:
        system, inner = fs.FileSystem.from_uri(path)
        info = system.get_file_info(inner)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from None
    if info.type != fs.FileType.File:
        raise ReadError(f"{path}: cannot be read: no such file")
    return info


def _check_file(path: str) -> None:
    if "://" in path:
        _remote_info(path)
        return
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        raise ReadError(f"{path}: is a directory; name the files in it")


def _unreadable(path: str, error: Exception) -> ReadError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ReadError(f"{path}: cannot be read: {why}")


def open_meter(source: Source, *, hashed: bool = False) -> Meter:
    """Open a source for reading its bytes as they are stored. Raises ReadError."""
    if source.path == STDIN:
        # Unbuffered: a thread that waits for input with the buffer locked would block the exit.
        return Meter(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), hashed=hashed)
    try:
        if source.remote:
            from pyarrow import fs

            system, inner = fs.FileSystem.from_uri(source.path)
            return Meter(system.open_input_file(inner), hashed=hashed)
        return Meter(open(source.path, "rb"), hashed=hashed)
    except (OSError, ValueError) as error:
        raise _unreadable(source.path, error) from None


def sha256(source: Source) -> str:
    """Return the SHA-256 of the stored bytes, as hex digits. Raises ReadError."""
    meter = open_meter(source, hashed=True)
    try:
        while meter.read(BLOCK):
            pass
    except OSError as error:
        raise _unreadable(source.name, error) from None
    finally:
        meter.close()
    assert meter.hash is not None
    return meter.hash.hexdigest()


def blocks(source: Source, meter: Meter) -> Iterator[bytes]:
    """Yield the decompressed bytes in blocks.

    Raises ReadError where the data ends too early or is damaged, after what could be read.
    """
    if source.compression == "gzip":
        return _gunzip(source, meter)
    if source.compression == "zstd":
        return _unzstd(source, meter)
    return _plain(source, meter)


def _plain(source: Source, meter: Meter, size: int = BLOCK) -> Iterator[bytes]:
    try:
        while block := meter.read(size):
            yield block
    except OSError as error:
        raise _unreadable(source.name, error) from None


def _gunzip(source: Source, meter: Meter) -> Iterator[bytes]:
    """Inflate gzip members one after the other; zlib itself, to have what precedes the damage."""
    member = zlib.decompressobj(wbits=31)
    begun = False
    for data in _plain(source, meter):
        while data:
            if not begun:
                data = data.lstrip(b"\0") if meter.bytes > len(data) else data  # tape padding
                begun = bool(data)
            try:
                block = member.decompress(data, BLOCK)
            except zlib.error as error:
                raise _damaged(source, meter, str(error)) from None
            if block:
                yield block
            if member.eof:
                data = member.unused_data.lstrip(b"\0")
                member = zlib.decompressobj(wbits=31)
                begun = bool(data)
            else:
                data = member.unconsumed_tail
    if begun:
        while block := member.decompress(b"", BLOCK):
            yield block
        if not member.eof:
            raise _damaged(source, meter, "the data ends too early")


def _unzstd(source: Source, meter: Meter) -> Iterator[bytes]:
    import pyarrow as pa

    try:
        stream = pa.CompressedInputStream(pa.PythonFile(meter, "r"), "zstd")
        while block := stream.read(1 << 16):  # what precedes damage is lost by this much at most
            yield block
    except (OSError, pa.ArrowException) as error:
        why = "the data ends too early" if "runcated" in str(error) else str(error)
        raise _damaged(source, meter, why) from None


def _damaged(source: Source, meter: Meter, why: str) -> ReadError:
    return ReadError(
        f"{source.name}: truncated or damaged {source.compression} data"
        f" at byte {meter.bytes:,} or before: {why}; fetch the file again"
    )
