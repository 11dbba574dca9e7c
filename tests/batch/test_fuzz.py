"""Whatever bytes come in: an error of our own, or rows of which each is read or rejected."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moddefense.batch.quarantine import encode_rejected, raw_text
from moddefense.batch.reading import Columns, read_batches
from moddefense.batch.rows import Rejection
from moddefense.batch.sources import locate
from moddefense.batch.writing import encode
from moddefense.cli import main
from moddefense.errors import ModdefenseError
from moddefense.lexicon import Lexicon, Term

PIECES = st.sampled_from(
    [
        b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b"\xe2\x80\xa8", b"a",
        b" ", b"\t", b"{", b"}", b'{"text":', b'"text"', b"null", b"text", b"id", b"id,text\n",
        b'{"text":"x"}\n', b"\xef\xbb\xbf", b"\xff\xfe", b"\\ud800", b"\\xff", b"[", b"1e999",
        b"\x1f\x8b", b"\x28\xb5\x2f\xfd",
    ]
)  # fmt: skip
BYTES = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=60).map(b"".join))
# MODDEFENSE_FUZZ=100000 pytest tests/batch/test_fuzz.py: for a long run.
QUICK = settings(
    max_examples=int(os.environ.get("MODDEFENSE_FUZZ", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def one_line(error):
    assert len(str(error).splitlines()) == 1


def rows_of(path, *, batch_size=5, **columns):
    """Read; check that each row is a record or rejected, and that numbers go up. None on error."""
    texts, rejected = [], []
    row = 0
    try:
        for batch in read_batches([locate(path)], Columns(**columns), batch_size=batch_size):
            assert batch.first_row == row
            assert batch.rows == len(batch.texts) + len(batch.rejected)
            assert all(isinstance(text, str) for text in batch.texts)
            "".join(batch.texts + batch.ids).encode("utf-8")
            row += batch.rows
            texts += batch.texts
            rejected += batch.rejected
            for line in encode_rejected(batch.rejected).splitlines():
                assert set(json.loads(line)) == {"source", "row", "error", "error_type", "raw"}
    except ModdefenseError as error:
        one_line(error)
        return None
    numbers = [number for _, number, _ in rejected]
    assert numbers == sorted(set(numbers))
    return texts, rejected


@QUICK
@given(data=BYTES, name=st.sampled_from(["csv", "tsv", "jsonl", "txt"]), header=st.booleans())
def test_any_bytes(tmp_path, data, name, header):
    path = tmp_path / f"a.{name}"
    path.write_bytes((b"id,text\n" if header and name == "csv" else b"") + data)
    rows_of(path)


@QUICK
@given(
    data=BYTES,
    name=st.sampled_from(["csv", "tsv", "ndjson", "jsonl", "txt"]),
    packing=st.sampled_from(["", ".gz", ".zst"]),
)
def test_any_packed_bytes(tmp_path, data, name, packing):
    path = tmp_path / f"a.{name}{packing}"
    path.write_bytes(data)
    rows_of(path)


@QUICK
@given(data=BYTES, name=st.sampled_from(["csv", "tsv", "jsonl"]), header=st.booleans())
def test_kept_columns_of_any_bytes(tmp_path, data, name, header):
    """The columns are as long as the texts, whatever the rows are."""
    path = tmp_path / f"a.{name}"
    path.write_bytes((b"id,text,x\n" if header and name == "csv" else b"") + data)
    try:
        for batch in read_batches([locate(path)], Columns(keep=True), batch_size=5):
            if batch.kept is not None:
                assert batch.kept.num_rows == len(batch.texts)
                assert encode(batch.kept, "jsonl").count(b"\n") == len(batch.texts)
    except ModdefenseError as error:
        one_line(error)


@QUICK
@given(data=BYTES, name=st.sampled_from(["a.csv", "a.jsonl", "a.txt", "a.parquet", "a.odd"]))
def test_any_quarantine(tmp_path, data, name):
    """Entries about any bytes of any file, there or not, and files that are none of quarantine."""
    source = tmp_path / name
    source.write_bytes(data)
    why = Rejection("error", "encoding", data)
    path = tmp_path / "q.jsonl"
    path.write_bytes(encode_rejected([(str(source), 0, why), ("gone.csv", 1, why)]))
    quarantine = replace(locate(path), format="quarantine")
    assert sum(batch.rows for batch in read_batches([quarantine])) == 2
    path.write_bytes(data)
    try:
        list(read_batches([quarantine]))
    except ModdefenseError as error:
        one_line(error)


@QUICK
@given(at=st.integers(0, 5000), what=st.integers(1, 255))
def test_parquet_with_a_flipped_byte(tmp_path, parquet, at, what):
    data = bytearray(parquet)
    data[at % len(data)] ^= what
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    rows_of(path)


@QUICK
@given(data=BYTES, name=st.sampled_from(["csv", "tsv", "jsonl", "txt", "parquet", "csv.gz"]))
def test_the_command_ends_as_agreed(tmp_path, data, name):
    """Any bytes: an exit code of the contract, a line of error at most, no traceback."""
    path = tmp_path / f"a.{name}"
    path.write_bytes(data)
    arguments = ["lexicon", "match", "--lexicon", str(_terms(tmp_path)), str(path), "--workers=1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 2, 3, 4)
    assert "should not happen" not in result.stderr
    assert "Traceback" not in result.stderr
    if result.exit_code in (2, 3):
        assert len(result.stderr.strip().splitlines()) == 1
    for line in result.stdout.encode().splitlines():
        assert set(json.loads(line)) == {"id", "matches"}


def _terms(folder):
    path = folder / "terms.csv"
    if not path.exists():
        Lexicon([Term("x-jerk", "jerk", severity=1)]).write(path)
    return path


@QUICK
@given(data=BYTES, cut=st.integers(0, 400), flip=st.integers(0, 400))
def test_damaged_gzip(tmp_path, data, cut, flip):
    packed = bytearray(gzip.compress(b"id,text\n" + data, mtime=0))
    if flip < len(packed):
        packed[flip] ^= 0x41
    path = tmp_path / "a.csv.gz"
    path.write_bytes(packed[: max(0, len(packed) - cut)])
    rows_of(path)


@QUICK
@given(
    data=BYTES, encoding=st.sampled_from(["utf-16", "utf-16-be", "shift_jis", "cp1252", "utf-7"])
)
def test_any_bytes_in_any_encoding(tmp_path, data, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    rows_of(path, encoding=encoding)


@QUICK
@given(texts=st.lists(st.binary(max_size=20).filter(lambda b: b"\n" not in b), max_size=20))
def test_text_lines_are_all_accounted_for(tmp_path, texts):
    path = tmp_path / "a.txt"
    path.write_bytes(b"".join(b"." + text + b"\n" for text in texts))
    read, rejected = rows_of(path)
    assert len(read) + len(rejected) == len(texts)
    for text, line in zip(read, [t for t in texts if _valid(t)], strict=True):
        assert text == "." + line.decode().removesuffix("\r")


def _valid(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@QUICK
@given(
    rows=st.lists(
        st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.text(max_size=5)),
        max_size=8,
    )
)
def test_csv_that_python_wrote_is_read_back(tmp_path, rows):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["text", "other"])
    writer.writerows(rows)
    path = tmp_path / "a.csv"
    path.write_bytes(buffer.getvalue().encode("utf-8", "surrogatepass"))
    read, rejected = rows_of(path)
    valid = [text for text, other in rows if _encodable(other)]
    assert read == valid
    assert len(rejected) == len(rows) - len(valid)


def _encodable(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@QUICK
@given(lines=st.lists(PIECES, min_size=1, max_size=30), at=st.integers(0, 4))
def test_good_rows_after_a_broken_one_are_read(tmp_path, lines, at):
    """A broken row may take what follows into an open quote, but gives it back."""
    broken = b"".join(lines).replace(b"\n", b"").replace(b"\r", b"")
    good = [b"%d,good row %d" % (n, n) for n in range(5)]
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n".join([b"id,text", *good[:at], broken, *good[at:]]) + b"\n")
    result = rows_of(path)
    assert result is not None
    for n in range(5):
        assert f"good row {n}" in result[0]


@pytest.fixture(scope="module")
def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2, 3], "text": ["a", None, "c" * 50]}), sink)
    return sink.getvalue()


@QUICK
@given(cut=st.integers(1, 2000))
def test_truncated_parquet(tmp_path, parquet, cut):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet[: max(0, len(parquet) - cut)])
    assert rows_of(path) is None


@QUICK
@given(st.one_of(st.binary(), st.lists(PIECES).map(b"".join)))
def test_raw_text_can_be_undone(raw):
    text = raw_text(raw).encode()
    if not _valid(raw):
        text = re.sub(
            rb"\\(\\|x([0-9a-f]{2}))", lambda m: bytes([int(m[2], 16)]) if m[2] else b"\\", text
        )
    assert text == raw
