"""Scores of pairs of texts: the one place that decides which stage answers.

The linear stage gives energies for every pair at the price of a matrix product; the pair stage reads the
two statements jointly and is asked for the pairs that the linear stage keeps: all of them while there are
at most ``PAIR_BUDGET``, else those that are among the ``NEAREST`` pairs of either statement, by the lower of the linear
energies. So its cost grows with the number of statements and not with that of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.calibration import Doubles
from jepa_langchain.encoder import Encoded
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.stages import Scores, Stages, linear_features, pair_features

Integers = npt.NDArray[np.signedinteger[Any]]
#: A full grid of energies is computed while at most this many cells a wanted pair are wasted on it.
_GRID_WASTE = 4
#: Cells of the grid that are computed at once, and pairs that are calibrated at once.
_GRID_CELLS = 1 << 22
#: Pairs of one comparison up to which the pair stage reads all.
PAIR_BUDGET = 1_024
#: Beyond that: pairs of each statement that the pair stage reads.
NEAREST = 9


def _linear(stages: Stages, encoded: Encoded, pairs: Integers) -> tuple[Doubles, Doubles]:
    """(n, 2) linear energies and (n,) cosines of pairs of rows."""
    context, targets = torch.from_numpy(encoded.context), torch.from_numpy(encoded.embeddings)
    rows, columns = np.unique(pairs[:, 0]), np.unique(pairs[:, 1])
    with torch.inference_mode():
        if len(rows) * len(columns) <= _GRID_WASTE * len(pairs):
            x, y = np.searchsorted(rows, pairs[:, 0]), np.searchsorted(columns, pairs[:, 1])
            energies, cosine = np.empty((len(pairs), len(RELATIONS))), np.empty(len(pairs))
            height = max(1, _GRID_CELLS // len(columns))
            for start in range(0, len(rows), height):
                these = rows[start : start + height]
                here = slice(None) if height >= len(rows) else np.flatnonzero((x >= start) & (x < start + height))
                cells = x[here] - start, y[here]
                grid = stages.linear.energies(context[these], targets[these], context[columns], targets[columns])
                energies[here] = grid.numpy()[cells]
                cosine[here] = (targets[these].double() @ targets[columns].double().T).numpy()[cells]
            return energies, cosine
        parts = []
        for start in range(0, len(pairs), 8_192):
            i, j = torch.from_numpy(pairs[start : start + 8_192]).T
            some = stages.linear.pair_energies(context[i], targets[i], context[j], targets[j])
            parts.append(torch.cat([some, (targets[i].double() * targets[j].double()).sum(1, keepdim=True)], dim=1))
        joined = torch.cat(parts).numpy()
    return joined[:, :2], joined[:, 2]


def score_pairs(
    stages: Stages,
    texts: Sequence[str],
    pairs: Integers,
    *,
    budget: int = PAIR_BUDGET,
    encoded: Encoded | None = None,
) -> Scores:
    """Score pairs of texts; each distinct text is encoded once and each distinct pair scored once.

    Args:
        stages: the model.
        texts: clean texts.
        pairs: (n, 2) indices (x, y) into ``texts``.
        budget: distinct pairs up to which the pair stage reads all.
        encoded: the states of ``sorted(set(texts))``, where the caller has them already.

    Returns:
        n scores. They depend on the set of texts and pairs alone, not on their order (nor, for a symmetric
        predictor, on which statement of a pair comes first).
    """
    if not len(pairs):
        none = np.zeros(0)
        return Scores(np.zeros((0, 2)), np.zeros((0, 3)) if stages.calibrated else None, none, none > 0, none)
    distinct = sorted(set(texts))
    where = {text: i for i, text in enumerate(distinct)}
    rows = np.array([where[text] for text in texts], dtype=np.int32)[pairs]
    if stages.linear.direction == "symmetric":
        rows = _without_order(rows)
    keys, back = np.unique(rows[:, 0] * np.int64(len(distinct)) + rows[:, 1], return_inverse=True)
    del rows
    states = encoded or stages.encoder.encode(distinct)
    columns = _score_rows(stages, states, np.stack(np.divmod(keys, len(distinct)), axis=1), budget)
    for name, values in columns.items():
        # One array after the other: the largest comparisons fill the memory.
        columns[name] = None if values is None else values[back]
    return Scores(**columns)


def _without_order(rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Pairs (n, 2) of texts, turned so that it does not matter which text or which side came first."""
    x, y = np.unique(rows[:, 0]), np.unique(rows[:, 1])
    if len(np.intersect1d(x, y, assume_unique=True)):
        return np.sort(rows, axis=1)
    # Two sides that share no text stay a grid.
    return rows if x[0] < y[0] else rows[:, ::-1]


def _score_rows(stages: Stages, encoded: Encoded, pairs: Integers, budget: int) -> dict[str, Any]:
    """The fields of :class:`Scores` for distinct pairs of rows of ``encoded``."""
    energies, cosine = _linear(stages, encoded, pairs)
    near, joint, shares = 1 - energies.min(1), np.zeros(len(pairs), dtype=bool), None
    if stages.calibrated:
        shares = np.empty((len(pairs), len(LABELS)))
        for start in range(0, len(pairs), _GRID_CELLS):
            some = slice(start, start + _GRID_CELLS)
            features = linear_features(energies[some], cosine[some])
            shares[some] = stages.calibrators["linear"].probabilities(features)
    if stages.pair is not None and encoded.tokens is not None:
        kept = np.arange(len(pairs)) if len(pairs) <= budget else nearest_pairs(pairs, -near, NEAREST)
        read = stages.pair.score(encoded.tokens, pairs[kept]).astype(np.float64)
        if shares is not None:
            features = pair_features(read, energies[kept], cosine[kept])
            shares[kept] = stages.calibrators["pair"].probabilities(features)
        energies[kept], joint[kept] = read, True
    return {"energies": energies, "probabilities": shares, "cosine": cosine, "joint": joint, "near": near}


def nearest_pairs(pairs: Integers, energy: Doubles, nearest: int) -> Integers:
    """Which pairs are among the lowest ``nearest`` energies of x or of y.

    Args:
        pairs: (n, 2) indices of texts.
        energy: (n,) lower is nearer; ties go to the earlier pair.
        nearest: pairs kept of each text on each side.

    Returns:
        Ascending places in ``pairs``.
    """
    kept = []
    for texts in pairs.T:
        order = np.lexsort((energy, texts))
        starts = np.flatnonzero(np.r_[True, np.diff(texts[order]) > 0])
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        kept.append(order[rank < nearest])
    return np.unique(np.concatenate(kept))
