"""Two personas' units scored against each other, and which of their statements are about the same thing.

* The linear stage says who is talking about the same thing: a pair of statements counts if it is, for at least one of
  the two, within ``COUNTERPART_SLACK`` of the nearest related statement of the other side.
* Where both statements concede something, premise is held against premise and contest against contest: what a clause
  says against its own sentence's other half is no finding about the peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.concessions import CONCESSION
from jepa_langchain.schema import RelationEstimate, Unit
from jepa_langchain.stages import Scores, Stages

Cells = npt.NDArray[np.bool_]
#: How much less near than the nearest counterpart (1 - linear energy, unitless) another counterpart may be.
COUNTERPART_SLACK = 0.1
#: Probability of any relation below which a statement counts as unrelated to the other side.
RELATED_FROM = 0.5


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

    @cached_property
    def comparable(self) -> Cells:
        """(units_a, units_b) which units may be held against each other; see the rules above."""
        parts, concedes = [], []
        for units in (self.units_a, self.units_b):
            split = {unit.statement_id for unit in units if unit.part != "whole"}
            parts.append(np.array([unit.part for unit in units]))
            concedes.append(np.array([unit.statement_id in split for unit in units]))
        same = parts[0][:, None] == parts[1][None, :]
        both = concedes[0][:, None] & concedes[1][None, :]
        return np.asarray(same | ~both, dtype=np.bool_)

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
        """(units_a, units_b) probability of any relation; 1 for an uncalibrated model, which cannot tell."""
        shares = self.scores.probabilities
        return np.ones(self.shape) if shares is None else (1 - shares[:, 2]).reshape(self.shape)

    def near(self, cells: Cells) -> Doubles:
        """(units_a, units_b) nearness of the cells that are asked for, -inf elsewhere."""
        return np.where(cells, self.scores.near.reshape(self.shape), -np.inf)

    def starts(self) -> tuple[list[int], list[int]]:
        """Where the units of each statement of either side begin: they stand together, the whole one first."""
        a, b = ([i for i, unit in enumerate(units) if unit.part == "whole"] for units in (self.units_a, self.units_b))
        return a, b

    def by_statement(self, values: Doubles) -> Doubles:
        """(statements_a, statements_b) the highest of (units_a, units_b) values of a statement pair."""
        starts = self.starts()
        highest: Doubles = np.maximum.reduceat(np.maximum.reduceat(values, starts[0], axis=0), starts[1], axis=1)
        return highest

    def statement_ids(self) -> tuple[list[str], list[str]]:
        """The ids of the statements of either side, in order."""
        starts = self.starts()
        return [self.units_a[i].statement_id for i in starts[0]], [self.units_b[j].statement_id for j in starts[1]]

    def counterparts(self) -> set[tuple[str, str]]:
        """Ids of the statement pairs that are about the same thing, and are therefore held against each other."""
        chosen = near_enough(self.by_statement(self.near(self.comparable & (self.related() >= RELATED_FROM))))
        ids_a, ids_b = self.statement_ids()
        return {(ids_a[i], ids_b[j]) for i, j in np.argwhere(chosen).tolist()}


def near_enough(nearness: Doubles) -> Cells:
    """Which statement pairs are within the slack of the nearest of either, from (n, m) nearness, -inf if unrelated."""
    bar = np.minimum(nearness.max(1, keepdims=True), nearness.max(0, keepdims=True)) - COUNTERPART_SLACK
    chosen: Cells = (nearness >= bar) & np.isfinite(nearness)
    return chosen
