"""Reading: a record for every readable row, in order; any other row is rejected with a reason."""

from __future__ import annotations

import gzip
import io
import json
import sys
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moddefense.batch import rows
from moddefense.batch.reading import Columns, read_batches
from moddefense.batch.sources import locate
from moddefense.errors import ConfigurationError, ReadError


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


TEXTS = [
    "plain",
    "",
    "café 😀",
    'quotes "x", commas',
    "two\nlines\r\nthree",
    " spaces ",
    "\x0cff\u2028",
]


@pytest.fixture
def put(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def as_csv(texts, delimiter=","):
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    lines = [f"{index}{delimiter}{text}" for index, text in enumerate(quoted)]
    return "\n".join([f"id{delimiter}text", *lines, ""]).encode()


def as_jsonl(texts):
    return "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", as_csv(TEXTS)),
        ("a.CSV", as_csv(TEXTS)),
        ("a.tsv", as_csv(TEXTS, "\t")),
        ("a.jsonl", as_jsonl(TEXTS)),
        ("a.ndjson", as_jsonl(TEXTS)),
        ("bom.csv", b"\xef\xbb\xbf" + as_csv(TEXTS)),
        ("bom.jsonl", b"\xef\xbb\xbf" + as_jsonl(TEXTS)),
        ("a.csv.gz", gzip.compress(as_csv(TEXTS))),
        ("two.jsonl.gz", gzip.compress(as_jsonl(TEXTS)[:30]) + gzip.compress(as_jsonl(TEXTS)[30:])),
        ("a.jsonl.zst", zstd(as_jsonl(TEXTS))),
    ],
)
def test_formats_give_the_same_rows(put, read, name, data):
    records, rejected = read(put(name, data))
    assert records == [(str(index), text) for index, text in enumerate(TEXTS)]
    assert rejected == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("ids", [list(range(len(TEXTS))), [str(i) for i in range(len(TEXTS))]])
def test_parquet(tmp_path, read, kind, ids):
    table = pa.table({"n": ids, "text": pa.array(TEXTS, kind), "id": ids})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert read(tmp_path / "a.parquet")[0] == [(str(i), t) for i, t in enumerate(TEXTS)]


def test_parquet_dictionary_null_and_invalid_text(tmp_path, read):
    words = pa.array(["a", None, "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"text": words}), tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet") == (
        [("0", "a"), ("2", "b"), ("3", "a")],
        [(1, "missing", None)],
    )
    pq.write_table(
        pa.table({"text": pa.array([b"ok", b"\xff\xfe"], pa.binary())}), tmp_path / "b.parquet"
    )
    assert read(tmp_path / "b.parquet") == ([("0", "ok")], [(1, "encoding", b"\xff\xfe")])


def test_parquet_with_invalid_strings(tmp_path, read):
    broken = pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"ok\xff")
    )
    pq.write_table(pa.table({"text": broken}), tmp_path / "s.parquet")
    assert read(tmp_path / "s.parquet") == ([("0", "ok")], [(1, "encoding", b"\xff")])


def test_parquet_column_of_numbers_is_wrong_usage(tmp_path, read):
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "n.parquet")
    with pytest.raises(ConfigurationError, match="holds int64, not strings"):
        read(tmp_path / "n.parquet")


def test_every_line_of_a_text_file_is_a_text(put, read):
    records, rejected = read(
        put("a.txt", b"one\r\n\ntwo\rstill two\x0b\x0c\xe2\x80\xa8\xc2\x85\n \nlast")
    )
    assert records == list(
        zip("01234", ["one", "", "two\rstill two\x0b\x0c\u2028\x85", " ", "last"], strict=True)
    )
    assert rejected == []


@pytest.mark.parametrize(
    ("data", "count"), [(b"a\n", 1), (b"a", 1), (b"a\n\n", 2), (b"\n", 1), (b"", 0), (b"a\r\n", 1)]
)
def test_final_line_end_makes_no_line(put, read, data, count):
    assert len(read(put("a.txt", data))[0]) == count


def test_invalid_bytes_in_text(put, read):
    records, rejected = read(put("a.txt", b"\xff\xfe bad\nok\nalso \xc3\n\xed\xa0\x80\nend"))
    assert records == [("1", "ok"), ("4", "end")]
    assert rejected == [
        (0, "encoding", b"\xff\xfe bad"),
        (2, "encoding", b"also \xc3"),
        (3, "encoding", b"\xed\xa0\x80"),
    ]


