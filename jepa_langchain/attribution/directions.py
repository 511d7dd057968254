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
from functools import lru_cache

import numpy as np
import torch

from jepa_langchain.attribution.explanation_schema import DirectionWeight, DirectionWeights
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


@lru_cache(maxsize=2)
def _decomposed(linear: LinearPredictor) -> list[tuple[Doubles, Doubles, Doubles]]:
    """(u (d, k), g (k,), v (k, c)) of each relation's difference from W_0; the maps of a predictor do not change."""
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
    chosen = ((z, k) for z in range(len(RELATIONS)) for k in range(min(most, linear.dimension)))
    parts = _decomposed(linear)
    return [_named(parts[z], z, k, (distinct, context), named_by) for z, k in chosen]


def _named(
    parts: tuple[Doubles, Doubles, Doubles], z: int, k: int, known: tuple[list[str], Doubles], named_by: int
) -> MapDirection:
    """Direction k of relation z, named by ``known`` statements and their context states."""
    (u, sizes, v), (texts, context) = parts, known
    order = np.argsort(context @ v[k], kind="stable")
    low, high = (tuple(texts[i] for i in end[:named_by]) for end in (order, order[::-1]))
    gain = float(sizes[k] * (u[:, k] @ identity_map(len(u), v.shape[1]) @ v[k]))
    total = float((sizes**2).sum()) or 1.0
    return MapDirection(RELATIONS[z], float(sizes[k] ** 2) / total, gain, low, high)


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


def direction_weights(
    linear: LinearPredictor, encoder: Encoder, pair: tuple[str, str], texts: Sequence[str], *, most: int = 6
) -> DirectionWeights:
    """The directions that add most to the linear margin of a pair of texts, named by given statements.

    Args:
        linear: the linear stage.
        encoder: its encoder.
        pair: text a and text b.
        texts: statements that may name an end.
        most: directions told one by one; the others are summed up.
    """
    shares = direction_shares(linear, encoder, *pair)
    distinct = sorted(set(texts))
    context = encoder.encode(distinct).context.astype(np.float64)
    parts = _decomposed(linear)
    strongest = np.argsort(-abs(shares.directions.round(9)), axis=None, kind="stable")[:most]
    told = []
    for z, k in zip(*np.unravel_index(strongest, shares.directions.shape), strict=True):
        named = _named(parts[z], int(z), int(k), (distinct, context), named_by=1)
        told.append(
            DirectionWeight(
                relation=named.relation,
                rank=int(k) + 1,
                share=_digits(named.share),
                gain=_digits(named.gain),
                contribution=_digits(float(shares.directions[z, k])),
                low=named.low,
                high=named.high,
            )
        )
    rest = float(np.delete(shares.directions.ravel(), strongest).sum())
    return DirectionWeights(
        copied=_digits(shares.copied),
        directions=tuple(told),
        rest=_digits(rest),
        margin=_digits(shares.margin),
        completeness_error=shares.completeness_error,
    )


def _digits(value: float) -> float:
    return round(value, 6) + 0.0
