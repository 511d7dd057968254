"""Which pairs of two personas the pair stage reads: those that may be counterparts, and no others.

The linear stage scores every pair of units. Who is near enough to whom depends on who is related, which the pair stage
says: so the nearest are read first, and where they turn out unrelated the next nearest, until every statement pair that
is near enough has been read. The rows of a ledger are then those that reading every pair gives. Of more than
``PAIR_BUDGET`` pairs of units, only the ``NEAREST`` statements of each statement are ever read, so the cost grows with
the number of statements and not with that of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jepa_langchain.encoder import Encoded
from jepa_langchain.schema import Unit
from jepa_langchain.scoring import Integers, read_jointly, score_grid
from jepa_langchain.stages import Stages
from jepa_langchain.table import RELATED_FROM, Cells, Table, near_enough

#: Pairs of units up to which a statement may be read against all of the other side.
PAIR_BUDGET = 1_024
#: Beyond that: statements of the other side that it may be read against.
NEAREST = 16


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
    table = Table(stages, units_a, units_b, score_grid(stages, encoded, a, b))
    if stages.pair is None or encoded.tokens is None:
        return table
    if len(a) * len(b) <= budget:
        _read(table, np.ones(table.shape, dtype=bool), encoded, (a, b))
        return table
    allowed = table.comparable & (len(a) * len(b) <= PAIR_BUDGET or _spread(table, _nearest(table)))
    while (wanted := _unread(table, allowed)).any():
        _read(table, wanted, encoded, (a, b))
    return table


def _unread(table: Table, allowed: Cells) -> Cells:
    """The cells that are still to be read: those of statement pairs that count unless reading says otherwise."""
    unread = allowed & ~table.scores.joint.reshape(table.shape)
    possible = unread | (table.comparable & (table.related() >= RELATED_FROM))
    return unread & _spread(table, near_enough(table.by_statement(table.near(possible))))


def _nearest(table: Table) -> Cells:
    """(statements_a, statements_b) the ``NEAREST`` of each statement of either side, and ties."""
    near = table.by_statement(table.near(table.comparable))
    chosen = np.zeros(near.shape, dtype=bool)
    for axis, size in enumerate(near.shape):
        last = size - min(NEAREST, size)
        chosen |= near >= np.take(np.partition(near, last, axis=axis), [last], axis=axis)
    return chosen


def _spread(table: Table, statements: Cells) -> Cells:
    """(units_a, units_b) the cells of the chosen statement pairs."""
    rows, columns = (
        np.repeat(np.arange(len(starts)), np.diff([*starts, units]))
        for starts, units in zip(table.starts(), table.shape, strict=True)
    )
    return statements[rows][:, columns]


def _read(table: Table, wanted: Cells, encoded: Encoded, texts: tuple[Integers, Integers]) -> None:
    """Read the wanted cells; ``texts`` are the texts of the units of either side."""
    i, j = np.nonzero(wanted)
    rows = np.stack([texts[0][i], texts[1][j]], axis=1)
    read_jointly(table.stages, encoded, table.scores, rows, np.flatnonzero(wanted))
