"""The ledger of a comparison: rows of agreement and disagreement, what one side alone says, score and verdict.

* A pair of statements has at most one row of each relation: the finding with the highest probability.
* A contested conclusion outweighs a shared premise: where a pair of statements has a disagreement row, its
  agreement can only rest on a clause; the pair is then also listed as mixed.
* A statement that no row cites and that is unrelated to all the other side says is listed as one side's only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from jepa_langchain.clauses import units_of
from jepa_langchain.findings import Finding, cited, findings, undecided
from jepa_langchain.reading import PAIR_BUDGET, score_table
from jepa_langchain.schema import AbstainedPair, Persona, Relation, Statement, Unit, Verdict
from jepa_langchain.stages import Stages
from jepa_langchain.table import RELATED_FROM, Table

#: Score from which two personas count as aligned, and up to which as misaligned.
ALIGNED_FROM = 2 / 3
MISALIGNED_TO = 1 / 3
#: Pairs that the model abstains on which a report lists.
MOST_ABSTAINED = 50
_Sides = list[tuple[str, str]]


@dataclass(frozen=True)
class Ledger:
    """All findings of one comparison, strongest first."""

    agreements: tuple[Finding, ...]
    disagreements: tuple[Finding, ...]
    only_a: tuple[Statement, ...]
    only_b: tuple[Statement, ...]
    truncated: tuple[str, ...]
    clauses: tuple[int, int]
    abstained: tuple[AbstainedPair, ...] = ()

    @property
    def mixed(self) -> list[tuple[Finding, Finding]]:
        """(agreement, disagreement) of the statement pairs that have both."""
        agreed = {f.statements: f for f in self.agreements}
        return [(agreed[f.statements], f) for f in self.disagreements if f.statements in agreed]

    def score(self) -> float:
        """S_agree / (S_agree + S_disagree), S = sum of the rows' probabilities; 0.5 when there is no row."""
        agree, disagree = (sum(f.strength for f in rows) for rows in (self.agreements, self.disagreements))
        return round(agree / (agree + disagree), 6) if agree + disagree else 0.5

    def verdict(self) -> Verdict:
        """What the score comes to; insufficient when no row could be decided."""
        if not self.agreements and not self.disagreements:
            return Verdict.INSUFFICIENT
        if self.score() >= ALIGNED_FROM:
            return Verdict.ALIGNED
        return Verdict.MISALIGNED if self.score() <= MISALIGNED_TO else Verdict.MIXED


@dataclass(frozen=True)
class ScoredPersonas:
    """Two personas and every unit of one scored with every unit of the other; what a ledger is drawn up from.

    ``truncated`` are the statements that were longer than the model reads, as "<persona>, statement <id>".
    """

    a: Persona
    b: Persona
    table: Table
    truncated: tuple[str, ...]


def score_personas(
    stages: Stages, a: Persona, b: Persona, *, budget: int = PAIR_BUDGET, progress: bool = False
) -> ScoredPersonas:
    """Score every unit of ``a`` with every unit of ``b``; ``budget`` as for :func:`~.reading.score_table`."""
    units_a = [unit for s in a.statements for unit in units_of(s)]
    units_b = [unit for s in b.statements for unit in units_of(s)]
    texts = sorted({unit.text for unit in (*units_a, *units_b)})
    encoded = stages.encoder.encode(texts, progress=progress)
    table = score_table(stages, units_a, units_b, encoded, texts, budget=budget)
    cut = {texts[i] for i in stages.truncated(encoded)}
    truncated = tuple(f"{p.id}, statement {s.id}" for p in (a, b) for s in p.statements if s.text in cut)
    return ScoredPersonas(a, b, table, truncated)


