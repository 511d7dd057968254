"""Adapt the relation maps to one pair of personas from a few labelled pairs, in closed form.

The shipped maps are the prior: with context rows C (n, c) and target rows S (n, d) of the labelled pairs of relation z,
both directions of each,

    W' = argmin Σ_i |W c_i - s_i|² + λ |W - W_z|²  =  W_z + Σ_i a_i c_iᵀ,     a = (C Cᵀ + λ I)⁻¹ (S - C W_zᵀ)

λ is chosen by leaving out one pair at a time (both its directions), by the logistic loss of the left-out margins; the
prior itself (λ = ∞) is kept unless the best λ gains more than one standard error of its gain. Because W' is the
prior plus one term a row, how much a margin leans on each labelled pair is a sum that is exact in the prediction's
unnormalised product.

Sources: kernel ridge regression in its dual form (Saunders et al., 1998); leave-one-out choice (Stone, 1974); the
one-standard-error rule (Breiman et al., 1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.calibration import Doubles
from jepa_langchain.encoder import Encoder
from jepa_langchain.errors import InputError
from jepa_langchain.pairs import LabelledPair
from jepa_langchain.predictor import RELATIONS, LinearPredictor

#: λ relative to the squared length of a context row; infinity is the shipped map.
_RIDGES = (float("inf"), 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
#: Margins are about this large; the loss looks at them on this scale.
_MARGIN_SCALE = 0.05
_FEWEST, _MOST = 2, 500


@dataclass(frozen=True)
class Lean:
    """One labelled pair and what it adds to a margin: > 0 towards agreement."""

    pair: LabelledPair
    contribution: float


@dataclass(frozen=True)
class Adaptation:
    """Maps adapted to labelled pairs.

    Attributes:
        linear: the adapted predictor; the prior itself when nothing better was found.
        pairs: the labelled pairs, agree and disagree; repeats are left out.
        ridge: the λ chosen; infinite when the prior was kept.
        loss_before: leave-one-out logistic loss of the margins under the prior.
        loss_after: the same at the λ chosen; never above ``loss_before``.
    """

    linear: LinearPredictor
    pairs: tuple[LabelledPair, ...]
    ridge: float
    loss_before: float
    loss_after: float
    _rows: tuple[_Rows, ...]
    _duals: tuple[Doubles, ...]

    @property
    def adapted(self) -> bool:
        """Whether the maps changed."""
        return bool(np.isfinite(self.ridge))

    def leans_on(self, context: Doubles, target: Doubles) -> list[Lean]:
        """What each labelled pair adds to the margin of one new pair, the largest first.

        Args:
            context: (2, c) context states of the new pair's statements.
            target: (2, d) their embeddings.

        Returns:
            One row a labelled pair. Their sum is the adapted margin less what the prior map's share of the
            prediction gives, both with the adapted prediction's length.
        """
        out = np.zeros(len(self.pairs))
        both = _directions(self.linear)
        for z, (rows, dual) in enumerate(zip(self._rows, self._duals, strict=True)):
            sign = 1.0 if z == 0 else -1.0
            maps = self.linear.maps[z].numpy()
            for x, y in both:
                length = float(np.linalg.norm(maps @ context[x]))
                shares = (rows.context @ context[x]) * (dual @ target[y]) / length / len(both)
                np.add.at(out, rows.pair, sign * shares)
        order = np.argsort(-np.abs(out), kind="stable")
        return [Lean(self.pairs[i], float(out[i])) for i in order]


@dataclass(frozen=True)
class _Rows:
    """The labelled pairs of one relation, a row a direction: (n, c) contexts, (n, d) targets, (n,) pair numbers."""

    context: Doubles
    target: Doubles
    pair: npt.NDArray[np.int64]


def adapt(linear: LinearPredictor, encoder: Encoder, pairs: Sequence[LabelledPair]) -> Adaptation:
    """Adapt relation maps to labelled pairs.

    Args:
        linear: the prior.
        encoder: encodes the pairs' statements.
        pairs: pairs of agreement and disagreement; unrelated pairs are passed over, they belong to no map. What is
            repeated (either way round for a symmetric predictor) counts once.

    Raises:
        InputError: with fewer than two distinct pairs of a relation, or more than 500 (train a model on so many).
    """
    used = _distinct(linear, pairs)
    for relation in RELATIONS:
        found = sum(p.label is relation for p in used)
        if not _FEWEST <= found <= _MOST:
            raise InputError(
                f'{found} distinct pairs with label "{relation.value}"; adaptation takes {_FEWEST} to {_MOST}'
            )
    encoded = encoder.encode([text for p in used for text in (p.a, p.b)])
    context = encoded.context.astype(np.float64).reshape(len(used), 2, -1)
    target = encoded.embeddings.astype(np.float64).reshape(len(used), 2, -1)
    directions = _directions(linear)
    rows = []
    for relation in RELATIONS:
        mine = np.array([i for i, p in enumerate(used) if p.label is relation])
        rows.append(
            _Rows(
                np.concatenate([context[mine, x] for x, _ in directions]),
                np.concatenate([target[mine, y] for _, y in directions]),
                np.concatenate([mine for _ in directions]),
            )
        )
    prior = linear.maps.numpy()
    signs = np.array([1.0 if p.label is RELATIONS[0] else -1.0 for p in used])
    per_pair = [
        np.logaddexp(0, -signs * _left_out_margins(linear, rows, (context, target), ridge) / _MARGIN_SCALE)
        for ridge in _RIDGES
    ]
    losses = [float(loss.mean()) for loss in per_pair]
    best = int(np.argmin(losses))
    gain = per_pair[0] - per_pair[best]
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        best = 0
    duals = tuple(_dual(w, r, _RIDGES[best]) for w, r in zip(prior, rows, strict=True))
    maps = np.stack([w + a.T @ r.context for w, a, r in zip(prior, duals, rows, strict=True)])
    adapted = LinearPredictor(torch.from_numpy(maps), direction=linear.direction)
    return Adaptation(adapted, used, _RIDGES[best], losses[0], losses[best], tuple(rows), duals)


def _distinct(linear: LinearPredictor, pairs: Sequence[LabelledPair]) -> tuple[LabelledPair, ...]:
    """The pairs of a relation, each once: a pair that is left out must not stay in the fit as its own copy."""
    found: dict[tuple[str, ...], LabelledPair] = {}
    for p in pairs:
        if p.label in RELATIONS:
            sides = sorted((p.a, p.b)) if linear.direction == "symmetric" else (p.a, p.b)
            found.setdefault((p.label, *sides), p)
    return tuple(found.values())


def _directions(linear: LinearPredictor) -> tuple[tuple[int, int], ...]:
    """Which statement of a pair predicts which."""
    return ((0, 1), (1, 0)) if linear.direction == "symmetric" else ((0, 1),)


def _dual(prior: Doubles, rows: _Rows, ridge: float) -> Doubles:
    """The dual weights a (n, d); zeros at λ = ∞."""
    if not np.isfinite(ridge):
        return np.zeros_like(rows.target)
    gram = rows.context @ rows.context.T
    scale = float(np.mean(np.diag(gram)))
    residual = rows.target - rows.context @ prior.T
    return np.asarray(np.linalg.solve(gram + ridge * scale * np.eye(len(gram)), residual), dtype=np.float64)


def _left_out_margins(
    linear: LinearPredictor, rows: Sequence[_Rows], states: tuple[Doubles, Doubles], ridge: float
) -> Doubles:
    """(pairs,) margin of each pair under maps that did not see it; states are (pairs, 2, c) and (pairs, 2, d)."""
    prior, (context, target), directions = linear.maps.numpy(), states, _directions(linear)
    energies = np.zeros((len(context), len(RELATIONS)))
    for z, relation_rows in enumerate(rows):
        whole = _dual(prior[z], relation_rows, ridge)
        seen = set(relation_rows.pair.tolist())
        for i in range(len(context)):
            left, dual = relation_rows, whole
            if i in seen and np.isfinite(ridge):
                keep = relation_rows.pair != i
                left = _Rows(relation_rows.context[keep], relation_rows.target[keep], relation_rows.pair[keep])
                dual = _dual(prior[z], left, ridge)
            for x, y in directions:
                predicted = prior[z] @ context[i, x] + dual.T @ (left.context @ context[i, x])
                cosine = predicted @ target[i, y] / np.linalg.norm(predicted)
                energies[i, z] += (1 - cosine) / len(directions)
    return energies[:, 1] - energies[:, 0]
