"""Fit the relation maps on the rows of a state store, source by source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.predictor import RELATIONS, LinearPredictor, fit_map
from jepa_langchain.schema import Direction, Relation
from jepa_langchain.training.sampling import Rows
from jepa_langchain.training.states import StateStore

Floats = npt.NDArray[np.float32]
_CHUNK = 8_192


def fit_linear(
    parts: Sequence[Rows],
    store: StateStore,
    *,
    ridge: float,
    flatten: float,
    direction: Direction = "symmetric",
    depths: bool = True,
) -> LinearPredictor:
    """Closed-form relation maps over all sources, rounded to the half precision they are shipped in.

    Args:
        parts: training rows, one part a source.
        store: the encoded states.
        ridge: see :func:`jepa_langchain.predictor.fit_map`.
        flatten: a source of n rows of a relation weighs n ** (1 - flatten).
        direction: "symmetric" fits both ways of each pair.
        depths: read the context states; else the embedding alone.
    """
    states = store.context if depths else store.embeddings
    maps = []
    for relation in RELATIONS:
        chosen = [p for p in parts if (p.label == RELATIONS.index(relation)).any()]
        rows = (row for p in chosen for row in _rows(p, relation, store, states, flatten=flatten, direction=direction))
        dimension, context = store.embeddings.shape[1], states.shape[1]
        maps.append(fit_map(rows, dimension=dimension, context=context, ridge=ridge))
    return LinearPredictor(torch.from_numpy(np.stack(maps)).half(), direction=direction)


def _rows(
    part: Rows,
    relation: Relation,
    store: StateStore,
    states: npt.NDArray[np.float16],
    *,
    flatten: float,
    direction: Direction,
) -> Iterator[tuple[float, Floats, Floats]]:
    """(weight of a row, (n, c) context states, (n, d) targets) of one source's pairs of a relation."""
    chosen = part.label == RELATIONS.index(relation)
    x, y = part.x[chosen], part.y[chosen]
    weight = len(x) ** -flatten
    for start in range(0, len(x), _CHUNK):
        i, j = x[start : start + _CHUNK], y[start : start + _CHUNK]
        yield weight, store.wide(states, i), store.wide(store.embeddings, j)
        if direction == "symmetric":
            yield weight, store.wide(states, j), store.wide(store.embeddings, i)
