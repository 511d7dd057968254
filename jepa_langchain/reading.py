"""Which pairs of two personas the pair stage reads: those that may be counterparts, and no others.

The linear stage scores the pairs of units. Who is near enough to whom depends on who is related, which the pair stage
says: so the nearest are read first, and where they turn out unrelated the next nearest, until every statement pair that
is near enough has been read. The rows of a ledger are then those that reading every pair gives. Of more than
``PAIR_BUDGET`` pairs of units, a statement is held against its ``NEAREST`` statements of the other side only, so the
cost of reading grows with the number of statements and not with that of pairs; of more than ``GRID`` pairs, so does
that of everything else, as no others are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from jepa_langchain.encoder import Encoded
from jepa_langchain.nearest import cells_of, nearest_pairs
from jepa_langchain.schema import Unit
from jepa_langchain.scoring import Integers, read_jointly, score_cells, score_grid
from jepa_langchain.stages import Stages
from jepa_langchain.table import RELATED_FROM, Mask, Table

#: Pairs of units up to which a statement may be held against all of the other side.
PAIR_BUDGET = 1_024
#: Beyond that: statements of the other side that it may be held against, and those that are as near.
NEAREST = 16
#: Pairs of units up to which all of them are kept, scored by the linear stage, for the pictures of a report.
GRID = 1 << 22


def score_table(
    stages: Stages, units_a: list[Unit], units_b: list[Unit], encoded: Encoded, texts: Sequence[str], *, budget: int
) -> Table:
    """Score the units of two personas.

    Args:
        stages: the model.
        units_a: those of one side, a statement's together, the whole one first.
        units_b: those of the other.
        encoded: the states of ``texts``.
        texts: the distinct texts of all units, sorted.
        budget: pairs of units up to which the pair stage reads every pair.

    Returns:
        The table; ``scores.joint`` says which pairs the pair stage read.
    """
    where = {text: i for i, text in enumerate(texts)}
    a, b = (np.array([where[unit.text] for unit in units], dtype=np.int64) for units in (units_a, units_b))
    size = len(a) * len(b)
    units, joint = (units_a, units_b), stages.pair is not None and encoded.tokens is not None
    near = None
    if size > GRID or (joint and size > max(budget, PAIR_BUDGET)):
        near = cells_of(nearest_pairs(stages, encoded, units, (a, b), count=NEAREST), units)
    if near is not None and size > GRID:
        scores = score_cells(stages, encoded, np.stack([a[near[:, 0]], b[near[:, 1]]], axis=1))
        table = Table.of(stages, units_a, units_b, near, scores)
    else:
        table = Table.whole(stages, units_a, units_b, score_grid(stages, encoded, a, b))
        if near is not None:
            table = replace(table, held=table.held & np.isin(np.arange(size), near @ [len(b), 1]))
    if joint and size <= budget:
        _read(table, np.ones(size, dtype=bool), encoded, (a, b))
    elif joint:
        while (wanted := _unread(table)).any():
            _read(table, wanted, encoded, (a, b))
    return table


def _unread(table: Table) -> Mask:
    """(n,) the cells still to be read: those of statement pairs that count unless reading says otherwise."""
    unread = table.held & ~table.scores.joint
    possible = unread | (table.held & (table.related() >= RELATED_FROM))
    return unread & table.near_enough(table.near(possible))


def _read(table: Table, wanted: Mask, encoded: Encoded, texts: tuple[Integers, Integers]) -> None:
    """Read the wanted cells; ``texts`` are the texts of the units of either side."""
    i, j = table.cells[wanted].T
    read_jointly(
        table.stages, encoded, table.scores, np.stack([texts[0][i], texts[1][j]], axis=1), np.flatnonzero(wanted)
    )
