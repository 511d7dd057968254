from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.attribution.words import merged, word_of_token, words_of

SPANS = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(st.text(max_size=60))
def test_spans_are_right_in_every_text(text: str) -> None:
    words = words_of(text)
    assert words[-1] == ("", 0, 0)
    end = 0
    for word, start, stop in words[:-1]:
        assert text[start:stop] == word
        assert end <= start < stop
        end = stop
    letters = {i for i, c in enumerate(text) if c.isalnum()}
    assert letters <= {i for _, start, stop in words for i in range(start, stop)}


def test_words_of_several_scripts() -> None:
    texts = {
        "It's a well-known fact.": ["It's", "a", "well-known", "fact"],
        "हिन्दी में": ["हिन्दी", "में"],
        "cafe\u0301 naïve": ["cafe\u0301", "naïve"],
        "東京、大阪": ["東京", "大阪"],
        "🙂 -- '": [],
    }
    assert {text: [w for w, _, _ in words_of(text)[:-1]] for text in texts} == texts


@given(st.text(max_size=40), st.lists(SPANS, max_size=30), st.integers(0, 2**16))
def test_merging_keeps_the_sum(text: str, spans: list[tuple[int, int]], seed: int) -> None:
    words = words_of(text)
    offsets = [(min(span), max(span)) for span in spans]
    place = word_of_token(words, offsets)
    shares = np.random.default_rng(seed).normal(size=(len(offsets), 3))
    out = merged(shares, place, len(words))
    assert np.allclose(out.sum(0), shares.sum(0), atol=1e-12)
    for (start, end), k in zip(offsets, place.tolist(), strict=True):
        _, first, stop = words[k]
        touched = [w for w in words[:-1] if min(end, w[2]) > max(start, w[1])]
        assert (k == len(words) - 1) == (not touched)
        assert not touched or min(end, stop) > max(start, first)
