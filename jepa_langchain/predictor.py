"""The searchable JEPA predictor: one linear map a relation, from context states to the target's embedding.

    s_x, s_y   = target-side embeddings of x and y, frozen, unit length
    c_x        = context-side states of x
    ŝ(x, z)    = W_z c_x / |W_z c_x|             joint embedding of the context side for relation z
    E_z(x, y)  = 1 - cos(ŝ(x, z), s_y)           energy: 0 = y is exactly what z predicts, 2 = its opposite
    margin     = E_disagree - E_agree            > 0 agrees, < 0 disagrees

``fit_maps`` is ridge regression towards the identity (towards "y is x itself"), in closed form:

    W_z = argmin  Σ_i w_i |W c_i - s_i|² + λ |W - W_0|²,      W_0 = [0 … 0 I]

Sources: LeCun, *A Path Towards Autonomous Machine Intelligence* (2022) for the energy view; Hoerl & Kennard
(1970) for ridge regression.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import normalize

from jepa_langchain.schema import Direction, Relation

Floats = npt.NDArray[np.float32]
#: The relations a predictor can be asked for, in the order of its weights.
RELATIONS = (Relation.AGREE, Relation.DISAGREE)
#: Pairs that are scored at once.
_PAIRS = 8_192


class LinearPredictor(nn.Module):
    """ŝ(x, z) = W_z c_x: the stage that search uses and that mapped weights explain.

    Args:
        maps: (2, d, c) weights, one map a relation in the order of :data:`RELATIONS`.
        direction: ``symmetric`` averages E_z(x, y) and E_z(y, x); ``forward`` predicts y from x only.
    """

    maps: torch.Tensor

    def __init__(self, maps: torch.Tensor, *, direction: Direction = "symmetric") -> None:
        super().__init__()
        # Double precision: the same pair must get the same digits whichever way a matrix product is blocked.
        self.register_buffer("maps", maps.double())
        self.direction: Direction = direction

    @property
    def dimension(self) -> int:
        """d, the width of the target's embedding."""
        return int(self.maps.shape[1])

    def predict(self, context: torch.Tensor, relation: Relation) -> torch.Tensor:
        """Joint embeddings ŝ(x, z): (n, c) context states to (n, d) unit vectors.

        Raises:
            ValueError: if ``relation`` is UNRELATED, which predicts nothing.
        """
        if relation not in RELATIONS:
            raise ValueError(f"{relation.value} predicts nothing; ask for {' or '.join(r.value for r in RELATIONS)}")
        return normalize(context.double() @ self.maps[RELATIONS.index(relation)].T, dim=1)

    def energies(
        self, context_x: torch.Tensor, target_x: torch.Tensor, context_y: torch.Tensor, target_y: torch.Tensor
    ) -> torch.Tensor:
        """Energies of every x with every y: (n, c), (n, d), (m, c), (m, d) to (n, m, 2), last axis RELATIONS."""
        tables = []
        for relation in RELATIONS:
            cosine = self.predict(context_x, relation) @ target_y.double().T
            if self.direction == "symmetric":
                cosine = (cosine + (self.predict(context_y, relation) @ target_x.double().T).T) / 2
            tables.append(1 - cosine)
        return torch.stack(tables, dim=-1)

    def pair_energies(
        self, context_x: torch.Tensor, target_x: torch.Tensor, context_y: torch.Tensor, target_y: torch.Tensor
    ) -> torch.Tensor:
        """Energies of x_i with y_i only: four arrays of n rows to (n, 2), last axis RELATIONS."""
        count = len(context_x)
        pairs = torch.arange(2 * count).reshape(2, count).T
        return self.energies_at(torch.cat([context_x, context_y]), torch.cat([target_x, target_y]), pairs)

    def energies_at(self, context: torch.Tensor, target: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """Energies of (n, 2) pairs (x, y) of t texts: (t, c) and (t, d) to (n, 2); each text is predicted from once."""
        columns = []
        for relation in RELATIONS:
            predicted = self.predict(context, relation)
            rows = []
            for x, y in (block.T for block in torch.split(pairs, _PAIRS)):
                cosine = (predicted[x] * target[y]).sum(1)
                if self.direction == "symmetric":
                    cosine = (cosine + (predicted[y] * target[x]).sum(1)) / 2
                rows.append(1 - cosine)
            columns.append(torch.cat(rows))
        return torch.stack(columns, dim=1)


def identity_map(dimension: int, context: int) -> npt.NDArray[np.float64]:
    """W_0 = [0 … 0 I]: (d, c), reads the embedding out of the context states, so that ŝ(x, z) = s_x."""
    start: npt.NDArray[np.float64] = np.zeros((dimension, context))
    start[:, context - dimension :] = np.eye(dimension)
    return start


def fit_map(
    parts: Iterable[tuple[float, Floats, Floats]], *, dimension: int, context: int, ridge: float = 1e-3
) -> npt.NDArray[np.float64]:
    """Closed-form ridge regression towards the identity.

    Args:
        parts: (weight of each row, (n, c) context states, (n, d) targets), one part a source, read once.
        dimension: d.
        context: c.
        ridge: λ, relative to the mean squared length of the context states times their weights.

    Returns:
        (d, c) map. With no rows at all it is W_0. The same parts in the same order give the same bits.
    """
    start = identity_map(dimension, context)
    gram: npt.NDArray[np.float64] = np.zeros((context, context))
    cross: npt.NDArray[np.float64] = np.zeros((context, dimension))
    total = 0.0
    for weight, states, targets in parts:
        wide = states.astype(np.float64)
        gram = gram + weight * (wide.T @ wide)
        cross = cross + weight * (wide.T @ targets.astype(np.float64))
        total += weight * len(states)
    if total == 0:
        return start
    penalty = ridge * np.eye(context)
    return np.asarray(np.linalg.solve(gram / total + penalty, cross / total + ridge * start.T).T, dtype=np.float64)
