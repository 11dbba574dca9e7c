"""The lexicons alone as what a batch run asks: matches instead of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from moddefense.lexicon.columns import match_column

if TYPE_CHECKING:
    from moddefense.lexicon import Match, Matcher

__all__ = ["MatchTable", "MatchesOnly"]


class MatchesOnly:
    """Screens texts with a matcher; the records are ``{"id", "matches"}``."""

    def __init__(self, matcher: Matcher) -> None:
        from moddefense import __version__

        self.matcher = matcher
        self.fingerprints: dict[str, Any] = {
            "version": __version__,
            "lexicon": matcher.fingerprint,
        }

    def screen(self, texts: Sequence[str], /) -> MatchTable:
        """Find the matches of each text."""
        return MatchTable(self.matcher.find_many(texts))


class MatchTable:
    """The matches of a batch of texts."""

    def __init__(self, matches: Sequence[Sequence[Match]]) -> None:
        self.matches = matches

    def to_arrow(
        self, ids: Sequence[str] | None = None, *, include_text: bool = False, mask: bool = False
    ) -> pa.Table:
        """Return the columns ``id`` and ``matches``; the other arguments have no use here."""
        if ids is None:
            ids = [str(index) for index in range(len(self.matches))]
        return pa.table({"id": pa.array(ids, pa.string()), "matches": match_column(self.matches)})
