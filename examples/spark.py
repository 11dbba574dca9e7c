"""Screening a Spark data frame: ``posts.mapInArrow(screened, SCHEMA)``.

moddefense has to be installed on every worker. Each Python worker loads lexicons and models once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pyarrow as pa

import moddefense as md

SCHEMA = (
    "id string, decision string, decided_by string, trigger double, score double, "
    "uncertainty double, labels map<string,double>, matches array<struct<term:string,"
    "kind:string,category:string,severity:tinyint,start:bigint,end:bigint,text:string>>, "
    "reason string"
)


@cache
def guard() -> md.Guard:
    """The pipeline, once a process."""
    return md.load()


def screened(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Decide on the rows of one partition, which have ``id`` and ``text``."""
    names = [column.split()[0] for column in SCHEMA.split(", ")]
    for batch in guard().screen_batches(batches):
        yield batch.select(names)
