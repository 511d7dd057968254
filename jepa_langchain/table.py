"""Two personas' units scored against each other, and which of their statements are about the same thing.

* The linear stage says who is talking about the same thing: a pair of statements counts if it is, for at least one of
  the two, within ``COUNTERPART_SLACK`` of the nearest related statement of the other side.
* Where both statements concede something, premise is held against premise and contest against contest: what a clause
  says against its own sentence's other half is no finding about the peer.

Cells are pairs of units (i of one side, j of the other), row-major. Of small personas a table has all of them, of large
ones those of statements that are near each other, so that it grows with the statements and not with their pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.concessions import CONCESSION
from jepa_langchain.schema import RelationEstimate, Unit
from jepa_langchain.scoring import Integers
from jepa_langchain.stages import Scores, Stages

Mask = npt.NDArray[np.bool_]
#: How much less near than the nearest counterpart (1 - linear energy, unitless) another counterpart may be.
COUNTERPART_SLACK = 0.1
#: Probability of any relation below which a statement counts as unrelated to the other side.
RELATED_FROM = 0.5
_PARTS = ("whole", "premise", "contest")


@dataclass(frozen=True)
class Table:
    """Units of one persona scored against units of the other.

    Attributes:
        stages: the model.
        units_a: those of one side, a statement's together, the whole one first.
        units_b: those of the other.
        cells: (n, 2) units, row-major; a pair of statements has all of its cells or none.
        scores: their n scores.
        held: (n,) which of them may be held against each other.
    """

    stages: Stages
    units_a: list[Unit]
    units_b: list[Unit]
    cells: Integers
    scores: Scores
    held: Mask

    @classmethod
    def whole(cls, stages: Stages, units_a: list[Unit], units_b: list[Unit], scores: Scores) -> Table:
        """Of every unit with every other, row-major; whatever is comparable may be held against each other."""
        cells = every_cell(len(units_a), len(units_b))
        return cls.of(stages, units_a, units_b, cells, scores)

    @classmethod
    def of(cls, stages: Stages, units_a: list[Unit], units_b: list[Unit], cells: Integers, scores: Scores) -> Table:
        """Of some cells; whatever is comparable may be held against each other."""
        held = comparable(kinds_of(units_a)[cells[:, 0]], kinds_of(units_b)[cells[:, 1]])
        return cls(stages, units_a, units_b, cells, scores, held)

    @property
    def shape(self) -> tuple[int, int]:
        """(units of a, units of b)."""
        return len(self.units_a), len(self.units_b)

    @cached_property
    def statements(self) -> tuple[Integers, Integers]:
        """Which statement of its side each unit belongs to."""
        return statements_of(self.units_a), statements_of(self.units_b)

    @cached_property
    def _order(self) -> Integers:
        """(n,) cells as single numbers, ascending."""
        order: Integers = self.cells[:, 0] * self.shape[1] + self.cells[:, 1]
        return order

    @cached_property
    def _pairs(self) -> tuple[Integers, Integers]:
        """((p, 2) pairs of statements, (n,) which of them a cell belongs to)."""
        a, b = (side[self.cells[:, k]] for k, side in enumerate(self.statements))
        count = self.statements[1][-1] + 1
        keys, back = np.unique(a * count + b, return_inverse=True)
        return np.stack(np.divmod(keys, count), axis=1), back.ravel()

    def place(self, cell: tuple[int, int]) -> int:
        """Where a cell of the table stands."""
        return int(np.searchsorted(self._order, cell[0] * self.shape[1] + cell[1]))

    def estimate(self, cell: tuple[int, int], *, concession: Doubles | None = None) -> RelationEstimate:
        """What is said of one cell; ``concession`` are probabilities (3,) of the concession calibrator instead."""
        by = None if concession is None else CONCESSION
        return self.scores.estimate(self.place(cell), self.stages, shares=concession, by=by)

    def shares(self, cell: tuple[int, int]) -> Doubles:
        """(3,) probabilities of one cell of a calibrated table."""
        if self.scores.probabilities is None:
            raise ValueError("an uncalibrated table has no probabilities")
        shares: Doubles = self.scores.probabilities[self.place(cell)]
        return shares

    def related(self) -> Doubles:
        """(n,) probability of any relation; 1 for an uncalibrated model, which cannot tell."""
        shares = self.scores.probabilities
        return np.ones(len(self.cells)) if shares is None else 1 - shares[:, 2]

    def near(self, chosen: Mask) -> Doubles:
        """(n,) nearness of the cells that are asked for, -inf elsewhere."""
        return np.where(chosen, self.scores.near, -np.inf)

    def near_enough(self, nearness: Doubles) -> Mask:
        """(n,) the cells of statement pairs within the slack of the nearest of either, from (n,) nearness.

        A pair of statements is as near as its nearest cell, and not at all if all are at -inf.
        """
        pairs, back = self._pairs
        highest = _highest(back, nearness, len(pairs))
        best = (_highest(pairs[:, k], highest, side[-1] + 1)[pairs[:, k]] for k, side in enumerate(self.statements))
        chosen: Mask = (highest >= np.minimum(*best) - COUNTERPART_SLACK) & np.isfinite(highest)
        return chosen[back]

    def counterparts(self) -> set[tuple[str, str]]:
        """Ids of the statement pairs that are about the same thing, and are therefore held against each other."""
        chosen = self.near_enough(self.near(self.held & (self.related() >= RELATED_FROM)))
        return {(self.units_a[i].statement_id, self.units_b[j].statement_id) for i, j in self.cells[chosen].tolist()}

    def unit_best(self, values: Doubles) -> tuple[Doubles, Doubles]:
        """The highest of (n,) values for every unit of either side; -inf for a unit without cells."""
        a, b = (_highest(self.cells[:, k], values, size) for k, size in enumerate(self.shape))
        return a, b

    def grid(self, values: Doubles | Mask) -> Doubles:
        """(units_a, units_b) of (n,) values, 0 where there is no cell."""
        table = np.zeros(self.shape)
        table[self.cells[:, 0], self.cells[:, 1]] = values
        return table


def every_cell(rows: int, columns: int) -> Integers:
    """(rows * columns, 2) all cells."""
    return np.stack(np.divmod(np.arange(rows * columns), columns), axis=1)


def statements_of(units: list[Unit]) -> Integers:
    """(units,) which statement each unit belongs to."""
    return np.cumsum([unit.part == "whole" for unit in units]) - 1


def kinds_of(units: list[Unit]) -> Integers:
    """(units,) 0 for a plain statement; 1, 2, 3 for the whole, the premise and the contest of one that concedes."""
    split = {unit.statement_id for unit in units if unit.part != "whole"}
    return np.array([1 + _PARTS.index(unit.part) if unit.statement_id in split else 0 for unit in units])


def comparable(a: Integers, b: Integers) -> Mask:
    """Which units may be held against each other, from their kinds; see the rules above."""
    return np.asarray((a == b) | (a == 0) | (b == 0), dtype=np.bool_)


def _highest(places: Integers, values: Doubles, count: int) -> Doubles:
    """(count,) the highest of (n,) values at each place, -inf where there are none."""
    highest = np.full(count, -np.inf)
    np.maximum.at(highest, places, values)
    return highest
