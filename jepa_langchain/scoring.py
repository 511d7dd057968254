"""Scores of pairs of texts: the one place that decides which stage answers.

The linear stage gives energies for every pair at the price of a matrix product; the pair stage reads the two statements
jointly. Pairs that are asked for are all read (:func:`score_pairs`). Of two personas, the linear stage scores all pairs
(:func:`score_grid`) or those that :mod:`~.nearest` finds (:func:`score_cells`), and some are then read
(:func:`read_jointly`; :mod:`~.reading` says which).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
#: Cells of a grid that are computed at once, and pairs that are scored at once.
_GRID_CELLS, _PAIRS = 1 << 22, 8_192


def score_pairs(stages: Stages, texts: Sequence[str], pairs: Integers, *, encoded: Encoded | None = None) -> Scores:
    """Score pairs of texts by the best stage; each distinct text is encoded once and each distinct pair read once.

    Args:
        stages: the model.
        texts: clean texts.
        pairs: (n, 2) indices (x, y) into ``texts``.
        encoded: the states of ``sorted(set(texts))``, where the caller has them already.

    Returns:
        n scores. They depend on the set of texts and pairs alone, not on their order (nor, for a symmetric
        predictor, on which statement of a pair comes first).
    """
    if not len(pairs):
        return _scores(stages, np.zeros((0, 2)), np.zeros(0))
    distinct = sorted(set(texts))
    where = {text: i for i, text in enumerate(distinct)}
    rows = np.array([where[text] for text in texts], dtype=np.int64)[pairs]
    if stages.linear.direction == "symmetric":
        rows = np.sort(rows, axis=1)
    rows, back = np.unique(rows, axis=0, return_inverse=True)
    states = encoded or stages.encoder.encode(distinct)
    scores = score_cells(stages, states, rows)
    if stages.pair is not None and states.tokens is not None:
        read_jointly(stages, states, scores, rows, np.arange(len(rows)))
    shares = scores.probabilities
    return Scores(
        scores.energies[back],
        None if shares is None else shares[back],
        scores.cosine[back],
        scores.joint[back],
        scores.near[back],
    )


def score_grid(stages: Stages, encoded: Encoded, a: Integers, b: Integers) -> Scores:
    """Score every text of one side with every text of the other by the linear stage alone.

    Args:
        stages: the model.
        encoded: states of texts that stand in order.
        a: (n,) which of them one side says.
        b: (m,) which the other says.

    Returns:
        n * m scores, row-major. They do not depend on the order of ``a`` or ``b``, nor, for a symmetric predictor, on
        which of the two comes first.
    """
    (rows, back_a), (columns, back_b) = (np.unique(side, return_inverse=True) for side in (a, b))
    turned = stages.linear.direction == "symmetric" and columns.tolist() < rows.tolist()
    if turned:
        rows, columns = columns, rows
    energies, cosine = np.empty((len(rows), len(columns), len(RELATIONS))), np.empty((len(rows), len(columns)))
    context, targets = torch.from_numpy(encoded.context), torch.from_numpy(encoded.embeddings)
    with torch.inference_mode():
        for block in _blocks(len(rows), max(1, _GRID_CELLS // len(columns))):
            x = rows[block]
            energies[block] = stages.linear.energies(context[x], targets[x], context[columns], targets[columns]).numpy()
            cosine[block] = (targets[x].double() @ targets[columns].double().T).numpy()
    if turned:
        energies, cosine = energies.swapaxes(0, 1), cosine.T
    cells = np.ix_(back_a, back_b)
    return _scores(stages, energies[cells].reshape(-1, len(RELATIONS)), cosine[cells].ravel())


def score_cells(stages: Stages, encoded: Encoded, rows: Integers) -> Scores:
    """Score (n, 2) pairs of rows of ``encoded`` by the linear stage alone."""
    return _scores(stages, *_linear(stages, encoded, rows))


def nearness(stages: Stages, encoded: Encoded, a: Integers, b: Integers) -> Doubles:
    """(n, m) nearness of texts (n,) and (m,): 1 - the lower of the linear stage's two energies."""
    context, targets = torch.from_numpy(encoded.context), torch.from_numpy(encoded.embeddings)
    with torch.inference_mode():
        energies = stages.linear.energies(context[a], targets[a], context[b], targets[b])
        near: Doubles = (1 - energies.amin(-1)).numpy()
    return near


def read_jointly(stages: Stages, encoded: Encoded, scores: Scores, rows: Integers, places: Integers) -> None:
    """Let the pair stage read pairs that it has not read; the arrays of ``scores`` are written in place.

    Args:
        stages: a model with a pair stage.
        encoded: states of texts, with those of their tokens.
        scores: what the linear stage says of more pairs.
        rows: (n, 2) texts of the pairs to read; each distinct pair is read once.
        places: (n,) where they stand among the scores.

    Raises:
        ValueError: if there is no pair stage.
    """
    if stages.pair is None or encoded.tokens is None:
        raise ValueError("there is no pair stage to read with")
    pairs, back = np.unique(np.sort(rows, axis=1), axis=0, return_inverse=True)
    energies = stages.pair.score(encoded.tokens, pairs).astype(np.float64)[back]
    if scores.probabilities is not None:
        features = pair_features(energies, scores.energies[places], scores.cosine[places])
        scores.probabilities[places] = stages.calibrators["pair"].probabilities(features)
    scores.energies[places], scores.joint[places] = energies, True


def _linear(stages: Stages, encoded: Encoded, pairs: Integers) -> tuple[Doubles, Doubles]:
    """(n, 2) linear energies and (n,) cosines of pairs (n, 2) of rows of ``encoded``."""
    used, places = np.unique(pairs, return_inverse=True)
    rows = torch.from_numpy(places.reshape(-1, 2))
    context, targets = torch.from_numpy(encoded.context[used]), torch.from_numpy(encoded.embeddings[used])
    cosine = np.empty(len(pairs))
    with torch.inference_mode():
        energies: Doubles = stages.linear.energies_at(context, targets, rows).numpy()
        for block in _blocks(len(pairs), _PAIRS):
            x, y = rows[block].T
            cosine[block] = (targets[x].double() * targets[y].double()).sum(1).numpy()
    return energies, cosine


def _scores(stages: Stages, energies: Doubles, cosine: Doubles) -> Scores:
    """What (n, 2) linear energies and (n,) cosines say."""
    shares = np.empty((len(cosine), len(LABELS))) if stages.calibrated else None
    if shares is not None:
        for block in _blocks(len(cosine), _GRID_CELLS):
            features = linear_features(energies[block], cosine[block])
            shares[block] = stages.calibrators["linear"].probabilities(features)
    return Scores(energies, shares, cosine, np.zeros(len(cosine), dtype=bool), 1 - energies.min(1, initial=np.inf))


def _blocks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