JSON_LINES = [
    (b'{"text": "a"}', "a"),
    (b'{"text": null}', "missing"),
    (b'{"id": 1}', "missing"),
    (b'{"text": 3}', "type"),
    (b'{"text": ["a"]}', "type"),
    (b'{"text": true}', "type"),
    (b'{"text": "cut', "syntax"),
    (b"[1]", "syntax"),
    (b'"a"', "syntax"),
    (b"null", "syntax"),
    (b"nonsense", "syntax"),
    (b'{"text": "a"} trailing', "syntax"),
    (b'{"text": "\xff"}', "encoding"),
    (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "syntax"),
    (b"[" * 100_000, "syntax"),
    (b'{"text": "nul \\u0000"}', "nul \0"),
    (b'{"text": "half \\ud83d"}', "half \ufffd"),
    (b'{"text": "whole \\ud83d\\ude00"}', "whole 😀"),
    (b'{"text": ""}\r', ""),
]


def test_broken_json_lines(put, read):
    path = put("a.jsonl", b"\n".join(line for line, _ in JSON_LINES))
    records, rejected = read(path)
    kinds = {"missing", "type", "syntax", "encoding"}
    assert records == [(str(i), t) for i, (_, t) in enumerate(JSON_LINES) if t not in kinds]
    assert rejected == [(i, t, line) for i, (line, t) in enumerate(JSON_LINES) if t in kinds]


def test_blank_json_lines_are_no_rows(put, read):
    assert read(put("a.jsonl", b'\n{"text":"a"}\n \r\n\n{"text":"b"}\n\n'))[0] == [
        ("0", "a"),
        ("1", "b"),
    ]


def test_json_ids(put, read):
    ids = ["x", 7, 1.5, True, None, "", [1], {"a": "é"}]
    lines = "".join(json.dumps({"id": id, "text": "t"}) + "\n" for id in ids)
    found = [id for id, _ in read(put("a.jsonl", lines))[0]]
    assert found == ["x", "7", "1.5", "true", "4", "5", "[1]", '{"a": "é"}']


CSV = b"""id,text
1,plain
2,"quoted, ""x"" and
a new line"
3
4,one,too many

5,"never closed
6,"closed"
7,bad \xff byte
,no id
9,"closed"x
10,pipe of 5" width
11,nul \x00 here
12,"open until the end
13,last"""


def test_broken_csv_rows_cost_only_themselves(put, read):
    records, rejected = read(put("a.csv", CSV))
    assert records == [
        ("1", "plain"),
        ("2", 'quoted, "x" and\na new line'),
        ("6", "closed"),
        ("7", "no id"),
        ("10", 'pipe of 5" width'),
        ("11", "nul \0 here"),
        ("13", "last"),
    ]
    assert rejected == [
        (2, "fields", b"3"),
        (3, "fields", b"4,one,too many"),
        (4, "syntax", b'5,"never closed'),
        (6, "encoding", b"7,bad \xff byte"),
        (8, "syntax", b'9,"closed"x'),
        (11, "syntax", b'12,"open until the end'),
    ]


def test_csv_of_one_column_has_empty_texts(put, read):
    assert [t for _, t in read(put("a.csv", b'text\n\na\n""\n'))[0]] == ["", "a", ""]


def test_a_field_of_ten_megabytes(put, read):
    text = "long " * 2_000_000
    assert read(put("a.csv", f'text\n"{text}"\nnext\n'))[0] == [("0", text), ("1", "next")]
    assert read(put("a.jsonl", json.dumps({"text": text}) + "\n"))[0] == [("0", text)]
    assert read(put("a.txt", text + "\nnext"))[0] == [("0", text), ("1", "next")]


@pytest.mark.parametrize(
    ("name", "head", "long"),
    [
        ("a.txt", "", "x" * 5000),
        ("a.csv", "text\n", "x" * 5000),
        ("b.csv", "text\n", '"' + "x\n" * 2500 + '"'),
        ("a.jsonl", "", json.dumps({"text": "x" * 5000})),
    ],
)
def test_rows_over_the_limit_are_quarantined(put, read, monkeypatch, name, head, long):
    for module in ("rows", "lines", "delimited", "quarantine"):
        monkeypatch.setattr(f"moddefense.batch.{module}.MAX_ROW", 1000)
    last = '{"text": "last"}' if name.endswith("jsonl") else "last"
    first = last.replace("last", "first")
    records, rejected = read(put(name, f"{head}{first}\n{long}\n{last}\n"))
    assert records[0][1] == "first"
    assert records[-1][1] == "last"
    assert rejected[0][0] == 1
    assert len(records) + len(rejected) == (3 if name != "b.csv" else len(records) + len(rejected))


