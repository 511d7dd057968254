"""From scores to findings: which pairs of statements agree, which disagree, and what only one side speaks of.

The rules, all on calibrated probabilities and outside the abstain band:

* Every statement is scored whole and, where it concedes and contests, by clause. A pair of statements has at
  most one row of each relation: the decided pair of units with the highest probability.
* Where both statements concede something, premise is held against premise and contest against contest: what a clause
  says against its own sentence's other half is no finding about the peer.
* A contested conclusion outweighs a shared premise: where a pair of statements has a disagreement row, its
  agreement can only rest on a clause; the pair is then also listed as mixed.
* The linear stage says who is talking about the same thing: a row stays if the pair is, for at least one of its two
  statements, within ``COUNTERPART_SLACK`` of the nearest related statement of the other side. The ledger names each
  statement's counterparts, not every pair that shares a subject.
* A statement that no row cites and that is unrelated to all the other side says is listed as one side's only.

An uncalibrated model has no probabilities: its rows are the mutual nearest statements, by the sign of their margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.clauses import units_of
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import (
    Cited,
    LedgerRow,
    Persona,
    Relation,
    RelationEstimate,
    RowWeights,
    Statement,
    Unit,
    Verdict,
)
from jepa_langchain.stages import Scores, Stages, score_pairs

#: Score from which two personas count as aligned, and up to which as misaligned.
ALIGNED_FROM = 2 / 3
MISALIGNED_TO = 1 / 3
#: How much less near than the nearest counterpart (1 - linear energy, unitless) another counterpart may be.
COUNTERPART_SLACK = 0.1
#: Probability of any relation below which a statement counts as unrelated to the other side.
_RELATED_FROM = 0.5


@dataclass(frozen=True)
class Finding:
    """A unit of each side and what the model says of them."""

    a: Unit
    b: Unit
    relation: Relation
    strength: float
    estimate: RelationEstimate

    @property
    def statements(self) -> tuple[str, str]:
        """The ids of the two statements."""
        return self.a.statement_id, self.b.statement_id

    def row(self, weights: RowWeights) -> LedgerRow:
        """The finding as a row of the report."""
        shares = self.estimate.probabilities
        return LedgerRow(
            a=cited(self.a),
            b=cited(self.b),
            relation=self.relation,
            p=None if shares is None else shares.of(self.relation),
            margin=self.estimate.margin,
            energies=self.estimate.energies,
            decided_by=self.estimate.decided_by,
            weights=weights,
        )


@dataclass(frozen=True)
class Ledger:
    """All findings of one comparison, strongest first."""

    agreements: tuple[Finding, ...]
    disagreements: tuple[Finding, ...]
    only_a: tuple[Statement, ...]
    only_b: tuple[Statement, ...]
    truncated: tuple[str, ...]
    clauses: tuple[int, int]

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


def cited(unit: Unit) -> Cited:
    """A unit as the side of a row."""
    return Cited(id=unit.statement_id, text=unit.text, span=unit.span)


def build_ledger(stages: Stages, a: Persona, b: Persona, *, progress: bool = False) -> Ledger:
    """Score every unit of ``a`` with every unit of ``b`` and keep what is decided."""
    units_a = [unit for s in a.statements for unit in units_of(s)]
    units_b = [unit for s in b.statements for unit in units_of(s)]
    texts = [unit.text for unit in (*units_a, *units_b)]
    grid = np.indices((len(units_a), len(units_b))).reshape(2, -1).T
    distinct = sorted(set(texts))
    encoded = stages.encoder.encode(distinct, progress=progress)
    scores = score_pairs(stages, texts, grid + np.array([0, len(units_a)]), encoded=encoded)
    cut = {distinct[i] for i in encoded.truncated}
    agreements, disagreements = _select(list(_findings(stages, scores, units_a, units_b)))
    named = {f.statements for f in (*agreements, *disagreements)}
    lonely_a, lonely_b = _lonely(scores, units_a, units_b)
    return Ledger(
        agreements=tuple(agreements),
        disagreements=tuple(disagreements),
        only_a=tuple(s for s in a.statements if s.id in lonely_a and all(s.id != x for x, _ in named)),
        only_b=tuple(s for s in b.statements if s.id in lonely_b and all(s.id != y for _, y in named)),
        truncated=tuple(s.id for s in (*a.statements, *b.statements) if s.text in cut),
        clauses=(len(units_a) - len(a.statements), len(units_b) - len(b.statements)),
    )


def _comparable(units_a: list[Unit], units_b: list[Unit]) -> npt.NDArray[np.bool_]:
    """(units_a, units_b) which units may be held against each other; see the rules above."""
    parts, concedes = [], []
    for units in (units_a, units_b):
        split = {unit.statement_id for unit in units if unit.part != "whole"}
        parts.append(np.array([unit.part for unit in units]))
        concedes.append(np.array([unit.statement_id in split for unit in units]))
    same = parts[0][:, None] == parts[1][None, :]
    both = concedes[0][:, None] & concedes[1][None, :]
    return np.asarray(same | ~both, dtype=np.bool_)


def _findings(stages: Stages, scores: Scores, units_a: list[Unit], units_b: list[Unit]) -> Iterator[Finding]:
    shape = (len(units_a), len(units_b))
    if scores.probabilities is None:
        # The nearest prediction decides who is meant; the margin's sign decides the relation.
        near = scores.near.reshape(shape)
        for i, j in enumerate(near.argmax(1)):
            if near[:, j].argmax() == i:
                estimate = scores.estimate(i * shape[1] + int(j), stages)
                relation = Relation.AGREE if estimate.margin > 0 else Relation.DISAGREE
                yield Finding(units_a[i], units_b[j], relation, 1.0, estimate)
        return
    comparable = _comparable(units_a, units_b)
    wanted = comparable & (scores.probabilities.argmax(1) < len(RELATIONS)).reshape(shape)
    matched = _counterparts(scores, comparable, units_a, units_b)
    for i, j in np.argwhere(wanted).tolist():
        if (units_a[i].statement_id, units_b[j].statement_id) in matched:
            estimate = scores.estimate(i * shape[1] + j, stages)
            if estimate.relation in RELATIONS and estimate.probabilities is not None:
                strength = estimate.probabilities.of(estimate.relation)
                yield Finding(units_a[i], units_b[j], estimate.relation, strength, estimate)


def _order(finding: Finding) -> tuple[float, tuple[str, str], tuple[str, str]]:
    return -finding.strength, finding.statements, (finding.a.text, finding.b.text)


def _best_of_pair(findings: list[Finding]) -> dict[tuple[str, str], Finding]:
    best: dict[tuple[str, str], Finding] = {}
    for finding in sorted(findings, key=_order):
        best.setdefault(finding.statements, finding)
    return best


def _select(findings: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    disagreements = _best_of_pair([f for f in findings if f.relation is Relation.DISAGREE])
    agreements = _best_of_pair(
        [
            f
            for f in findings
            if f.relation is Relation.AGREE
            and (f.statements not in disagreements or not f.a.part == f.b.part == "whole")
        ]
    )
    return list(agreements.values()), list(disagreements.values())


def _by_statement(values: Doubles, units_a: list[Unit], units_b: list[Unit]) -> tuple[Doubles, list[str], list[str]]:
    """The highest value of any unit pair of each statement pair, and the statements' ids in order."""
    starts, ids = [], []
    for units in (units_a, units_b):
        # A statement's units stand together, the whole one first.
        starts.append([i for i, unit in enumerate(units) if unit.part == "whole"])
        ids.append([unit.statement_id for unit in units if unit.part == "whole"])
    table = values.reshape(len(units_a), len(units_b))
    highest = np.maximum.reduceat(np.maximum.reduceat(table, starts[0], axis=0), starts[1], axis=1)
    return highest, ids[0], ids[1]


