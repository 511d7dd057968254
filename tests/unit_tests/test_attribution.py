from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.attribution.word_map import WordMap, top_words, word_map
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Direction
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages
from tests.unit_tests.conftest import make_stages
from tests.words import DIMENSION, WordEncoder

WORDS = st.lists(
    st.sampled_from(["we", "not", "tax", "sugar", "über", "naïve-ish", "東京", "it's"]), min_size=1, max_size=7
)


def mapped_words(linear: LinearPredictor, a: str, b: str) -> WordMap:
    encoder = WordEncoder()
    mapped = word_map(linear, encoder.token_context(a), encoder.token_context(b))
    assert mapped is not None
    return mapped


def test_another_pooling_than_the_mean_gives_no_map() -> None:
    tokens = WordEncoder().token_context("tax sugar now")
    assert tokens is not None
    first_token = replace(tokens, embedding=tokens.layers[-1][0])
    assert word_map(make_stages(WordEncoder()).linear, first_token, tokens) is None


@settings(max_examples=40)
@given(WORDS, WORDS, st.integers(0, 100), st.sampled_from(["symmetric", "forward"]))
def test_the_map_sums_to_the_margin(a: list[str], b: list[str], seed: int, direction: Direction) -> None:
    maps = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, DIMENSION, 2 * DIMENSION)))
    linear = LinearPredictor(maps, direction=direction)
    mapped = mapped_words(linear, " ".join(a), " ".join(b))
    stages = Stages(WordEncoder(), linear, None, {})
    scores = score_pairs(stages, [" ".join(a), " ".join(b)], np.array([[0, 1]]))
    assert abs(mapped.weights.sum() - (scores.energies[0, 1] - scores.energies[0, 0])) < 1e-5
    assert mapped.completeness_error < 1e-5
    for words, text in ((mapped.words_a, " ".join(a)), (mapped.words_b, " ".join(b))):
        assert all(text[start:end] == word for word, start, end in words)


def test_the_word_that_makes_the_contrast_carries_the_margin(words: WordEncoder) -> None:
    stages = make_stages(words)
    weights = top_words(mapped_words(stages.linear, "we should not tax sugar", "we must not tax it"), most=1)
    assert [w.word for w in (*weights.a, *weights.b)] == ["not", "not"]
    assert weights.a[0].span == (10, 13)


def test_no_word_weighs_minus_zero() -> None:
    mapped = mapped_words(make_stages(WordEncoder()).linear, "tax sugar", "tax it")
    faint = top_words(replace(mapped, weights=np.full_like(mapped.weights, -1e-9)))
    assert "-0.0" not in faint.model_dump_json()


def test_no_token_states_no_map() -> None:
    linear = make_stages(WordEncoder()).linear
    assert word_map(linear, None, WordEncoder().token_context("a b")) is None
    assert top_words(None).a == ()