def test_limit_default_is_large():
    assert rows.MAX_ROW >= 10 << 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_encodings(put, read, encoding):
    data = as_csv(TEXTS).decode().encode(encoding)
    assert [t for _, t in read(put("a.csv", data), encoding=encoding)[0]] == TEXTS


def test_undecodable_piece_costs_its_row(put, read):
    records, rejected = read(put("a.txt", b"\x80uro\n\x81\nend"), encoding="cp1252")
    assert records == [("0", "€uro"), ("2", "end")]
    assert [row for row, _, _ in rejected] == [1]
    data = "one\n".encode("utf-16-le") + b"\x00\xd8" + "\ntwo\n".encode("utf-16-le")
    records, rejected = read(put("b.txt", data), encoding="utf-16-le")
    assert records == [("0", "one"), ("2", "two")]


def test_utf16_is_recognised_but_not_guessed(put, read):
    with pytest.raises(ConfigurationError, match="--encoding utf-16"):
        read(put("a.csv", "id,text\n1,a\n".encode("utf-16")))


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "\0"])
def test_unknown_encoding(encoding):
    with pytest.raises(ConfigurationError, match="encoding"):
        Columns(encoding=encoding)


@pytest.mark.parametrize(
    ("name", "data", "columns"),
    [
        ("a.csv", b"id,comment\n1,a\n", "'id', 'comment'"),
        ("a.csv", b"id;text\n1;a\n", "separated by ';'"),
        ("a.tsv", b"id,text\n1,a\n", "separated by ','"),
        ("a.jsonl", b'{"id":1,"comment":"a"}\n', "'id', 'comment'"),
    ],
)
def test_missing_column_names_those_there_are(put, read, name, data, columns):
    with pytest.raises(ConfigurationError, match="no column 'text'") as caught:
        read(put(name, data))
    assert columns in str(caught.value)


def test_missing_parquet_and_id_column(put, read, tmp_path):
    pq.write_table(pa.table({"comment": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match="'comment'"):
        read(tmp_path / "a.parquet")
    for path in (put("a.csv", b"text\na\n"), put("a.jsonl", b'{"text":"a"}\n')):
        with pytest.raises(ConfigurationError, match=r"no column 'key'.*--id-column"):
            read(path, id="key")


def test_column_that_is_there_twice(put, read):
    with pytest.raises(ConfigurationError, match="2 columns"):
        read(put("a.csv", b"text,text\na,b\n"))


def test_a_key_that_only_some_objects_have(put, read):
    records, rejected = read(put("a.jsonl", b'{"a":1}\n' * 50 + b'{"text":"late"}\n'))
    assert records == [("50", "late")]
    assert len(rejected) == 50


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.csv.gz"])
def test_empty_file_that_needs_a_header(put, read, name):
    with pytest.raises(ReadError, match="empty file"):
        read(put(name, b""))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.ndjson", "a.txt.gz"])
def test_empty_file_without_header_is_no_rows(put, name):
    said = []
    path = put(name, b"")
    assert list(read_batches([locate(path)], warn=said.append)) == []
    assert said == [f"{path}: empty file: no rows"]


@pytest.mark.parametrize("name", ["a.foo", "a", "a.gz", "a.parquet.gz", "a.json", ".csv.bz2"])
def test_unknown_extension(put, name):
    with pytest.raises(ConfigurationError, match="unknown extension"):
        locate(put(name, b"x"))


def test_input_format_overrides_the_name(put, read):
    assert read(put("a.log", b"a\n"), input_format="txt")[0] == [("0", "a")]
    assert read(put("a.bin", gzip.compress(b"a\n")), input_format="txt.gz")[0] == [("0", "a")]
    with pytest.raises(ConfigurationError, match="--input-format xml"):
        locate(put("b", b""), input_format="xml")


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        locate(tmp_path / "none.csv")
    with pytest.raises(ReadError, match="is a directory"):
        locate(tmp_path)
    with pytest.raises(ReadError, match="null"):
        locate("a\0b.csv")


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gz", "zst"])
def test_truncated_compression_gives_what_was_read(tmp_path, pack):
    import random

    draw = random.Random(1)
    lines = ["".join(draw.choices("abcdefgh ", k=60)) for _ in range(20_000)]
    suffix = "gz" if pack is gzip.compress else "zst"
    path = tmp_path / f"a.txt.{suffix}"
    path.write_bytes(pack("\n".join(lines).encode())[:-5000])
    seen = []

    def read_all():
        for batch in read_batches([locate(path)]):
            seen.extend(batch.texts)

    with pytest.raises(ReadError, match=r"truncated.*rows were read before") as caught:
        read_all()
    assert 10_000 < len(seen) < 20_000
    assert seen == lines[: len(seen)]
    assert f"{len(seen):,} rows" in str(caught.value)


def test_truncated_and_foreign_parquet(tmp_path, read):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a"] * 1000}), path)
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], whole[:-1], b"PAR1", b"text\na\n" * 9):
        path.write_bytes(damage)
        with pytest.raises(ReadError, match="truncated or damaged Parquet"):
            read(path)