def _related(scores: Scores) -> Doubles:
    """(n,) probability of any relation; 1 for an uncalibrated model, which cannot tell."""
    return np.ones(len(scores.near)) if scores.probabilities is None else 1 - scores.probabilities[:, 2]


def _counterparts(
    scores: Scores, comparable: npt.NDArray[np.bool_], units_a: list[Unit], units_b: list[Unit]
) -> set[tuple[str, str]]:
    """Ids of the statement pairs that are about the same thing: near enough to the nearest related one of either."""
    related = comparable.ravel() & (_related(scores) >= _RELATED_FROM)
    table, ids_a, ids_b = _by_statement(np.where(related, scores.near, -np.inf), units_a, units_b)
    bar = np.minimum(table.max(1, keepdims=True), table.max(0, keepdims=True)) - COUNTERPART_SLACK
    return {(ids_a[i], ids_b[j]) for i, j in np.argwhere((table >= bar) & np.isfinite(table)).tolist()}


def _lonely(scores: Scores, units_a: list[Unit], units_b: list[Unit]) -> tuple[set[str], set[str]]:
    """Ids of the statements that are likely unrelated to everything the other side says."""
    if scores.probabilities is None:
        return {u.statement_id for u in units_a}, {u.statement_id for u in units_b}
    table, ids_a, ids_b = _by_statement(_related(scores), units_a, units_b)
    far_a, far_b = table.max(1) < _RELATED_FROM, table.max(0) < _RELATED_FROM
    return {ids_a[i] for i in np.flatnonzero(far_a)}, {ids_b[j] for j in np.flatnonzero(far_b)}
