"""Words as the verifier compares them: normal form, the same word in another form, its opposite, its stand-ins.

The lists are data (``prompts/opposites.txt``, ``synonyms.txt``, ``allowed_words.txt``, ``light_words.txt``); the rules
here are English only, so a narrative in another language is verified by its quotes alone (see the verifier).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import takewhile

from jepa_langchain.chains.thesaurus import contradict, has_contrary, irregular, stand_ins, unrelated
from jepa_langchain.prompts import load_wording

#: A word or number; an inner apostrophe belongs to it, a hyphen parts two words.
TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*%?")
_QUOTES = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "\N{HYPHEN}": "-",
        "\N{FIGURE DASH}": "-",
        "\N{MINUS SIGN}": "-",
    }
)
_SPACE = re.compile(r"\s+")
_DENYING_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")
#: Words that begin like a denial and are none.
_NO_DENIALS = (
    "imprison",
    "improve",
    "impress",
    "import",
    "inform",
    "invent",
    "income",
    "invest",
    "inside",
    "insure",
    "discover",
    "display",
    "dispatch",
    "district",
    "disease",
    "intend",
    "mistress",
    "immigr",
    "innovat",
)
_STEM = 3
_SHARED = 0.4
_NEGATED_STEM = 4


def normalise(text: str) -> str:
    """One spelling of a text for comparison: NFKC, straight quotes and dashes, single spaces, lower case."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).translate(_QUOTES)).strip().lower()


def tokens(text: str) -> list[str]:
    """The words of a text in their normal form."""
    return [bare(word) for word in TOKEN.findall(normalise(text))]


def bare(word: str) -> str:
    """A word without its possessive ending."""
    return word.removesuffix("'s").removesuffix("'")


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(load_wording(name).body.split())


@cache
def same_word(one: str, other: str) -> bool:
    """Whether two words are forms of one another: a common beginning, endings that English adds, and no false kin."""
    if one == other or irregular(one) & irregular(other):
        return True
    size = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    if size < _STEM or size < _SHARED * max(len(one), len(other)):
        return False
    rest, rest_other = one[size:], other[size:]
    last = one[size - 1]
    endings = _words("endings") | {""}
    # A doubled consonant: plan, planned.
    doubled = (rest[1:] if rest[:1] == last else rest), (rest_other[1:] if rest_other[:1] == last else rest_other)
    return ({rest, rest_other} <= endings or set(doubled) <= endings) and not unrelated(one, other)


@cache
def denies(one: str, other: str) -> bool:
    """Whether one word is the other under a denying prefix (un-, in-, dis-, non-, mis-) or with -less."""
    return any(_is_denied(a, b) for a, b in ((one, other), (other, one)))


def _is_denied(word: str, base: str) -> bool:
    if word.startswith(_NO_DENIALS):
        return False
    for prefix in _DENYING_PREFIXES:
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) >= _NEGATED_STEM and same_word(rest, base):
            return True
    stem, less, _ = word.partition("less")
    return bool(less) and len(stem) >= _STEM and same_word(stem, base)


@dataclass(frozen=True)
class Lexicon:
    """What is known of English words beyond their form."""

    light: frozenset[str]
    allowed: frozenset[str]
    synonyms: tuple[frozenset[str], ...]
    opposites: tuple[tuple[frozenset[str], frozenset[str]], ...]
    denials: frozenset[str]
    negatives: frozenset[str]
    amounts: frozenset[str]
    numbers: frozenset[str]
    attitudes: tuple[frozenset[str], frozenset[str]]
    valence: tuple[frozenset[str], frozenset[str]]

    def denying(self, word: str) -> bool:
        """Whether a word turns round what follows it."""
        return word in self.denials or word.endswith("n't")

    def negative(self, word: str) -> bool:
        """Whether a word makes a claim a negative one: a denial, "-less", or a listed word such as "refuse"."""
        lacking = word.endswith("less") and len(word) > len("unless")
        return self.denying(word) or word in self.negatives or lacking

    def tone(self, words: Iterable[str]) -> int:
        """How many words of a statement speak well of its matter, less those that speak ill of it."""
        return sum((word in self.valence[0]) - (word in self.valence[1]) for word in words)

    def attitude(self, word: str) -> int:
        """1 for a word of favour, -1 for one of disfavour, 0 for any other."""
        return (word in self.attitudes[0]) - (word in self.attitudes[1])

    def opposite(self, one: str, other: str) -> bool:
        """Whether two words stand on the two sides of an opposition."""
        if denies(one, other) or contradict(one, other):
            return True
        sides, others = self._sides(one), self._sides(other)
        return bool(sides & {(group, 1 - side) for group, side in others}) and not sides & others

    def alike(self, one: str, other: str) -> bool:
        """Whether one word may stand for the other: forms of one word, synonyms, or one side of an opposition."""
        if same_word(one, other):
            return True
        listed = self._groups(one) & self._groups(other) or self._sides(one) & self._sides(other)
        return bool(listed) or stand_ins(one, other)

    def takes_sides(self, word: str) -> bool:
        """Whether a word has a listed opposite, or denies by its form."""
        if self._sides(word) or has_contrary(word):
            return True
        return word.endswith("less") or any(
            word.startswith(prefix) and len(word) - len(prefix) >= _NEGATED_STEM
            for prefix in ("un", "dis", "mis", "non")
        )

    def _groups(self, word: str) -> frozenset[int]:
        return _memberships(word, self.synonyms)

    def _sides(self, word: str) -> frozenset[tuple[int, int]]:
        return frozenset(
            (group, side)
            for side in (0, 1)
            for group in _memberships(word, tuple(pair[side] for pair in self.opposites))
        )


@cache
def _memberships(word: str, groups: tuple[frozenset[str], ...]) -> frozenset[int]:
    exact = frozenset(i for i, group in enumerate(groups) if word in group)
    return exact or frozenset(
        i for i, group in enumerate(groups) if len(word) > _NEGATED_STEM and any(_inflected(word, w) for w in group)
    )


def _inflected(word: str, listed: str) -> bool:
    """A listed word with an ending of inflection only: derivations are listed by themselves."""
    return len(listed) >= _STEM and same_word(word, listed) and abs(len(word) - len(listed)) <= _STEM


def _two_lines(name: str) -> tuple[frozenset[str], frozenset[str]]:
    first, second = load_wording(name).body.splitlines()
    return frozenset(first.split()), frozenset(second.split())


@cache
def english() -> Lexicon:
    """The lexicon of the package's lists."""
    opposites = []
    for line in load_wording("opposites").body.splitlines():
        left, right = line.split(" | ")
        opposites.append((frozenset(left.split()), frozenset(right.split())))
    return Lexicon(
        light=_words("light_words"),
        allowed=_words("allowed_words"),
        synonyms=tuple(frozenset(line.lower().split()) for line in load_wording("synonyms").body.splitlines()),
        opposites=tuple(opposites),
        denials=_words("denials"),
        negatives=_words("negatives"),
        amounts=_words("amounts"),
        numbers=_words("number_words"),
        attitudes=_two_lines("attitudes"),
        valence=_two_lines("valence"),
    )
