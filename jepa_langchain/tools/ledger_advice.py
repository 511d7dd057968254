"""From a ledger to advice: which findings count, what they come to, and what a reader should know.

A row counts when it is as probable as was asked and is no mere repetition: a peer that copies my words looks aligned,
and alignment is not trust. What counts is scored as every report is (see :class:`AlignmentReport`).
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from jepa_langchain.alignment import COPIED
from jepa_langchain.index.rows import document_id
from jepa_langchain.ledger import ALIGNED_FROM, MISALIGNED_TO, Ledger
from jepa_langchain.schema import Persona, Relation, Verdict
from jepa_langchain.tools.results import AlignmentCheck, Evidence, Quote
from jepa_langchain.tools.roster import Chosen

#: Rows that a check shows at most.
MOST_ROWS = 10


def near_verbatim(relation: Relation, a: str, b: str) -> bool:
    """Whether one side of an agreement repeats the other's words (difflib's ratio over words, as the report's)."""
    if relation is not Relation.AGREE:
        return False
    return SequenceMatcher(None, a.lower().split(), b.lower().split()).ratio() >= COPIED


def evidence(ledger: Ledger, a: Persona, b: Persona) -> tuple[Evidence, ...]:
    """All rows of a ledger, strongest first; repetitions, which do not count, hide none that does and come last."""
    rows = []
    for letter, findings in (("A", ledger.agreements), ("D", ledger.disagreements)):
        for number, finding in enumerate(findings, start=1):
            shares = finding.estimate.probabilities
            row = Evidence(
                id=f"{letter}{number}",
                relation=finding.relation,
                p=None if shares is None else round(shares.of(finding.relation), 4),
                margin=round(finding.estimate.margin, 4),
                mine=Quote(id=document_id(a.id, finding.a.statement_id), text=finding.a.text),
                theirs=Quote(id=document_id(b.id, finding.b.statement_id), text=finding.b.text),
                near_verbatim=near_verbatim(finding.relation, finding.a.text, finding.b.text),
            )
            rows.append((row.near_verbatim, -finding.strength, row.id, row))
    return tuple(found[-1] for found in sorted(rows, key=lambda found: found[:-1]))


def advise(rows: Sequence[Evidence], min_confidence: float = 0.0) -> tuple[Verdict, float]:
    """The verdict and the score of the rows that count; insufficient, and 0.5, when none does.

    A row of an uncalibrated model has no probability; it counts 1 when no confidence is asked for, and not otherwise.
    """
    sums = dict.fromkeys((Relation.AGREE, Relation.DISAGREE), 0.0)
    for row in rows:
        weight = row.p if row.p is not None else float(not min_confidence)
        if weight >= min_confidence and not row.near_verbatim:
            sums[row.relation] += weight
    total = sum(sums.values())
    if not total:
        return Verdict.INSUFFICIENT, 0.5
    score = round(sums[Relation.AGREE] / total, 6)
    if score >= ALIGNED_FROM:
        return Verdict.ALIGNED, score
    return (Verdict.MISALIGNED if score <= MISALIGNED_TO else Verdict.MIXED), score


def check_of(
    ledger: Ledger, mine: Chosen, theirs: Chosen, *, topic: str | None, min_confidence: float
) -> AlignmentCheck:
    """A ledger of two personas as advice to the first."""
    rows = evidence(ledger, mine.persona, theirs.persona)
    advice, score = advise(rows, min_confidence)
    copied = sum(row.near_verbatim for row in rows)
    counts = {kind: sum(row.relation is kind for row in rows) for kind in (Relation.AGREE, Relation.DISAGREE)}
    return AlignmentCheck(
        caller=mine.persona.id,
        peer=theirs.persona.id,
        topic=topic,
        topic_by=(mine.by, theirs.by),
        verdict=ledger.verdict(),
        score=ledger.score(),
        advice=advice,
        advice_score=score,
        rows=rows[:MOST_ROWS],
        agreements=counts[Relation.AGREE],
        disagreements=counts[Relation.DISAGREE],
        mixed=len(ledger.mixed),
        near_verbatim=copied,
        statements=(len(mine.persona.statements), len(theirs.persona.statements)),
        warnings=_warnings(ledger, copied, counts[Relation.AGREE]),
    )


def _warnings(ledger: Ledger, copied: int, agreements: int) -> tuple[str, ...]:
    repeated = f"{copied} of {agreements} agreements repeat the other side's words almost verbatim and do not count"
    cut = (f"{who}: longer than the model reads; only its beginning was compared" for who in ledger.truncated)
    return (*((repeated,) if copied else ()), *cut)
