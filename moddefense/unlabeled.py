"""Texts without labels, for the methods of training that can learn from them."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from moddefense.batch.reading import Columns, read_batches
from moddefense.batch.sources import locate
from moddefense.corpus import Split
from moddefense.errors import ConfigurationError, RecipeError, at
from moddefense.folding import fold_many
from moddefense.recipe import Recipe

__all__ = ["Unlabeled", "learns_from_unlabeled", "require_use"]

METHODS = ("vat", "fgm+vat")


@dataclasses.dataclass(frozen=True)
class Unlabeled:
    """Texts; ``source`` names their files, ``notes`` say what was left out, with counts."""

    texts: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the texts in order."""
        digest = hashlib.sha256()
        for text in self.texts:
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.hexdigest()

    @classmethod
    def read(cls, *paths: str | Path, text_column: str = "text") -> Unlabeled:
        """Read files in any format that ``screen`` reads, as ``.txt`` one text a line.

        Rows that cannot be read and empty texts are left out and counted in ``notes``. Raises
        ConfigurationError on a missing column or when no text is left; ReadError on a file that
        cannot be read.

        >>> Unlabeled.read("posts.jsonl", "posts.txt")  # doctest: +SKIP
        """
        texts: list[str] = []
        broken = 0
        for batch in read_batches([locate(path) for path in paths], Columns(text_column)):
            texts += batch.texts
            broken += len(batch.rejected)
        names = ", ".join(Path(path).name for path in paths)
        kept = tuple(text for text in texts if text.strip())
        counts = {"unreadable rows": broken, "empty texts": len(texts) - len(kept)}
        if not kept:
            raise ConfigurationError(f"{at(names)}no text to learn from")
        notes = (f"{names}: {count} {what} left out" for what, count in counts.items() if count)
        return cls(kept, ", ".join(str(path) for path in paths), tuple(notes))

    def apart_from(self, split: Split) -> Unlabeled:
        """Return those whose folded text no split has, each once."""
        seen = {key for part in (split.train, split.val, split.test) for key in _keys(part.texts)}
        kept = []
        for text, key in zip(self.texts, _keys(self.texts), strict=True):
            if key not in seen:
                kept.append(text)
                seen.add(key)
        left_out = len(self.texts) - len(kept)
        note = f"unlabelled: {left_out} texts left out that stand twice or in a split"
        return dataclasses.replace(
            self, texts=tuple(kept), notes=(*self.notes, note) if left_out else self.notes
        )


def _keys(texts: tuple[str, ...]) -> list[str]:
    return [" ".join(folded.split()) for folded in fold_many(texts)]


def learns_from_unlabeled(recipe: Recipe) -> bool:
    """Whether the recipe's adversarial method learns from texts without labels.

    >>> learns_from_unlabeled(Recipe().override({"adversarial.method": "vat"}))
    True
    """
    return recipe.adversarial.method in METHODS and recipe.adversarial.unlabeled_ratio > 0


def require_use(recipe: Recipe) -> None:
    """Raise RecipeError when the recipe has no use for unlabelled texts.

    >>> require_use(Recipe().override({"adversarial.method": "vat"}))
    """
    method = recipe.adversarial.method
    if learns_from_unlabeled(recipe) or recipe.pretraining.epochs:
        return
    if method not in METHODS:
        raise RecipeError(
            f"adversarial.method: {method!r} cannot learn from unlabelled texts; choose "
            f"{' or '.join(METHODS)}, set pretraining.epochs, or leave them out"
        )
    raise RecipeError(
        "adversarial.unlabeled_ratio: 0 leaves no place for unlabelled texts; raise it, or "
        "leave them out"
    )
