"""Numbers and acronyms in one spelling: "10,000" and "10000", "ten per cent" and "10%", "AI" and its two words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import NamedTuple

from jepa_langchain.chains.words import TOKEN, Lexicon, normalise, same_word, tokens

_TEENS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = {
    word: Decimal(10 * n)
    for n, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
_SCALES = {word: Decimal(10**n) for word, n in (("hundred", 2), ("thousand", 3), ("million", 6), ("billion", 9))}
_VALUES = {word: Decimal(n) for n, word in enumerate(_TEENS)} | _TENS | _SCALES
#: What "twenty" takes up: "twenty-five".
_UNITS = frozenset(_TEENS[1:10])
#: They count nothing by themselves: "one of them", "on the one hand".
_NO_COUNTS = frozenset({"zero", "one"})
# A word with a digit in it ("co2"), a number with its inner points and commas ("1.5", "10,000", "16th"), or a word.
_FOUND = re.compile(
    r"(?P<mixed>[^\W\d_]+\d[^\W_]*)"
    r"|(?P<number>(?:(?<![\w)])-)?(?:(?<!\w)\.)?\d+(?:[.,]\d+)*)(?P<ending>[^\W\d_][^\W_]*)?"
    r"|(?P<word>[^\W\d_]+)"
)
_PERCENT = re.compile(r"[\s-]*(?:%|per ?cent\b)")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BESIDE = re.compile(r"[\s-]")
# Between the ends of a range, or the two sides of a ratio.
_RANGE = re.compile(r"[^\d.;:!?]{0,20}?(?:\b(?:to|until|per|of)\b|[-:/])[^\d.;:!?]{0,5}?")
# What a number counts, and what two numbers stand between that count the same ("10 to 20 euros").
_COUNTED = re.compile(r"[\s-]+([^\W\d_]+)")
_SAME_COUNT = re.compile(r"\s*(?:[-,]|\b(?:to|until|and|or)\b)\s*")
# The personas, not a number.
_CALLED_TWO = re.compile(r"\bthe two\b|\btwo (?:sides|agents|personas|parties)\b", re.IGNORECASE)
_ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")


class Figure(NamedTuple):
    """A number of a text: its one spelling, what more digits or words may still make of it, and where it stands."""

    text: str
    value: Decimal | None
    start: int
    stop: int


def figures(text: str, lexicon: Lexicon) -> list[Figure]:
    """The numbers of a normalised text in order, in digits and in words."""
    found: list[Figure] = []
    for match in _FOUND.finditer(text):
        last = found[-1] if found else None
        if last and match.start() < last.stop:
            continue  # the word "percent" of the number before it
        figure = _of_word(match, last, text, lexicon) if match["word"] else _of_digits(match)
        if figure is None:
            continue
        if last and figure.start == last.start:
            found.pop()
        percent = _PERCENT.match(text, figure.stop)
        if percent:
            known = figure.text if figure.value is None else _plain(figure.value)
            figure = Figure(f"{known}%", None, figure.start, percent.end())
        found.append(figure)
    return found


def _of_digits(match: re.Match[str]) -> Figure:
    if match["mixed"]:
        return Figure(match["mixed"], None, match.start(), match.end())
    raw = match["number"]
    try:
        value = Decimal(raw.replace(",", "") if _THOUSANDS.fullmatch(raw) else raw)
    except InvalidOperation:  # "1,5" or "2.1.3": compared as it stands
        return Figure(match.group(), None, match.start(), match.end())
    ending = match["ending"] or ""
    return Figure(_plain(value) + ending, None if ending else value, match.start(), match.end())


def _of_word(match: re.Match[str], last: Figure | None, text: str, lexicon: Lexicon) -> Figure | None:
    """The number that a word is, or that it makes of the last one ("1.5 million", "twenty-five")."""
    word = match["word"]
    if last and last.value is not None and _BESIDE.fullmatch(text, last.stop, match.start()):
        if word in _SCALES:
            value = last.value * _SCALES[word]
            return Figure(_plain(value), value, last.start, match.end())
        if last.value in _TENS.values() and word in _UNITS:
            value = last.value + _VALUES[word]
            return Figure(_plain(value), value, last.start, match.end())
    if word in _VALUES:
        value = _VALUES[word]
        return Figure(word if word in _NO_COUNTS else _plain(value), value, match.start(), match.end())
    return Figure(word, None, match.start(), match.end()) if word in lexicon.numbers else None


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def invented(text: str, statements: Sequence[str], lexicon: Lexicon) -> str:
    """A number of a text that no statement has, or of other things than there; or a range that is turned round."""
    said = [figures(normalise(statement), lexicon) for statement in statements]
    known = {name for found in said for figure in found for name in _names(figure)} | {"one"}
    if any(lexicon.denying(word) for statement in statements for word in tokens(statement)):
        known.add("zero")
    counts = [count for found, text in zip(said, statements, strict=True) for count in _counts(found, text, lexicon)]
    ranges = {pair for found, statement in zip(said, statements, strict=True) for pair in _ranges(found, statement)}
    text = _CALLED_TWO.sub(" ", text)
    told = figures(normalise(text), lexicon)
    for figure in told:
        if figure.text not in known:
            return figure.text
    for figure, thing in _counts(told, text, lexicon):
        held = [_names(number) for number, counted in counts if same_word(thing, counted)]
        if held and not any(_names(figure) & names for names in held):
            return f"{figure.text} {thing}"
    turned = [pair for pair in _ranges(told, text) if pair not in ranges and pair[::-1] in ranges]
    return " to ".join(turned[0]) if turned else ""


def exchanged(told: str, own: str, other: str, lexicon: Lexicon) -> str:
    """A number told of one side that the other's statement has and its own has not."""
    mine, theirs = (
        {name for figure in figures(normalise(said), lexicon) for name in _names(figure)} for said in (own, other)
    )
    numbers = [figure.text for figure in figures(normalise(_CALLED_TWO.sub(" ", told)), lexicon)]
    return next((number for number in numbers if number in theirs - mine - _NO_COUNTS), "")


