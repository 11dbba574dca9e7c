"""How many of the shipped terms are found when they are disguised, by family of disguises.

    python benchmarks/evasion.py [--severity 2] [--seed 1] [--missed N]

Every one-word block term of at least four letters is disguised and put into a neutral sentence; it
counts as found when a hit of at least that severity overlaps it. The disguises take their signs
from tables of their own, not from those of the matcher.
"""

from __future__ import annotations

import argparse
import itertools
import random
import unicodedata
from collections.abc import Callable

from moddefense.lexicon import Matcher, load_lexicon

TITLE = "Disguised terms found"
CARRIERS = (
    "Well %s to you", "they were such a %s, really", "He said %s.", "%s", "stop it (%s) now",
    "the %s! was there", "“%s”", "@bob %s lol", "I read about %s yesterday", "my %s, your turn",
    "This is %s: see below", "what %s?",
)  # fmt: skip
CYRILLIC = dict(zip("aceopxyisjhkmtbnru", "асеорхуіѕјһкмтьпгц", strict=True))
GREEK = dict(zip("aoevnipuxtyk", "αοενηιρυχτγκ", strict=True))
SMALL_CAPITALS = dict(zip("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
TURNED = dict(zip("aehmrtvwy", "ɐǝɥɯɹʇʌʍʎ", strict=True))
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u2063"
LEET = {
    "a": "4@", "e": "3", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9",
    "z": "2",
}  # fmt: skip
SIGNS = "-._~*•·"
EMOJI = "😂🔥💀🙂"
VOWELS = "aeiou"

Disguise = Callable[[str, random.Random], str]


def every(table: dict[str, str] | int, share: float = 1.0) -> Disguise:
    """Replace letters by ``table``, or by the alphabet that begins at a code point."""

    def disguise(word: str, rng: random.Random) -> str:
        shown = []
        for letter in word:
            if not "a" <= letter <= "z" or rng.random() >= share:
                shown.append(letter)
            elif isinstance(table, int):
                shown.append(chr(table + ord(letter) - ord("a")))
            else:
                shown.append(rng.choice(table.get(letter, letter)))
        return "".join(shown)

    return disguise


def one(table: dict[str, str]) -> Disguise:
    """Replace one letter."""

    def disguise(word: str, rng: random.Random) -> str:
        places = [place for place, letter in enumerate(word) if letter in table]
        if not places:
            return word
        place = rng.choice(places)
        return word[:place] + rng.choice(table[word[place]]) + word[place + 1 :]

    return disguise


def insert(signs: str, low: int = 1) -> Disguise:
    """Put one sign inside the word."""

    def disguise(word: str, rng: random.Random) -> str:
        place = rng.randint(low, len(word) - low)
        return word[:place] + rng.choice(signs) + word[place:]

    return disguise


def mask(signs: str, letters: str = "", inside: bool = True) -> Disguise:
    """Replace one letter, of ``letters`` if any are named, by a sign."""

    def disguise(word: str, rng: random.Random) -> str:
        until = len(word) - inside
        places = [p for p in range(1, until) if not letters or word[p] in letters]
        if not places:
            return word
        place = rng.choice(places)
        return word[:place] + rng.choice(signs) + word[place + 1 :]

    return disguise


def drawn_out(word: str, rng: random.Random) -> str:
    place = rng.randrange(len(word))
    return word[:place] + word[place] * rng.randint(3, 8) + word[place + 1 :]


def marked(marks: int) -> Disguise:
    def disguise(word: str, rng: random.Random) -> str:
        return "".join(
            letter + "".join(chr(rng.randint(0x300, 0x36F)) for _ in range(rng.randint(1, marks)))
            for letter in word
        )

    return disguise


def accented(word: str, rng: random.Random) -> str:
    return unicodedata.normalize(
        "NFC", "".join(c + rng.choice("\u0300\u0301\u0308\u0302") for c in word)
    )


def two_masked(word: str, rng: random.Random) -> str:
    place = rng.randint(1, len(word) - 3)
    return word[:place] + "**" + word[place + 2 :]


def mixed_signs(word: str, rng: random.Random) -> str:
    return "".join(letter + rng.choice(".-_ /") for letter in word[:-1]) + word[-1]


def both(first: Disguise, second: Disguise) -> Disguise:
    return lambda word, rng: second(first(word, rng), rng)


def parted(word: str, rng: random.Random) -> str:
    """Cut a word at two random places, where it has as many."""
    cuts = sorted(rng.sample(range(1, len(word)), min(2, len(word) - 1)))
    ends = (0, *cuts, len(word))
    return " ".join(word[begin:end] for begin, end in itertools.pairwise(ends))


def spaced(sign: str) -> Disguise:
    return lambda word, rng: sign.join(word)


FAMILIES: dict[str, dict[str, Disguise]] = {
    "visual": {
        "one Cyrillic letter": one(CYRILLIC),
        "Cyrillic letters": every(CYRILLIC),
        "one Greek letter": one(GREEK),
        "Greek letters": every(GREEK, 0.7),
        "full width": every(0xFF41),
        "mathematical bold": every(0x1D41A),
        "mathematical fraktur": every(0x1D586),
        "monospace": every(0x1D68A),
        "double-struck": every(0x1D552),
        "circled": every(0x24D0),
        "squared": every(0x1F130),
        "negative squared": every(0x1F170),
        "parenthesised": every(0x249C),
        "small capitals": every(SMALL_CAPITALS),
        "turned letters": every(TURNED, 0.5),
        "accents": accented,
        "one mark": marked(1),
        "many marks": marked(8),
        "invisible in each gap": lambda w, r: "".join(c + r.choice(UNSEEN) for c in w),
        "one invisible": insert(UNSEEN),
        "bidi controls": lambda w, r: f"\u202e{w[:2]}\u2066{w[2:]}\u202c",
        "variation selectors": lambda w, r: "".join(c + "\ufe0f" for c in w),
    },
    "leetspeak": {
        "one sign": one(LEET),
        "half the signs": every(LEET, 0.5),
        "all signs": every(LEET),
        "v for u": one({"u": "v"}),
    },
    "repetition": {
        "one letter": drawn_out,
        "most letters": lambda w, r: "".join(
            c * (r.randint(2, 5) if r.random() < 0.6 else 1) for c in w
        ),
    },
    "spacing": {
        "spaces": spaced(" "),
        "wide spaces": spaced("  "),
        "full stops": spaced("."),
        "hyphens": spaced("-"),
        "underscores": spaced("_"),
        "stars": spaced("*"),
        "mixed signs": mixed_signs,
        "emoji": spaced("😂"),
        "one sign": insert(SIGNS),
        "one emoji": insert(EMOJI),
        "markup": lambda w, r: w[:2] + "<b></b>" + w[2:],
        "one space": insert(" ", 2),
        "spaces at random": parted,
    },
    "masking": {
        "a vowel by a star": mask("*", VOWELS),
        "a vowel by a sign": mask("#-_.%", VOWELS),
        "an inner letter by a star": mask("*"),
        "two letters by stars": two_masked,
    },
    "mixed": {
        "leet and spaces": both(one(LEET), spaced(" ")),
        "leet and repetition": both(one(LEET), drawn_out),
        "full width and full stops": both(every(0xFF41), spaced(".")),
    },
}


def measure(severity: int, seed: int) -> dict[tuple[str, str], tuple[float, list[str]]]:
    """Return (family, disguise) → share found, and what was missed."""
    lexicon = load_lexicon("en")
    matcher = Matcher(lexicon)
    words = [
        term.term
        for term in lexicon
        if term.kind == "block" and term.status == "active" and (term.severity or 0) >= severity
        and term.term.isascii() and term.term.isalpha() and len(term.term) >= 4
    ]  # fmt: skip
    results = {}
    for family, disguises in FAMILIES.items():
        for name, disguise in disguises.items():
            rng = random.Random(f"{seed} {family} {name}")
            texts, spans = [], []
            for word in words:
                shown, carrier = disguise(word, rng), rng.choice(CARRIERS)
                start = carrier.index("%s")
                texts.append(carrier.replace("%s", shown))
                spans.append((start, start + len(shown)))
            missed = [
                text
                for text, (start, end), hits in zip(
                    texts, spans, matcher.find_many(texts), strict=True
                )
                if not any(
                    hit.start < end and start < hit.end and (hit.term.severity or 0) >= severity
                    for hit in hits
                )
            ]
            results[family, name] = 1 - len(missed) / len(words), missed
    return results


def report(severity: int = 2, seed: int = 1, show: int = 0) -> str:
    """Measure and return the results as Markdown."""
    results = measure(severity, seed)
    lines = [
        f"One-word terms of severity {severity} and up in neutral sentences; seed {seed}.",
        "",
        "| family | disguise | found |",
        "|---|---|--:|",
    ]
    for (family, name), (share, missed) in results.items():
        lines.append(f"| {family} | {name} | {share:.1%} |")
        lines += [f"    {text}" for text in missed[:show]]
    for family in FAMILIES:
        shares = [share for (of, _), (share, _) in results.items() if of == family]
        lines.append(f"| **{family}** | all {len(shares)} | {sum(shares) / len(shares):.1%} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--severity", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", type=int, default=0, help="show that many missed texts of each")
    options = parser.parse_args()
    print(report(options.severity, options.seed, options.missed))


if __name__ == "__main__":
    main()