def ledger_of(scored: ScoredPersonas) -> Ledger:
    """Keep what is decided of scored personas."""
    table = scored.table
    turned = _turned(scored.a, scored.b)
    agreements, disagreements = _select(sorted(findings(table), key=partial(_order, turned=turned)))
    rows = (*agreements, *disagreements)
    far_a, far_b = _lonely(table)
    far_a, far_b = far_a - {f.a.statement_id for f in rows}, far_b - {f.b.statement_id for f in rows}
    return Ledger(
        agreements=tuple(agreements),
        disagreements=tuple(disagreements),
        only_a=tuple(s for s in scored.a.statements if s.id in far_a),
        only_b=tuple(s for s in scored.b.statements if s.id in far_b),
        truncated=scored.truncated,
        clauses=(len(table.units_a) - len(scored.a.statements), len(table.units_b) - len(scored.b.statements)),
        abstained=_abstained(table, rows, turned=turned),
    )


def build_ledger(stages: Stages, a: Persona, b: Persona, *, budget: int = 0, progress: bool = False) -> Ledger:
    """The ledger of two personas, end to end; without a budget nothing is read that cannot change a row."""
    return ledger_of(score_personas(stages, a, b, budget=budget, progress=progress))


def _abstained(table: Table, rows: Sequence[Finding], *, turned: bool) -> tuple[AbstainedPair, ...]:
    """Pairs left open, the most related first."""
    found = [
        ((estimate.probabilities.unrelated, sorted((a.text, b.text)), *_place(a, b, turned=turned)), a, b, estimate)
        for a, b, estimate in undecided(table, {f.statements for f in rows})
        if estimate.probabilities is not None
    ]
    found.sort(key=lambda entry: entry[0])
    return tuple(
        AbstainedPair(
            id=f"U{n}",
            a=cited(a),
            b=cited(b),
            probabilities=estimate.probabilities,
            energies=estimate.energies,
            margin=estimate.margin,
        )
        for n, (_, a, b, estimate) in enumerate(found[:MOST_ABSTAINED], start=1)
        if estimate.probabilities is not None
    )


def _turned(a: Persona, b: Persona) -> bool:
    """Whether ``b`` comes first in an order of personas that does not hang on which of them is the first side."""
    said = [(p.id, sorted((s.id, s.text) for s in p.statements)) for p in (a, b)]
    return said[1] < said[0]


def _place(a: Unit, b: Unit, *, turned: bool) -> tuple[_Sides, _Sides]:
    """Where two units stand among those of equal strength; swapping the personas cannot turn a tie.

    By their sides sorted; where two pairs of statements mirror each other, by the persona that :func:`_turned` says.
    """
    sides = [(unit.statement_id, unit.text) for unit in (a, b)]
    return sorted(sides), sides[::-1] if turned else sides


def _order(finding: Finding, *, turned: bool) -> tuple[float, _Sides, _Sides]:
    return -finding.strength, *_place(finding.a, finding.b, turned=turned)


def _best_of_pair(found: Sequence[Finding]) -> dict[tuple[str, str], Finding]:
    """The strongest of every pair of statements, of findings in order."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in found:
        best.setdefault(finding.statements, finding)
    return best


def _select(found: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    disagreements = _best_of_pair([f for f in found if f.relation is Relation.DISAGREE])
    agreements = _best_of_pair(
        [
            f
            for f in found
            if f.relation is Relation.AGREE
            and (f.statements not in disagreements or not f.a.part == f.b.part == "whole")
        ]
    )
    return list(agreements.values()), list(disagreements.values())


def _lonely(table: Table) -> tuple[set[str], set[str]]:
    """Ids of the statements that are likely unrelated to everything the other side says; none if that is unknown."""
    best = table.unit_best(np.where(table.held, table.related(), 0.0))
    sides = (table.units_a, table.units_b)
    known_a, known_b = (
        {unit.statement_id for unit, value in zip(units, values, strict=True) if value >= RELATED_FROM}
        for units, values in zip(sides, best, strict=True)
    )
    all_a, all_b = ({unit.statement_id for unit in units} for units in sides)
    return all_a - known_a, all_b - known_b
