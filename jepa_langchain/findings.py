"""From scores to findings: what is decided of the statements of two personas that are held against each other.

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

from jepa_langchain.concessions import CONCESSION, concession_features
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Cited, LedgerRow, Relation, RelationEstimate, RowWeights, Unit
from jepa_langchain.table import Table


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


def findings(table: Table) -> Iterator[Finding]:
    """Everything that is decided of a table."""
    if table.scores.probabilities is None:
        yield from _mutual_neighbours(table)
        return
    places_a, places_b = _places(table.units_a), _places(table.units_b)
    for x, y in sorted(table.counterparts()):
        rows, columns = places_a[x], places_b[y]
        cells = list(itertools.product(rows, columns))
        if (len(rows) > 1) != (len(columns) > 1) and CONCESSION in table.stages.calibrators:
            yield from _concession(table, cells)
        else:
            held = [cell for cell in cells if table.held[table.place(cell)]]
            yield from (f for cell in held for f in _decided(table, cell, table.estimate(cell)))


def undecided(table: Table, decided: AbstractSet[tuple[str, str]]) -> Iterator[tuple[Unit, Unit, RelationEstimate]]:
    """Whole statements that are about the same thing and that the model abstains on; ``decided`` pairs are left out."""
    if table.scores.probabilities is None:
        return
    places_a, places_b = _places(table.units_a), _places(table.units_b)
    for x, y in sorted(table.counterparts() - decided):
        rows, columns = places_a[x], places_b[y]
        cells = list(itertools.product(rows, columns))
        shares = None
        if (len(rows) > 1) != (len(columns) > 1) and CONCESSION in table.stages.calibrators:
            features = concession_features(*(table.shares(cell) for cell in cells))
            shares = table.stages.calibrators[CONCESSION].probabilities(features)
        estimate = table.estimate(cells[0], concession=shares)
        if estimate.relation is None:
            yield table.units_a[rows[0]], table.units_b[columns[0]], estimate


def _mutual_neighbours(table: Table) -> Iterator[Finding]:
    """The nearest prediction decides who is meant; the margin's sign decides the relation."""
    near = table.near(table.held)
    best_a, best_b = table.unit_best(near)
    mutual = (near == best_a[table.cells[:, 0]]) & (near == best_b[table.cells[:, 1]]) & np.isfinite(near)
    for i, j in table.cells[mutual].tolist():
        estimate = table.estimate((i, j))
        relation = Relation.AGREE if estimate.margin > 0 else Relation.DISAGREE
        yield Finding(table.units_a[i], table.units_b[j], relation, 1.0, estimate)


def _places(units: list[Unit]) -> dict[str, list[int]]:
    """Where each statement's units stand: the whole one, then premise and contest if it concedes."""
    places: dict[str, list[int]] = {}
    for index, unit in enumerate(units):
        places.setdefault(unit.statement_id, []).append(index)
    return places


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
