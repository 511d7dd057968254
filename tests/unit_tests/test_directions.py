from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.attribution.directions import direction_shares, direction_weights, map_directions
from jepa_langchain.attribution.word_map import word_map
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Direction, Relation
from tests.unit_tests.conftest import make_stages
from tests.words import DIMENSION, WordEncoder

TEXTS = st.lists(st.sampled_from(["we", "not", "tax", "sugar", "über", "東京"]), min_size=1, max_size=6).map(" ".join)


def random_linear(seed: int, direction: Direction = "symmetric") -> LinearPredictor:
    maps = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, DIMENSION, 2 * DIMENSION)))
    return LinearPredictor(maps, direction=direction)


@settings(max_examples=30)
@given(TEXTS, TEXTS, st.integers(0, 100), st.sampled_from(["symmetric", "forward"]))
def test_directions_sum_to_the_margin(a: str, b: str, seed: int, direction: Direction) -> None:
    shares = direction_shares(random_linear(seed, direction), WordEncoder(), a, b)
    assert shares.completeness_error < 1e-5
    assert abs(shares.copied + shares.directions.sum() - shares.margin) < 1e-5


def test_the_flipped_direction_is_found_and_named() -> None:
    texts = ["we tax sugar", "not not not", "trains run late", "not"]
    found = map_directions(make_stages(WordEncoder()).linear, WordEncoder(), texts, most=2)
    agree, disagree = found[0], found[2]
    assert (agree.relation, agree.share, disagree.relation) == (Relation.AGREE, 0.0, Relation.DISAGREE)
    assert disagree.share == pytest.approx(1.0)
    assert disagree.gain == pytest.approx(-2.0), "the map of disagreement turns the direction of 'not' round"
    assert "not" in (disagree.low[0].split()[0], disagree.high[0].split()[0])


@settings(max_examples=15, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 100), st.integers(0, 5))
def test_what_is_told_of_a_pair_sums_to_its_margin(a: str, b: str, seed: int, most: int) -> None:
    told = direction_weights(random_linear(seed), WordEncoder(), (a, b), ["we tax", "not sugar"], most=most)
    assert len(told.directions) == most
    total = told.copied + sum(d.contribution for d in told.directions) + told.rest
    assert total == pytest.approx(told.margin, abs=1e-5)
    sizes = [abs(d.contribution) for d in told.directions]
    assert sizes == sorted(sizes, reverse=True)
    assert all({*d.low, *d.high} <= {"we tax", "not sugar"} for d in told.directions)


@settings(max_examples=15)
@given(TEXTS, TEXTS, st.integers(0, 100))
def test_integrated_gradients_agree_with_the_exact_map(a: str, b: str, seed: int) -> None:
    """Captum as the oracle: along the line from nothing, a bilinear form gives each side half of its exact shares."""
    linear, encoder = random_linear(seed), WordEncoder()
    tokens = [encoder.token_context(text) for text in (a, b)]
    mapped = word_map(linear, *tokens)
    assert mapped is not None
    states = []
    for token in tokens:
        assert token is not None
        scaled = [s / (s.shape[0] * np.linalg.norm(s.mean(0))) for s in token.layers.astype(np.float64)]
        states.append(torch.from_numpy(np.concatenate(scaled, axis=1))[None])
    lengths = [[(s.sum(1) @ w.T).norm() for w in linear.maps] for s in states]

    def margin(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        parts = []
        for one, other, length in ((x.sum(1), y.sum(1), lengths[0]), (y.sum(1), x.sum(1), lengths[1])):
            cosines = [
                ((one @ w.T) * other[:, -DIMENSION:]).sum(1) / n for w, n in zip(linear.maps, length, strict=True)
            ]
            parts.append((cosines[0] - cosines[1]) / 2)
        total: torch.Tensor = parts[0] + parts[1]
        return total

    found = IntegratedGradients(margin).attribute(tuple(states), n_steps=8, method="gausslegendre")
    for side, exact in zip(found, (mapped.weights.sum(1), mapped.weights.sum(0)), strict=True):
        ours, theirs = exact[:-1] / 2, side[0].sum(1).numpy()
        assert np.allclose(ours, theirs, atol=1e-6)
        clear = np.abs(theirs) > 1e-6
        assert np.array_equal(np.sign(ours[clear]), np.sign(theirs[clear]))
        assert (np.diff(ours[np.argsort(theirs)]) > -2e-6).all()
