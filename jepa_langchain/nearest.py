"""Which statements of two large personas are among the nearest of one another, found block by block.

The linear stage scores every pair of units, as many at once as a block holds: what is kept grows with the number of
statements, not with that of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jepa_langchain.calibration import Doubles
from jepa_langchain.encoder import Encoded
from jepa_langchain.schema import Unit
from jepa_langchain.scoring import Integers, nearness
from jepa_langchain.stages import Stages
from jepa_langchain.table import comparable, kinds_of, statements_of

#: Cells that are scored at once.
BLOCK = 1 << 23
#: Nearness within which two statements tie: one text said twice differs by where in a matrix product it stands.
TIED = 1e-9


def nearest_pairs(
    stages: Stages,
    encoded: Encoded,
    units: tuple[list[Unit], list[Unit]],
    texts: tuple[Integers, Integers],
    *,
    count: int,
) -> Integers:
    """Pairs of statements of which one is among the ``count`` nearest of the other, and ties.

    A pair is as near as the nearest units of the two that may be held against each other.

    Args:
        stages: the model.
        encoded: states of texts.
        units: those of either side, a statement's together, the whole one first.
        texts: (units,) which text each unit of either side is.
        count: how many.

    Returns:
        (p, 2) statements of the one side and the other, in order.
    """
    # Twice through the blocks: the bar of a statement of b is known only at the end of the first.
    rows, columns = [], np.zeros((0, 0))
    for _, near in _blocks(stages, encoded, units, texts):
        rows.append(_bar(near, count, axis=1))
        columns = np.concatenate([columns.reshape(-1, near.shape[1]), near])
        last = len(columns) - min(count, len(columns))
        columns = np.partition(columns, last, axis=0)[last:]
    bars, bar = np.concatenate(rows), columns.min(0)
    found = []
    for start, near in _blocks(stages, encoded, units, texts):
        chosen = np.argwhere((near >= bars[start : start + len(near), None] - TIED) | (near >= bar - TIED))
        found.append(chosen + np.array([start, 0]))
    return np.concatenate(found)


def cells_of(pairs: Integers, units: tuple[list[Unit], list[Unit]]) -> Integers:
    """(n, 2) the units of (p, 2) pairs of statements, row-major."""
    of_a, of_b = (np.unique(statements_of(side), return_index=True, return_counts=True) for side in units)
    high, wide = of_a[2][pairs[:, 0]], of_b[2][pairs[:, 1]]
    pair = np.repeat(np.arange(len(pairs)), wide * high)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    i, j = np.divmod(within, wide[pair])
    cells = np.stack([of_a[1][pairs[pair, 0]] + i, of_b[1][pairs[pair, 1]] + j], axis=1)
    return cells[np.lexsort(cells.T[::-1])]


def _bar(near: Doubles, count: int, *, axis: int) -> Doubles:
    """The ``count``-th highest along an axis."""
    last = near.shape[axis] - min(count, near.shape[axis])
    bar: Doubles = np.take(np.partition(near, last, axis=axis), last, axis=axis)
    return bar


def _blocks(
    stages: Stages, encoded: Encoded, units: tuple[list[Unit], list[Unit]], texts: tuple[Integers, Integers]
) -> Iterator[tuple[int, Doubles]]:
    """(first statement of a, (statements of a, statements of b) nearness), a block of statements of a after another."""
    of_a, of_b = (statements_of(side) for side in units)
    kinds_a, kinds_b = (kinds_of(side) for side in units)
    starts_b = np.flatnonzero(np.diff(of_b, prepend=-1))
    size = max(1, BLOCK // len(units[1]))
    for start in range(0, of_a[-1] + 1, size):
        first, last = np.searchsorted(of_a, [start, start + size])
        near = nearness(stages, encoded, texts[0][first:last], texts[1])
        near[~comparable(kinds_a[first:last, None], kinds_b)] = -np.inf
        starts_a = np.flatnonzero(np.diff(of_a[first:last], prepend=-1))
        yield start, np.maximum.reduceat(np.maximum.reduceat(near, starts_a, axis=0), starts_b, axis=1)
