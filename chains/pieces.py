"""Which piece of what somebody said may stand alone: one that loses no denial, report or condition by being cut out.

A piece is one or more whole sentences, or a clause. A clause stands alone where all of this holds (fail closed):

* it begins its sentence, or after ";", "and", "but", "yet" or a list's mark, or after openers alone ("Well, I think");
* it ends its sentence, or before a comma, a colon, a dash or such a word, and no "in Berlin" or "at least" follows;
* nothing else in its sentence denies, reports, asks or limits (``prompts/cut_off.txt``; the openers are the speaker's
  own), and the sentence does not begin with what may govern all of it ("In Berlin, ... and ...", "Were rents ...").

What stands in quotation marks is somebody else's, unless they enclose all that was said. What other sentences say of
a piece is not looked at. The words are English: in another language a clause may stand alone beside a denial of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cache

from jepa_langchain.chains.words import tokens
from jepa_langchain.prompts import load_wording

# A full stop inside "1.5", "..." or before a lower-case 'says Bob' behind a quote ends nothing.
_END = re.compile(
    r"(?:(?<![!?])[!?]+|(?<!\.)\.(?!\.))(?:[\"”»'’)\]]+(?!\s+[a-z]))?(?=\s|$)|\n[ \t]*(?=\n)",
)
_ABBREVIATED = re.compile(
    r"(?:(?:\b[a-hj-z]|\b(?:mr|mrs|ms|dr|prof|st|vs|etc|cf|ca|approx|inc|ltd|gov|sen|rep|gen|jr|sr|dept|fig|al|est))"
    r"|(?:^|\n)[ \t]*\d{1,3})$",
    re.IGNORECASE,
)
# Characters before a full stop that are looked at for an abbreviation.
_BEFORE = 12
_MARK = r"[ \t]*(?:[-*•–]|\d{1,3}[.)])[ \t]+"
_LISTED = re.compile(_MARK)
_NEXT_LISTED = re.compile(rf"\n(?={_MARK})")
_OWN_WORDS = r"i (?:(?:also|do|firmly|really|still|strongly) )?(?:believe|feel|hold|know|say|think)\b(?: that\b)?"
_OWN = re.compile(rf"\b{_OWN_WORDS}", re.IGNORECASE)
_OPENERS = re.compile(
    rf"(?:\W*\b(?:{_OWN_WORDS}|in my (?:opinion|view)\b|(?:also|and|but|clearly|finally|first|frankly|hello|hi|honestly"
    r"|listen|look|obviously|ok|okay|personally|second|so|thanks|third|well|yeah|yes)\b))*\W*",
    re.IGNORECASE,
)
_LINK_BEFORE = re.compile(r"(?:;|[\s,;](?:and|but|yet))\s+$", re.IGNORECASE)
_LINK_AFTER = re.compile(r"\s*(?:[,;:]|\s[–—-]\s|—|\s(?:and|because|but|so|whereas|yet)\b)", re.IGNORECASE)
# "…, in Berlin", "…, at least for a year".
_LIMITS = re.compile(
    r"[\s,:–—-]*(?:among|as|at|by|during|for|from|in|inside|like|of|on|outside|per|since|to|under|where|within)\b",
    re.IGNORECASE,
)
_GOVERNS = re.compile(
    r"\W*(?:although|are|as|at|because|before|after|by|did|do|does|even|for|from|had|in|is|like|on|per|should|since"
    r"|than|though|to|under|were|while|with|within)\b",
    re.IGNORECASE,
)
_QUOTE_MARKS = re.compile(r"[“”„«»\"]")


@cache
def _cut_off() -> frozenset[str]:
    return frozenset(load_wording("cut_off").body.split())


def _bound(rest: str) -> bool:
    """Whether the rest of a sentence denies, reports, asks or limits."""
    words = tokens(_OWN.sub(" ", rest))
    return "?" in rest or any(word in _cut_off() or word.endswith("n't") for word in words)


class Spoken:
    """What somebody said at a time, by sentences.

    Args:
        text: all of it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts, self._stops = [0], list[int]()
        for end in _END.finditer(text):
            before = text[max(self._starts[-1], end.start() - _BEFORE) : end.start()]
            if not (end.group().startswith(".") and _ABBREVIATED.search(before)):
                self._stops.append(end.end())
                self._starts.append(end.end())
        # The last sentence may be empty.
        self._stops.append(len(text))
        marks = [mark.start() for mark in _QUOTE_MARKS.finditer(text)]
        # Some write every turn in quotation marks: those are the speaker's own.
        enclosed = marks == [0, len(text) - 1]
        self._marks = [] if enclosed else marks

    def lines(self) -> list[str]:
        """Every sentence without the space around it, lists taken apart."""
        parts = [
            part
            for start, end in zip(self._starts, self._stops, strict=True)
            for part in _NEXT_LISTED.split(self.text[start:end])
        ]
        return [part.strip() for part in parts if part.strip()]

    def stands_alone(self, start: int, end: int) -> bool:
        """Whether characters [start, end), which neither begin nor end with a space, may stand for themselves."""
        inside_word = start > 0 and self.text[start - 1 : start + 1].isalnum()
        if inside_word or bisect_left(self._marks, start) % 2:
            return False
        first = self._starts[bisect_right(self._starts, start) - 1]
        return self._begins(first, start) and self._ends(end, self._stops[bisect_left(self._stops, end)])

    def _begins(self, first: int, start: int) -> bool:
        front = self.text[first:start]
        line = front.rpartition("\n")[2]
        if "\n" in front and (_LISTED.fullmatch(line) or (not line.strip() and _LISTED.match(self.text, start))):
            # Other entries of a list say nothing of this one, what leads to the list does.
            lead = " ".join(part for part in front.split("\n") if not _LISTED.match(part))
            return not _bound(lead)
        if _OPENERS.fullmatch(front):
            return True
        return bool(_LINK_BEFORE.search(front)) and not _GOVERNS.match(front) and not _bound(front)

    def _ends(self, end: int, last: int) -> bool:
        tail = _NEXT_LISTED.split(self.text[end:last])[0]
        if not any(character.isalnum() for character in tail):
            return "?" not in tail
        return bool(_LINK_AFTER.match(tail)) and not (_LIMITS.match(tail) or _bound(tail))
