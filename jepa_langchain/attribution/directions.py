"""Mapped weights of the whole model: what each relation map does that copying the statement would not.

A relation map starts from W_0, which reads the embedding out of the context states; what was learned is the difference.
Its singular value decomposition tells in which directions:

    W_z = W_0 + Σ_k g_k u_k v_kᵀ          v_k: read from the context of x;  u_k: written into the prediction of y

With the lengths |W_z c_x| held at their values the margin is a sum over directions, exactly:

    margin = Σ_z ± (<W_0 c_x, s_y> + Σ_k g_k <v_k, c_x> <u_k, s_y>) / |W_z c_x|          + for agree, - for disagree

averaged with y -> x for a symmetric predictor. A direction has no sign of its own: statements name its two ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from jepa_langchain.attribution.words import Doubles
from jepa_langchain.encoder import Encoder
from jepa_langchain.predictor import RELATIONS, LinearPredictor, identity_map
from jepa_langchain.schema import Relation


@dataclass(frozen=True)
class MapDirection:
    """One singular direction of what a relation map learned.

    Attributes:
        relation: whose map.
        share: of the squared difference from copying, 0 to 1; all directions of a map sum to 1.
        gain: g <u, W_0 v>: what is added to the statement's own component; below zero the map takes away or flips.
        low: the given statements with the lowest component along v, the lowest first.
        high: those with the highest.
    """

    relation: Relation
    share: float
    gain: float
    low: tuple[str, ...]
    high: tuple[str, ...]


@dataclass(frozen=True)
class DirectionShares:
    """One pair's linear margin, spread over directions.

    Attributes:
        copied: what copying the statement (W_0) contributes: it differs from 0 by the two lengths only.
        directions: (2, k) contributions of each map's directions, RELATIONS order, strongest direction first.
        margin: the linear stage's E_disagree - E_agree.
        completeness_error: |copied + sum of directions - margin|.
    """

    copied: float
    directions: Doubles
    margin: float
    completeness_error: float


def _decomposed(linear: LinearPredictor) -> list[tuple[Doubles, Doubles, Doubles]]:
    """(u (d, k), g (k,), v (k, c)) of each relation's difference from W_0."""
    maps = linear.maps.double().cpu().numpy()
    start = identity_map(maps.shape[1], maps.shape[2])
    return [np.linalg.svd(weights - start, full_matrices=False) for weights in maps]


def map_directions(
    linear: LinearPredictor, encoder: Encoder, texts: Sequence[str], *, most: int = 8, named_by: int = 3
) -> list[MapDirection]:
    """The strongest directions of each relation map, the strongest first, agree before disagree.

    Args:
        linear: the linear stage.
        encoder: its encoder.
        texts: statements that may name an end.
        most: directions of each map.
        named_by: statements that name an end.
    """
    distinct = sorted(set(texts))
    context = encoder.encode(distinct).context.astype(np.float64)
    start = identity_map(linear.dimension, context.shape[1])
    found = []
    for relation, (u, sizes, v) in zip(RELATIONS, _decomposed(linear), strict=True):
        total = float((sizes**2).sum()) or 1.0
        for k in range(min(most, len(sizes))):
            order = np.argsort(context @ v[k], kind="stable")
            low, high = (tuple(distinct[i] for i in end[:named_by]) for end in (order, order[::-1]))
            gain = float(sizes[k] * (u[:, k] @ start @ v[k]))
            found.append(MapDirection(relation, float(sizes[k] ** 2) / total, gain, low, high))
    return found


def direction_shares(linear: LinearPredictor, encoder: Encoder, text_a: str, text_b: str) -> DirectionShares:
    """What each direction of each map adds to a pair's linear margin."""
    encoded = encoder.encode([text_a, text_b])
    context, targets = encoded.context.astype(np.float64), encoded.embeddings.astype(np.float64)
    ways = [(0, 1), (1, 0)] if linear.direction == "symmetric" else [(0, 1)]
    maps = linear.maps.double().cpu().numpy()
    start = identity_map(maps.shape[1], maps.shape[2])
    copied, shares = 0.0, []
    for sign, weights, (u, sizes, v) in zip((1.0, -1.0), maps, _decomposed(linear), strict=True):
        here = np.zeros(len(sizes))
        for x, y in ways:
            scale = sign / (len(ways) * float(np.linalg.norm(weights @ context[x])))
            copied += scale * float(targets[y] @ start @ context[x])
            here += scale * sizes * (v @ context[x]) * (targets[y] @ u)
        shares.append(here)
    rows = [torch.from_numpy(side[[i]]) for i in (0, 1) for side in (encoded.context, encoded.embeddings)]
    with torch.inference_mode():
        energies = linear.pair_energies(*rows)[0].double().numpy()
    margin = float(energies[1] - energies[0])
    total = copied + float(np.sum(shares))
    return DirectionShares(copied, np.stack(shares), margin, abs(total - margin))
