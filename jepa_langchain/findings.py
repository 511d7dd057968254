"""From scores to findings: which units of two personas are held against each other, and what is decided of them.

* The linear stage says who is talking about the same thing: a pair of statements counts if it is, for at least one of
  the two, within ``COUNTERPART_SLACK`` of the nearest related statement of the other side.
* Where both statements concede something, premise is held against premise and contest against contest: what a clause
  says against its own sentence's other half is no finding about the peer.
* A plain statement against a concessive one is one verdict, from the whole and both clauses (see
  :mod:`jepa_langchain.concessions`); a disagreement cites the contest, and the premise may be an agreement beside it.
* Nothing inside the abstain band becomes a finding.

An uncalibrated model has no probabilities: its findings are the mutual nearest statements, by the sign of their margin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.concessions import CONCESSION, concession_features
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Cited, LedgerRow, Relation, RelationEstimate, RowWeights, Unit
from jepa_langchain.stages import Scores, Stages

#: How much less near than the nearest counterpart (1 - linear energy, unitless) another counterpart may be.
COUNTERPART_SLACK = 0.1
#: Probability of any relation below which a statement counts as unrelated to the other side.
RELATED_FROM = 0.5


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

    def row(self, weights: RowWeights, *, row_id: str = "") -> LedgerRow:
        """The finding as a row of the report."""
        shares = self.estimate.probabilities
        return LedgerRow(
            id=row_id,
            a=cited(self.a),
            b=cited(self.b),
            relation=self.relation,
            p=None if shares is None else shares.of(self.relation),
            margin=self.estimate.margin,
            energies=self.estimate.energies,
            decided_by=self.estimate.decided_by,
            weights=weights,
        )


def cited(unit: Unit) -> Cited:
    """A unit as the side of a row."""
    return Cited(id=unit.statement_id, text=unit.text, span=unit.span)


@dataclass(frozen=True)
class Table:
    """Every unit of one persona scored against every unit of the other; ``scores`` is row-major over the units."""

    stages: Stages
    units_a: list[Unit]
    units_b: list[Unit]
    scores: Scores

    @property
    def shape(self) -> tuple[int, int]:
        """(units of a, units of b)."""
        return len(self.units_a), len(self.units_b)

    def estimate(self, cell: tuple[int, int], *, concession: Doubles | None = None) -> RelationEstimate:
        """What is said of one cell; ``concession`` are probabilities (3,) of the concession calibrator instead."""
        by = None if concession is None else CONCESSION
        return self.scores.estimate(cell[0] * self.shape[1] + cell[1], self.stages, shares=concession, by=by)

    def shares(self, cell: tuple[int, int]) -> Doubles:
        """(3,) probabilities of one cell of a calibrated table."""
        if self.scores.probabilities is None:
            raise ValueError("an uncalibrated table has no probabilities")
        shares: Doubles = self.scores.probabilities[cell[0] * self.shape[1] + cell[1]]
        return shares

    def related(self) -> Doubles:
        """(n,) probability of any relation; 1 for an uncalibrated model, which cannot tell."""
        shares = self.scores.probabilities
        return np.ones(len(self.scores.near)) if shares is None else 1 - shares[:, 2]

    def by_statement(self, values: Doubles) -> tuple[Doubles, list[str], list[str]]:
        """The highest of (n,) values of any unit pair of each statement pair, and the statements' ids in order."""
        # A statement's units stand together, the whole one first.
        starts = [[i for i, unit in enumerate(units) if unit.part == "whole"] for units in (self.units_a, self.units_b)]
        table = values.reshape(self.shape)
        highest = np.maximum.reduceat(np.maximum.reduceat(table, starts[0], axis=0), starts[1], axis=1)
        return (
            highest,
            [self.units_a[i].statement_id for i in starts[0]],
            [self.units_b[j].statement_id for j in starts[1]],
        )


