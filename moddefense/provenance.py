"""Where training data come from: the files, their hashes, and what is known of their licence."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moddefense.resources import corpora_dir

__all__ = ["describe_files"]

KNOWN = ("title", "source", "licence", "note")


def describe_files(
    parts: Mapping[str, str], *, described: Mapping[str, Mapping[str, str]] | None = None,
    source: str = "", licence: str = "",
) -> list[dict[str, str]]:  # fmt: skip
    """Describe the files behind each part of the data (``corpus``, ``val``, …), in order.

    ``parts`` maps its name to paths that ``", "`` separates. A file gets title, source and licence
    from ``described``, by path, where it was read by a description, which is then named; else from
    the shipped description of its SHA-256; else what is given here. What is no file is named and no
    more.

    >>> describe_files({"corpus": "no/such/file.csv"}, licence="CC0-1.0")
    [{'part': 'corpus', 'file': 'file.csv', 'licence': 'CC0-1.0'}]
    """
    shipped = _descriptions()
    given = {"source": source, "licence": licence}
    found = []
    for part, paths in parts.items():
        for path in map(Path, paths.split(", ")):
            entry = {"part": part, "file": path.name}
            if path.is_file():
                with path.open("rb") as file:
                    entry["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            known = (described or {}).get(str(path))
            if known is not None:
                entry["description"] = known["name"]
            else:
                known = shipped.get(entry.get("sha256", ""), given)
            found.append(entry | {key: known[key] for key in KNOWN if known.get(key)})
    return found


def _descriptions() -> dict[str, dict[str, Any]]:
    contents = [
        tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(corpora_dir().glob("*.toml"))
    ]
    return {content["sha256"]: content for content in contents if "sha256" in content}
