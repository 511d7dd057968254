from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.attribution import top_words, word_map
from jepa_langchain.predictor import Direction, LinearPredictor
from jepa_langchain.stages import score_pairs
from tests.unit_tests.conftest import make_stages
from tests.words import DIMENSION, WordEncoder

WORDS = st.lists(
    st.sampled_from(["we", "not", "tax", "sugar", "über", "naïve-ish", "東京", "it's"]), min_size=1, max_size=7
)


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS, st.integers(0, 100), st.sampled_from(["symmetric", "forward"]))
def test_the_map_sums_to_the_margin(a: list[str], b: list[str], seed: int, direction: Direction) -> None:
    maps = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, DIMENSION, 2 * DIMENSION)))
    linear = LinearPredictor(maps, direction=direction)
    mapped = word_map(WordEncoder(), linear, " ".join(a), " ".join(b))
    assert mapped is not None
    assert mapped.completeness_error < 1e-5
    assert abs(mapped.weights.sum() - mapped.margin) == mapped.completeness_error
    for words, text in ((mapped.words_a, " ".join(a)), (mapped.words_b, " ".join(b))):
        assert all(text[start:end] == word for word, start, end in words)


def test_the_margin_is_the_linear_stages_own(words: WordEncoder) -> None:
    stages = make_stages(words)
    scores = score_pairs(stages, ["tax sugar", "not tax sugar"], np.array([[0, 1]]))
    mapped = word_map(words, stages.linear, "tax sugar", "not tax sugar")
    assert mapped is not None
    assert abs(mapped.margin - (scores.energies[0, 1] - scores.energies[0, 0])) < 1e-6


def test_the_word_that_makes_the_contrast_carries_the_margin(words: WordEncoder) -> None:
    stages = make_stages(words)
    weights = top_words(word_map(words, stages.linear, "we should not tax sugar", "we must not tax it"), most=1)
    assert [w.word for w in (*weights.a, *weights.b)] == ["not", "not"]
    assert weights.a[0].span == (10, 13)


def test_no_token_states_no_map() -> None:
    class Opaque(WordEncoder):
        def token_context(self, text: str) -> None:
            return None

    assert word_map(Opaque(), make_stages(WordEncoder()).linear, "a b", "c d") is None
    assert top_words(None).a == ()