def findings(table: Table) -> Iterator[Finding]:
    """Everything that is decided of a table."""
    if table.scores.probabilities is None:
        yield from _mutual_neighbours(table)
        return
    comparable = _comparable(table.units_a, table.units_b)
    places_a, places_b = _places(table.units_a), _places(table.units_b)
    for x, y in sorted(_counterparts(table, comparable)):
        rows, columns = places_a[x], places_b[y]
        cells = list(itertools.product(rows, columns))
        if (len(rows) > 1) != (len(columns) > 1) and CONCESSION in table.stages.calibrators:
            yield from _concession(table, cells)
        else:
            yield from (f for cell in cells if comparable[cell] for f in _decided(table, cell, table.estimate(cell)))


def undecided(table: Table, decided: AbstractSet[tuple[str, str]]) -> Iterator[tuple[Unit, Unit, RelationEstimate]]:
    """Whole statements that are about the same thing and that the model abstains on; ``decided`` pairs are left out."""
    if table.scores.probabilities is None:
        return
    comparable = _comparable(table.units_a, table.units_b)
    places_a, places_b = _places(table.units_a), _places(table.units_b)
    for x, y in sorted(_counterparts(table, comparable) - decided):
        rows, columns = places_a[x], places_b[y]
        cells = list(itertools.product(rows, columns))
        shares = None
        if (len(rows) > 1) != (len(columns) > 1) and CONCESSION in table.stages.calibrators:
            features = concession_features(*(table.shares(cell) for cell in cells))
            shares = table.stages.calibrators[CONCESSION].probabilities(features)
        estimate = table.estimate(cells[0], concession=shares)
        if estimate.relation is None:
            yield table.units_a[rows[0]], table.units_b[columns[0]], estimate


def counterparts(table: Table) -> set[tuple[str, str]]:
    """Ids of the statement pairs that are about the same thing, and are therefore held against each other."""
    return _counterparts(table, _comparable(table.units_a, table.units_b))


def _mutual_neighbours(table: Table) -> Iterator[Finding]:
    """The nearest prediction decides who is meant; the margin's sign decides the relation."""
    near = table.scores.near.reshape(table.shape)
    for i, j in np.argwhere((near == near.max(1, keepdims=True)) & (near == near.max(0, keepdims=True))).tolist():
        estimate = table.estimate((i, j))
        relation = Relation.AGREE if estimate.margin > 0 else Relation.DISAGREE
        yield Finding(table.units_a[i], table.units_b[j], relation, 1.0, estimate)


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


def _places(units: list[Unit]) -> dict[str, list[int]]:
    """Where each statement's units stand: the whole one, then premise and contest if it concedes."""
    places: dict[str, list[int]] = {}
    for index, unit in enumerate(units):
        places.setdefault(unit.statement_id, []).append(index)
    return places


def _counterparts(table: Table, comparable: npt.NDArray[np.bool_]) -> set[tuple[str, str]]:
    """Near enough to the nearest related statement of either; ids of the pairs."""
    related = comparable.ravel() & (table.related() >= RELATED_FROM)
    near, ids_a, ids_b = table.by_statement(np.where(related, table.scores.near, -np.inf))
    bar = np.minimum(near.max(1, keepdims=True), near.max(0, keepdims=True)) - COUNTERPART_SLACK
    return {(ids_a[i], ids_b[j]) for i, j in np.argwhere((near >= bar) & np.isfinite(near)).tolist()}


def _decided(table: Table, cell: tuple[int, int], estimate: RelationEstimate) -> Iterator[Finding]:
    if estimate.relation in RELATIONS and estimate.probabilities is not None:
        strength = estimate.probabilities.of(estimate.relation)
        yield Finding(table.units_a[cell[0]], table.units_b[cell[1]], estimate.relation, strength, estimate)


def _concession(table: Table, cells: list[tuple[int, int]]) -> Iterator[Finding]:
    """Findings of a plain statement and a concessive one; cells hold the plain one against whole, premise, contest."""
    whole, premise, contest = cells
    calibrator = table.stages.calibrators[CONCESSION]
    shares = calibrator.probabilities(concession_features(*(table.shares(cell) for cell in cells)))
    # A contest is cited by the clause that makes it, agreement as a whole by the whole statement.
    cell = contest if calibrator.decide(shares) is Relation.DISAGREE else whole
    yield from _decided(table, cell, table.estimate(cell, concession=shares))
    conceded = table.estimate(premise)
    if conceded.relation is Relation.AGREE:
        yield from _decided(table, premise, conceded)
