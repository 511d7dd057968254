"""Concessions taken apart: "While X, Y", "X, but Y", "X; however, Y" become a conceded premise and a contesting clause.

One statement can share a premise with its peer and contest its conclusion; scored as a whole it is one
verdict, scored by clause it is two. Clauses are verbatim substrings with their character span, never rewritten.
The grammar is small on purpose: where no concession is found, the whole statement is scored and nothing is lost.
"""

from __future__ import annotations

import re
from typing import Literal

from jepa_langchain.schema import Statement, Unit

_FEWEST_WORDS = 3

# "While X, Y": the subordinate clause comes first and is what is conceded.
_LEADING = re.compile(
    r"^(?:while|although|though|even though|even if|whereas|granted that|it is true that)\s+", re.IGNORECASE
)
# "X, although Y": the subordinate clause comes last and is what is conceded.
_TRAILING = re.compile(r",\s+(?:although|though|even though|even if|while|whereas)\s+", re.IGNORECASE)
# "X, but Y" and its kin: what comes first is conceded. "not only … but", "all but", "anything but" are no concessions.
_CONTRAST = re.compile(
    r"(?:(?:,|;|\.|—|\s[-–])\s*(?:but|yet|however|nevertheless|nonetheless|still(?!\s+\w+ing\b)|even so)\b,?\s+"
    r"|,\s+however,\s+"
    r"|(?<!\bnot)(?<!\bno one)(?<!\ball)(?<!\bnothing)(?<!\banything)(?<!\beverything)"
    r"(?<!\bchoice)(?<!\belse)(?<!\bother)"
    r"\s+but\s+)",
    re.IGNORECASE,
)
_OPENER = re.compile(r"(?:but|yet|still|even so|however|nevertheless)\b,?\s+", re.IGNORECASE)
_NOT_ONLY = re.compile(r"\bnot\s+(?:only|just|merely|simply)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")

Part = Literal["premise", "contest"]


def _unit(statement: Statement, start: int, stop: int, part: Part) -> Unit | None:
    text = statement.text[start:stop]
    start += len(text) - len(text.lstrip(" ,;:—–-"))
    text = text.strip(" ,;:—–-")
    text = text.removesuffix(".") if not text.endswith("..") else text
    if len(_WORD.findall(text)) < _FEWEST_WORDS:
        return None
    return Unit(statement_id=statement.id, text=text, span=(start, start + len(text)), part=part)


def _pair(statement: Statement, premise: tuple[int, int], contest: tuple[int, int]) -> tuple[Unit, Unit] | None:
    first, second = _unit(statement, *premise, "premise"), _unit(statement, *contest, "contest")
    return (first, second) if first and second else None


def split_concession(statement: Statement) -> tuple[Unit, Unit] | None:
    """The (premise, contest) clauses of a concessive statement, or None if it is not one.

    Each clause has at least three words. The clause boundaries are the first that give two such clauses.
    """
    text = statement.text
    end = len(text)
    lead = _LEADING.match(text)
    if lead:
        cuts = [m.start() for m in re.finditer(r"[,;.]\s", text)]
        for cut in cuts:
            found = _pair(statement, (lead.end(), cut), (cut + 1, end))
            if found and (_OPENER.match(found[1].text) or not lead.group().lower().startswith("it is true")):
                # "It is true that X. Still, Y": the contrast word opens the second clause.
                opener = _OPENER.match(found[1].text)
                start = (found[1].span or (0, 0))[0]
                return _pair(statement, (lead.end(), cut), (start + opener.end(), end)) if opener else found
    for match in _CONTRAST.finditer(text):
        if _NOT_ONLY.search(text, 0, match.start()):
            continue
        found = _pair(statement, (0, match.start()), (match.end(), end))
        if found:
            return found
    trail = _TRAILING.search(text)
    return _pair(statement, (trail.end(), end), (0, trail.start())) if trail else None


def units_of(statement: Statement) -> tuple[Unit, ...]:
    """What is scored of a statement: itself, and its two clauses when it concedes one thing and contests another."""
    whole = Unit(statement_id=statement.id, text=statement.text)
    return (whole, *(split_concession(statement) or ()))
