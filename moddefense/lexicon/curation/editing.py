"""Edit a list so that a crash or two editors at once lose nothing: lock, temporary file, rename."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from moddefense.errors import LexiconError, ReadError, WriteError, at
from moddefense.folding import fold
from moddefense.lexicon.terms import Lexicon, Term, dumps, read_terms

__all__ = [
    "add_term", "edit", "free_id", "id_prefix", "locked", "retire_term", "same_text", "slug",
    "write_atomically", "write_file",
]  # fmt: skip

_MAJORITY = 0.8  # of the ids of a list begin alike: then that is how its ids begin


def add_term(
    path: str | Path, *, term: str, id: str | None = None, create: bool = True, **fields: Any
) -> Term:
    """Add one term to the list at ``path`` and return it; ``fields`` are those of Term.

    Without ``id`` one is made of the list's prefix and the term. A list that does not exist is
    begun when ``create`` is true. Raises LexiconError when the id is in use, by a retired term too,
    or when an active term says the same already.

    >>> add_term("ours.csv", term="damn", severity=1, note="mild")  # doctest: +SKIP
    """
    added: list[Term] = []

    def change(terms: list[Term]) -> list[Term]:
        ids = {listed.id for listed in terms}
        lang = str(fields.get("lang", "en"))
        new = Term(id or free_id(id_prefix(path, ids, lang), term, ids), term, **fields)
        if new.id in ids:
            raise LexiconError(f"{at(path)}id {new.id!r} is in use; ids are never used again")
        for listed in terms:
            if listed.status == new.status == "active" and same_text(listed, new):
                raise LexiconError(f"{at(path)}{listed.id} is that term already; change that line")
        added.append(new)
        return [*terms, new]

    edit(path, change, create=create)
    return added[0]


def retire_term(path: str | Path, id: str, *, note: str) -> Term:
    """Retire the term ``id`` of the list at ``path``: its line stays, with ``note`` behind its own.

    Raises LexiconError when there is no such id, or it is retired already.
    """
    retired: list[Term] = []

    def change(terms: list[Term]) -> list[Term]:
        for place, term in enumerate(terms):
            if term.id == id:
                if term.status == "retired":
                    raise LexiconError(f"{at(path)}{id} is retired already")
                text = " ".join(part for part in (term.note, f"Retired: {note}") if part)
                retired.append(dataclasses.replace(term, status="retired", note=text))
                return [*terms[:place], retired[0], *terms[place + 1 :]]
        raise LexiconError(f"{at(path)}no term has the id {id!r}; see moddefense lexicon show")

    edit(path, change)
    return retired[0]


def edit(
    path: str | Path, change: Callable[[list[Term]], Iterable[Term]], *, create: bool = False
) -> Lexicon:
    """Read the list at ``path``, change its terms, write it back, under a lock all the while.

    Raises what reading and ``change`` raise, and WriteError; the file is then as it was.
    """
    target = Path(path)
    with locked(target):
        missing = create and not target.exists()
        terms = [] if missing else read_terms(target)
        changed = Lexicon(change(terms), name=target.stem)
        if missing or list(changed) != terms:
            write_atomically(target, dumps(changed))
    return changed


@contextlib.contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Hold the only lock on editing ``path``; others wait. Raises WriteError.

    The lock is on a file beside it, ``.NAME.lock``, that is there only while somebody holds it; one
    that a crash has left behind is in nobody's way.
    """
    import fcntl

    target = _real(path)
    name = target.with_name(f".{target.name}.lock")
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stream = name.open("a")
                fcntl.flock(stream, fcntl.LOCK_EX)
            except OSError as error:
                raise _unwritable(path, error) from None
            if _is(name, stream):
                break
            stream.close()  # its holder has removed it since: wait for the one that is there now
        stack.callback(stream.close)
        stack.callback(name.unlink, missing_ok=True)
        yield


def write_atomically(path: str | Path, data: bytes) -> None:
    """Replace the file by one with ``data``, whole or not at all, with the mode it had.

    To be called by who holds the lock. Raises WriteError.
    """
    target = _real(path)
    temporary = target.with_name(f".{target.name}.new")
    try:
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unwritable(path, error) from None


def write_file(path: str | Path, data: bytes) -> None:
    """Write a file under its lock, whole or not at all. Raises WriteError."""
    with locked(path):
        write_atomically(path, data)


def same_text(one: Term, other: Term) -> bool:
    """Whether two terms say the same: kind, match, language and folded text.

    >>> same_text(Term("a", "Damn", severity=1), Term("b", "damn", severity=2))
    True
    """
    return _said(one) == _said(other)


def id_prefix(path: str | Path, ids: Iterable[str], lang: str) -> str:
    """Return what the ids of a list begin with: as most do, else the language and the file's name.

    >>> id_prefix("ours.csv", [], "en"), id_prefix("ours.csv", ["x-crap", "x-jerk"], "en")
    ('en-ours-', 'x-')
    """
    listed = list(ids)
    named = f"{lang}-{slug(Path(path).stem)}-"
    if not listed or any(key.startswith(named) for key in listed):
        return named
    heads: dict[str, int] = {}
    for key in listed:
        head = key.partition("-")[0] + "-"
        heads[head] = heads.get(head, 0) + 1
    head = max(heads, key=lambda key: heads[key])
    return head if heads[head] >= _MAJORITY * len(listed) else named


def free_id(prefix: str, term: str, taken: Iterable[str]) -> str:
    """Return an id for ``term`` that is not taken.

    >>> free_id("en-", "Damn it!", {"en-damn-it"})
    'en-damn-it-2'
    """
    used = taken if isinstance(taken, set | frozenset | dict) else set(taken)
    first = prefix + slug(term)
    key, number = first, 1
    while key in used:
        number += 1
        key = f"{first}-{number}"
    return key


def slug(text: str) -> str:
    """Return ``text`` in lower-case ASCII letters, digits and hyphens; a hash where none is left.

    >>> slug("Crème brûlée!")
    'creme-brulee'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return made or "x" + hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def _said(term: Term) -> tuple[str, str, str, str]:
    return term.kind, term.match, term.lang, " ".join(fold(term.term).split())


def _real(path: str | Path) -> Path:
    """The file itself: renaming onto a symbolic link would cut the link off."""
    return Path(os.path.realpath(path))


def _is(name: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(name.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _unwritable(path: str | Path, error: OSError) -> WriteError | ReadError:
    return WriteError(f"{at(path)}cannot be written ({error.strerror or error}); name another file")
