"""Common words that stand for each other or contradict each other, from lists drawn from WordNet 3.0, and false kin.

G. A. Miller (1995), "WordNet: a lexical database for English", Communications of the ACM 38(11). Only the commonest
senses of single words are kept (``prompts/thesaurus.txt``, ``antonyms.txt``, ``irregular_forms.txt``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from jepa_langchain.prompts import load_wording

_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "r", "est", "ly")
#: They follow an e and take none away: "cards" and "card" are no forms of "care".
_WITHOUT_E = ("s", "d", "r")
_SHORTEST = 3


@cache
def irregular(word: str) -> frozenset[str]:
    """The bases of an irregular form ("sold": "sell"), and the word itself."""
    return frozenset({word, *_bases().get(word, ())})


@cache
def stand_ins(one: str, other: str) -> bool:
    """Whether two words share a common sense, in whatever form."""
    lines = _lines("thesaurus")
    return bool(_held(one, lines) & _held(other, lines))


@cache
def contradict(one: str, other: str) -> bool:
    """Whether two words are listed as each other's contrary, in whatever form."""
    pairs = _pairs()
    return any(b in pairs.get(a, ()) for a in _forms(one) for b in _forms(other))


@cache
def has_contrary(word: str) -> bool:
    """Whether a word has a listed contrary."""
    return any(form in _pairs() for form in _forms(word))


@cache
def unrelated(one: str, other: str) -> bool:
    """Whether two words only look like forms of one another ("policy", "police"): ``prompts/false_kin.txt``."""
    others = _parts(other)
    return any(others.get(line, part) != part for line, part in _parts(one).items())


@cache
def _parts(word: str) -> dict[int, int]:
    """Line and part of every false kin that a word is; its longest form counts ("rates": "rate", not "rat")."""
    found: dict[int, int] = {}
    for form in sorted(_forms(word), key=lambda form: (form == word, len(form), form)):
        found.update(_false_kin().get(form, {}))
    return found


@cache
def _false_kin() -> dict[str, dict[int, int]]:
    held: dict[str, dict[int, int]] = {}
    for line, parts in enumerate(load_wording("false_kin").body.splitlines()):
        for part, words in enumerate(parts.split("|")):
            for word in words.split():
                held.setdefault(word, {})[line] = part
    return held


@cache
def _forms(word: str) -> frozenset[str]:
    return frozenset(_stripped(word)) | irregular(word)


def _stripped(word: str) -> Iterator[str]:
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST:
            yield stem
            if ending not in _WITHOUT_E:
                yield f"{stem}e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]
            if stem[-1] == "i":
                yield f"{stem[:-1]}y"


def _held(word: str, lines: dict[str, frozenset[int]]) -> frozenset[int]:
    return frozenset(line for form in _forms(word) for line in lines.get(form, ()))


@cache
def _lines(name: str) -> dict[str, frozenset[int]]:
    held: dict[str, set[int]] = {}
    for number, line in enumerate(load_wording(name).body.splitlines()):
        for word in line.split():
            held.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in held.items()}


@cache
def _pairs() -> dict[str, frozenset[str]]:
    held: dict[str, set[str]] = {}
    for line in load_wording("antonyms").body.splitlines():
        one, other = line.split(" | ")
        held.setdefault(one, set()).add(other)
        held.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in held.items()}


@cache
def _bases() -> dict[str, frozenset[str]]:
    held: dict[str, set[str]] = {}
    for line in load_wording("irregular_forms").body.splitlines():
        form, base = line.split()
        held.setdefault(form, set()).add(base)
    return {form: frozenset(bases) for form, bases in held.items()}