def test_several_inputs_are_one_sequence(put, read):
    first, second = put("a.txt", b"a\n\xff\nb\n"), put("b.csv", b"text\nc\nd,e\nf\n")
    records, rejected = read(first, second)
    assert records == [("0", "a"), ("2", "b"), ("3", "c"), ("5", "f")]
    assert [(row, kind) for row, kind, _ in rejected] == [(1, "encoding"), (1, "fields")]


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 5, 100])
def test_limit_counts_all_rows(put, read, limit):
    first, second = put("a.txt", b"a\n\xff\nb\n"), put("b.txt", b"c\nd\n")
    records, rejected = read(first, second, limit=limit)
    assert len(records) + len(rejected) == min(limit, 5)


def test_batches_and_skipping(put):
    path = put("a.txt", "".join(f"{i}\n" for i in range(100)))
    whole = list(read_batches([locate(path)], batch_size=30))
    assert [batch.rows for batch in whole] == [30, 30, 30, 10]
    rest = list(read_batches([locate(path)], batch_size=30, skip=60))
    assert [(batch.first_row, batch.ids) for batch in rest] == [
        (batch.first_row, batch.ids) for batch in whole[2:]
    ]


def test_a_batch_of_long_texts_ends_early(put, monkeypatch):
    monkeypatch.setattr("moddefense.batch.reading.MAX_CHARACTERS", 10)
    path = put("a.txt", "12345\n" * 5 + "1234567890123\n1\n")
    assert [batch.rows for batch in read_batches([locate(path)])] == [2, 2, 2, 1]


def test_standard_input(monkeypatch, read):
    with pytest.raises(ConfigurationError, match="--input-format"):
        locate("-")
    for form, data in (("csv", b"text\na\n"), ("jsonl.gz", gzip.compress(b'{"text":"a"}'))):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        assert read("-", input_format=form)[0] == [("0", "a")]


def test_parquet_on_standard_input(monkeypatch, read):
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"]}), sink)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(sink.getvalue())))
    assert read("-", input_format="parquet")[0] == [("0", "a"), ("1", "b")]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl.gz"])
def test_a_uri_is_read_like_a_file(read, tmp_path, name):
    if name == "a.csv":
        (tmp_path / name).write_text("id,text\nx,one\ny,two\n")
    elif name == "a.parquet":
        pq.write_table(pa.table({"id": ["x", "y"], "text": ["one", "two"]}), tmp_path / name)
    else:
        lines = b'{"id":"x","text":"one"}\n{"id":"y","text":"two"}\n'
        (tmp_path / name).write_bytes(gzip.compress(lines))
    records, rejected = read(f"file://{tmp_path}/{name}")
    assert (records, rejected) == ([("x", "one"), ("y", "two")], [])
    source = locate(f"file://{tmp_path}/{name}")
    assert source.size == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("uri", ["file:///none/a.csv", "nonsense://a/a.csv", "file:///tmp/.csv"])
def test_a_uri_with_nothing_behind_it(uri):
    with pytest.raises(ReadError, match="cannot be read"):
        locate(uri)
