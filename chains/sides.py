"""Whose words are whose: a text cut into clauses, each given to the side whose view it reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from jepa_langchain.chains.words import TOKEN, english

Side = Literal["a", "b", "both"]

# A clause ends at punctuation and where a contrast begins.
_BREAKS = (
    r"[;:!?…\[\]]|\.(?=\s|$)|,(?=\s|$)|,?(?<=\w)[”\"](?=\s|$)|\s-\s|"
    r"\b(?:while|whereas|but|yet|although|though|however|because)\b"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_HALF = re.compile(r";\s+")
_JOINT = re.compile(r"\b(?:(?<!of )both|neither|the two|two sides|each side|all sides|common ground|shared?)\b")
_CONTESTS = re.compile(r"\b(?:counters?|rejects?|objects?|denies|contests?|disputes?|unlike|against|opposes?)\b")
# After "A" at the beginning of a sentence or a quote: a word that goes with a name and with no article.
_GOES_WITH_NAME = (
    r"(?:and|or|but|nor|both|also|too|who|would|will|can|could|should|must|may|might|shall|did|had|does|is|was|has|in|on|"
    r"at|to|with|for|from|by|as|like|unlike|against|meanwhile|however|instead|alone|never|always|still|not|said|held|"
    r"thought|saw|found|claimed|argued|wanted|believed|insisted|warned|called|denied|rejected|opposed|really|clearly|"
    r"strongly|firmly|similarly|likewise|simply|only|\w+(?<![sui])s)\b"
)
_ARTICLE = rf"(?:(?<!^A)(?<![.!?:;]\sA)(?<![“\"„«(\u2018']A)|(?!\s+(?!{_GOES_WITH_NAME})[a-z]))"
_DASHES = str.maketrans({"–": "-", "—": "-"})
# What ends a clause or a sentence ends none inside a name: "Dr. Lee", "Labour (UK)".
_IN_NAME = str.maketrans(dict.fromkeys(';:!?….,[]()"”-–—', "_"))


@dataclass(frozen=True)
class Clause:
    """Some words of a text and the side whose view they give."""

    text: str
    side: Side


@dataclass(frozen=True)
class Names:
    """The two personas' ids, as a text may call them.

    A one-letter name, and one that is a common word ("Will"), counts as it is spelled only; "A" that begins a sentence
    is an article where no name can stand ("A cap on rents").
    """

    a: str
    b: str

    @cached_property
    def _mention(self) -> re.Pattern[str]:
        """A mention of either, in a group that is called as the side; "Ann Lee" is no mention of "Ann"."""
        sides = sorted((("a", self.a), ("b", self.b)), key=lambda side: len(side[1]), reverse=True)
        either = "|".join(f"(?P<{side}>{_called(name)})" for side, name in sides)
        return re.compile(rf"(?<!\w)(?:{either})(?!\w)")

    @cached_property
    def _either(self) -> str:
        """A regular expression of either name."""
        return _any_of(self.a, self.b)

    @cached_property
    def _break(self) -> re.Pattern[str]:
        names = {name.translate(_IN_NAME) for name in (self.a, self.b)}
        called = rf"(?:(?i:the|agent)\s+)?(?:{_any_of(*names)})(?!\w)"
        # "(P1)" names the side of what stands before it; "and B says" begins B's part, "A and B say" does not.
        before = "".join(f"(?<!{re.escape(name)})(?<!{re.escape(name.capitalize())})" for name in names)
        return re.compile(
            rf"{_BREAKS}|\((?!\s*{called}\s*\))|\)|{before}\s(?:and|as does)\s(?={called})", re.IGNORECASE
        )

    @cached_property
    def _likewise(self) -> re.Pattern[str]:
        """What gives B what stands before it: "and so does B"."""
        return re.compile(rf"\band so (?:does|do|is|are|has|would) (?:(?i:the|agent)\s+)?(?:{self._either})(?!\w)")

    def mentions(self, text: str) -> list[tuple[int, Literal["a", "b"]]]:
        """(place, side) of every mention in a text, in order."""
        if self.a.lower() == self.b.lower():
            return [(m.start(), side) for m in self._mention.finditer(text) for side in ("a", "b")]
        return [(m.start(), "a" if m.lastgroup == "a" else "b") for m in self._mention.finditer(text)]

    def without(self, text: str) -> str:
        """A text with the names blanked, so that a name is no word of a claim."""
        return re.sub(rf"(?<!\w)(?:(?i:agent)\s+)?(?:{self._either})(?:['’]s)?(?!\w)", " ", text)

    def clauses(self, text: str) -> list[Clause]:
        """Cut a text into clauses and say whose each is.

        A clause that names one side is that side's; with both names, or "both", "the two", it is both's. One that names
        nobody belongs to the clause before it, else to the one after it, up to the next semicolon ("x, says A; y, says
        B"); else so in its sentence, else to the last one told.
        """
        made: list[Clause] = []
        previous: Side | None = None
        masked = self._mention.sub(lambda name: name.group().translate(_IN_NAME), text)
        for sentence, mask in _parts(_SENTENCE, text, masked):
            halves = [
                [part for part in self._cut(*half) if TOKEN.search(part)] for half in _parts(_HALF, sentence, mask)
            ]
            told = [[self._side(part) for part in half] for half in halves]
            if self._likewise.search(sentence):
                told = [["both"] * len(half) for half in halves]
            for n, half in enumerate(halves):
                before = _last([side for sides in told[:n] for side in sides])
                after = _first([side for sides in told[n + 1 :] for side in sides])
                for place, part in enumerate(half):
                    here = told[n][place] or _last(told[n][:place]) or _first(told[n][place + 1 :])
                    made.append(self._clause(part, here or before or after or previous or "both"))
            previous = _last([side for sides in told for side in sides]) or previous
        return made

    def _cut(self, text: str, masked: str) -> list[str]:
        places = [0, *(m.start() for m in self._break.finditer(masked.translate(_DASHES))), len(text)]
        return [text[start:stop].strip() for start, stop in pairwise(places)]

    def _side(self, part: str) -> Side | None:
        sides = [side for _, side in self.mentions(part)]
        if _JOINT.search(part.lower()) and len(set(sides)) != 1:
            return "both"
        if not sides:
            return None
        return sides[0] if len(set(sides)) == 1 or _CONTESTS.search(part) else "both"

    def _clause(self, part: str, side: Side) -> Clause:
        """Where one side contests the other's view ("B contests A's hope for x"), x is given to the other."""
        found = self.mentions(part)
        contested = _CONTESTS.search(part)
        if len({s for _, s in found}) > 1 and contested and side != "both":
            place, other = found[1]
            return Clause(part[place:], other)
        return Clause(part, side)


def _called(name: str) -> str:
    """A regular expression of a name."""
    common = len(name) == 1 or (name != name.lower() and name.lower() in english().light)
    return f"(?{'-i' if common else 'i'}:{re.escape(name)}{_ARTICLE if name == 'A' else ''})"


def _any_of(*names: str) -> str:
    """A regular expression of any of some names, the longest first."""
    return "|".join(map(_called, sorted(names, key=len, reverse=True)))


def _parts(between: re.Pattern[str], text: str, masked: str) -> list[tuple[str, str]]:
    """Both texts, of one length, cut where the second has what stands between parts."""
    places = [0, *(place for found in between.finditer(masked) for place in found.span()), len(text)]
    return [(text[start:stop], masked[start:stop]) for start, stop in zip(places[::2], places[1::2], strict=True)]


def _first(sides: Sequence[Side | None]) -> Side | None:
    return next((side for side in sides if side), None)


def _last(sides: Sequence[Side | None]) -> Side | None:
    return _first(sides[::-1])
