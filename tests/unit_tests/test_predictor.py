from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.predictor import RELATIONS, LinearPredictor, fit_map, identity_map
from jepa_langchain.schema import Relation

D, C = 6, 12


def unit(rng: np.random.Generator, n: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    x = rng.normal(size=(n, width)).astype(np.float32)
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def predictor(seed: int, direction: str = "symmetric") -> LinearPredictor:
    maps = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, D, C)))
    return LinearPredictor(maps, direction="forward" if direction == "forward" else "symmetric")


def test_without_data_a_statement_predicts_itself() -> None:
    rng = np.random.default_rng(0)
    start = fit_map([], dimension=D, context=C)
    assert np.array_equal(start, identity_map(D, C))
    linear = LinearPredictor(torch.from_numpy(np.stack([start, start])))
    target = unit(rng, 5, D)
    context = torch.from_numpy(np.concatenate([unit(rng, 5, D), target], axis=1))
    predicted = linear.predict(context, Relation.AGREE)
    assert np.allclose(predicted.numpy(), target, atol=1e-6)
    energies = linear.pair_energies(context, torch.from_numpy(target), context, torch.from_numpy(target))
    assert torch.allclose(energies, torch.zeros(5, 2, dtype=torch.float64), atol=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1e-4, 10.0))
def test_the_closed_form_is_the_minimum_of_its_loss(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    parts = [(weight, unit(rng, 30, C), unit(rng, 30, D)) for weight in (0.5, 2.0)]
    found = fit_map(parts, dimension=D, context=C, ridge=ridge)
    total = sum(weight * len(x) for weight, x, _ in parts)

    def loss(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        errors = sum(weight * np.sum((x @ weights.T - y) ** 2) for weight, x, y in parts) / total
        return float(errors + ridge * np.sum((weights - identity_map(D, C)) ** 2))

    best = loss(found)
    for _ in range(10):
        assert loss(found + rng.normal(size=found.shape) * 1e-2) > best


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_energies_are_cosine_errors_and_symmetric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = predictor(seed)
    cx, tx, cy, ty = (torch.from_numpy(unit(rng, n, w)) for n, w in ((4, C), (4, D), (3, C), (3, D)))
    ahead, back = linear.energies(cx, tx, cy, ty), linear.energies(cy, ty, cx, tx)
    assert torch.allclose(ahead, back.transpose(0, 1), atol=1e-12)
    assert ((ahead >= 0) & (ahead <= 2)).all()
    pairs = linear.pair_energies(cx[:3], tx[:3], cy, ty)
    assert torch.allclose(pairs, torch.stack([ahead[i, i] for i in range(3)]), atol=1e-12)


def test_forward_predicts_one_way_only() -> None:
    rng = np.random.default_rng(1)
    linear = predictor(1, "forward")
    cx, tx, cy, ty = (torch.from_numpy(unit(rng, 4, w)) for w in (C, D, C, D))
    expected = 1 - (linear.predict(cx, Relation.DISAGREE) @ ty.double().T)
    assert torch.allclose(linear.energies(cx, tx, cy, ty)[..., RELATIONS.index(Relation.DISAGREE)], expected)


def test_unrelated_predicts_nothing() -> None:
    with pytest.raises(ValueError, match="unrelated"):
        predictor(0).predict(torch.zeros(1, C), Relation.UNRELATED)


def test_fitting_twice_gives_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    parts = [(1.0, unit(rng, 50, C), unit(rng, 50, D))]
    assert np.array_equal(fit_map(parts, dimension=D, context=C), fit_map(parts, dimension=D, context=C))