def _names(figure: Figure) -> set[str]:
    """A number's spelling, and in digits."""
    return {figure.text} if figure.value is None else {figure.text, _plain(figure.value)}


def _counts(found: Sequence[Figure], text: str, lexicon: Lexicon) -> list[tuple[Figure, str]]:
    """The numbers that stand before what they count, and that."""
    plain = normalise(text)
    counts: list[tuple[Figure, str]] = []
    thing, after = "", len(plain)
    for figure in reversed(found):
        if not _SAME_COUNT.fullmatch(plain, figure.stop, after):
            word = _COUNTED.match(plain, figure.stop)
            thing = word[1] if word and word[1] not in lexicon.light else ""
        after = figure.start
        counts += [(figure, thing)] if thing else []
    return counts


def _ranges(found: Sequence[Figure], text: str) -> set[tuple[str, str]]:
    plain = normalise(text)
    return {(x.text, y.text) for x, y in pairwise(found) if _RANGE.fullmatch(plain, x.stop, y.start)}


def as_spelled(text: str, statements: Sequence[str], names: Sequence[str], lexicon: Lexicon) -> str:
    """A text with numbers and acronyms put as the statements have them: "3" for "three", two words for "AI".

    A persona's name and what a statement spells so itself are left as they are.
    """
    own = {*names, *(word for statement in statements for word in TOKEN.findall(statement))}
    known: dict[str, str] = {}
    for statement in statements:
        words = [word for word in TOKEN.finditer(statement) if _names_something(word.group(), lexicon)]
        initials = "".join(word.group()[0] for word in words).upper()
        for acronym in {*_ACRONYM.findall(text)} - own:
            place = initials.find(acronym)
            if place >= 0:
                known[acronym] = statement[words[place].start() : words[place + len(acronym) - 1].end()]
    return _ACRONYM.sub(
        lambda match: known.get(match.group(), match.group()), _with_figures_of(statements, text, lexicon)
    )


def _with_figures_of(statements: Sequence[str], text: str, lexicon: Lexicon) -> str:
    spelled: dict[str, str] = {}
    for statement in statements:
        for figure in _places(statement, lexicon):
            spelled |= dict.fromkeys(_names(figure), statement[figure.start : figure.stop])
    called = [match.span() for match in _CALLED_TWO.finditer(text)]
    for figure in reversed(_places(text, lexicon)):
        start, stop = figure.start, figure.stop
        counted = figure.text not in _NO_COUNTS and not any(low <= start < high for low, high in called)
        if counted and figure.text in spelled:
            text = text[:start] + spelled[figure.text] + text[stop:]
    return text


def _places(text: str, lexicon: Lexicon) -> list[Figure]:
    """The numbers of a text that is not normalised; none if a letter's small form is longer and places would shift."""
    return figures(text.lower(), lexicon) if len(text.lower()) == len(text) else []


def _names_something(word: str, lexicon: Lexicon) -> bool:
    return word.lower() not in lexicon.light and (word[0].isupper() or word not in lexicon.allowed)
