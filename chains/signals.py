"""What speaks for a sentence and against it, as numbers: what its words show, and what the predictor makes of it.

For each side, what it is said to hold is measured against its own statement and against the other side's
(:data:`MEASURES`). In an agreement a statement of either side may bear it out; in a disagreement it has to be more of
its own side's statement than of the other's. :mod:`jepa_langchain.chains.consent` weighs the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jepa_langchain.chains.claims import Claims, Evidence, Told
from jepa_langchain.chains.polarity import content
from jepa_langchain.chains.sides import Clause
from jepa_langchain.chains.words import same_word
from jepa_langchain.schema import Relation

Doubles = npt.NDArray[np.float64]
#: What is measured of (told, statement): log-odds of agreement, log P(unrelated), cosine, and how well the words of
#: what is told are found in the statement (mean, the worst two), and those of the statement in what is told; then, of
#: (told, evidence), log-probabilities that it is borne out, contradicted and not said (:mod:`~.support`).
MEASURES = (
    *("odds", "unrelated", "cosine", "found", "least_found", "told", "least_told"),
    *("borne out", "contradicted", "not said"),
)


class Asked(NamedTuple):
    """What one side is said to hold, a statement, and what may bear it out: the statement, or both of an agreement."""

    told: str
    statement: str
    evidence: str


#: Measures (n, len(MEASURES)) of n questions.
Judge = Callable[[Sequence[Asked]], Doubles]
#: The rules' reasons that are signals themselves.
_RULES = ("polarity", "sides", "words")
#: Counts beyond this say no more.
_MOST = 4.0


def evidence_of(a: str, b: str, *, agree: bool) -> tuple[str, str]:
    """What is told of a and of b is held against: in an agreement both statements, the own one first."""
    if not agree:
        return a, b
    one, other = (text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}." for text in (a, b))
    return f"{one} {other}", f"{other} {one}"


def signals(claims: Claims, clauses: Sequence[Clause], evidence: Evidence, judge: Judge) -> dict[str, float] | None:
    """Every signal of a sentence by name; None if it says nothing of one side.

    Args:
        claims: the word rules of the report.
        clauses: the sentence, cut.
        evidence: the cited row.
        judge: the predictor's measures.
    """
    said = [claims.said(clauses, side) for side in ("a", "b")]
    if not all(said):
        return None
    row = evidence.row
    sides, agree = (row.a.text, row.b.text), row.relation is Relation.AGREE
    holds = evidence_of(*sides, agree=agree)
    measured = judge([Asked(said[x], sides[y], holds[y]) for x, y in ((0, 0), (1, 1), (0, 1), (1, 0))])
    of_both = sum(map(len, sides))
    return {
        **_measured(measured, agree=agree),
        **_counted(claims, clauses, evidence),
        "agreement": float(agree),
        "length": float(np.log(sum(len(clause.text) for clause in clauses) / of_both)),
    }


def _measured(measured: Doubles, *, agree: bool) -> dict[str, float]:
    own, other = measured[:2], measured[2:]
    values: dict[str, float] = {}
    for name, mine, theirs in zip(MEASURES, own.T, other.T, strict=True):
        values[f"{name}, the lower"], values[f"{name}, the higher"] = float(mine.min()), float(mine.max())
        values[f"{name}, over the other's"] = 0.0 if agree else float((mine - theirs).min())
    return values


def _counted(claims: Claims, clauses: Sequence[Clause], evidence: Evidence) -> dict[str, float]:
    told = claims.read(clauses, evidence)
    reason = claims.claims(clauses, evidence).partition(":")[0]
    strange = [word for _, word in told.strange()]
    weights = [claims.weight(word, evidence) for word in strange]
    counts = {
        **{f"rule: {name}": reason == name for name in _RULES},
        "rule: relation": bool(claims.relation(clauses, evidence)),
        "opposed": sum(len(reading.opposed) for reading in told.about),
        "denied": sum(len(reading.denied) for reading in told.about),
        "denied on both": sum(reading.both_denied for reading in told.about),
        "denied in other words": sum(len(reading.moved) for reading in told.about),
        "exchanged": told.exchanged,
        "swapped": claims.swapped(told),
        "unsuited": len(claims.unsuited(told, evidence)),
        "halved": len(claims.halved(told, evidence)),
        "strange": sum(weight > 0 for weight in weights),
        "heavy": sum(weight > 1 for weight in weights),
        "of another row": sum(any(same_word(word, w) for w in evidence.foreign) for word in strange),
    }
    words = sum(len(content(claims.names.without(clause.text), claims.lexicon)) for clause in clauses)
    known, covered = zip(*(_shares(claims, told, place, evidence) for place in (0, 1)), strict=True)
    return {
        **{name: min(float(count), _MOST) for name, count in counts.items()},
        "strange share": counts["strange"] / max(1, words),
        "clauses for both": sum(clause.side == "both" for clause in clauses) / len(clauses),
        "words known, the lower": min(known),
        "words known, the higher": max(known),
        "words covered, the lower": min(covered),
        "words covered, the higher": max(covered),
    }


def _shares(claims: Claims, told: Told, place: int, evidence: Evidence) -> tuple[float, float]:
    """(share of what one side is said to hold that its statement knows, share of its statement that is told)."""
    reading, statement = told.of(place), (evidence.a, evidence.b)[place]
    known = len(reading.matched) + len(reading.opposed) + len(reading.denied)
    alike = (same_word, claims.lexicon.alike, claims.lexicon.opposite)
    covered = sum(any(same(word, w.text) for word in reading.matched for same in alike) for w in statement)
    return known / max(1, known + len(reading.unknown)), covered / max(1, len(statement))
