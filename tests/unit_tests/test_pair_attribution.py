from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.attribution.pair_map import PairInput, pair_input, pair_map
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages
from tests.unit_tests.conftest import make_stages
from tests.unit_tests.test_pair_predictor import make
from tests.words import WordEncoder

TEXTS = st.lists(st.sampled_from(["we", "not", "tax", "über", "東京", "it's", "well-known"]), min_size=1, max_size=7)


def read(a: str, b: str) -> PairInput:
    encoder = WordEncoder()
    found = pair_input(encoder, encoder.token_context(a), encoder.token_context(b))
    assert found is not None
    return found


@settings(max_examples=30)
@given(TEXTS, TEXTS, st.integers(0, 50))
def test_shares_sum_to_the_margin_whatever_the_weights(a: list[str], b: list[str], seed: int) -> None:
    text_a, text_b = " ".join(a), " ".join(b)
    mapped = pair_map(make(seed), read(text_a, text_b))
    total = mapped.shares_a.sum() + mapped.shares_b.sum()
    # The order of a sum is free, so its last digits are.
    assert abs(mapped.completeness_error - abs(total - mapped.margin)) < 1e-9
    assert mapped.completeness_error < 1e-5 * max(1, abs(mapped.margin))
    stages = Stages(WordEncoder(), make_stages(WordEncoder()).linear, make(seed), {})
    energies = score_pairs(stages, [text_a, text_b], np.array([[0, 1]])).energies[0]
    assert abs(mapped.margin - (energies[1] - energies[0])) < 1e-4
    assert [text_a[s:e] for _, s, e in mapped.words_a[:-1]] == [w for w, _, _ in mapped.words_a[:-1]]


def test_without_token_states_there_is_nothing_to_read() -> None:
    encoder = WordEncoder()
    assert pair_input(encoder, None, encoder.token_context("a b")) is None
