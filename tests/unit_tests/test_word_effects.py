from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.attribution.word_effects import fit_effects, leave_out, random_halves, without_top, word_effects
from jepa_langchain.attribution.words import words_of
from tests.unit_tests.conftest import make_stages
from tests.words import WordEncoder


@given(st.text(max_size=50), st.integers(0, 2**16))
def test_what_is_left_out_is_gone_and_the_rest_stays(text: str, seed: int) -> None:
    words = words_of(text)[:-1]
    kept = np.random.default_rng(seed).random(len(words)) < 0.5
    left = leave_out(text, words, kept)
    assert leave_out(text, words, np.ones(len(words), dtype=bool)) == (" ".join(text.split()) or ".")
    gone = sum(stop - start for (_, start, stop), keep in zip(words, kept, strict=True) if not keep)
    assert left == "." or len(left.replace(" ", "")) == len("".join(text.split())) - gone


@given(st.integers(1, 40), st.integers(0, 100))
def test_halves_are_halves_and_balanced(count: int, seed: int) -> None:
    kept = random_halves(count, 16, seed)
    assert np.array_equal(kept[::2], ~kept[1::2])
    assert set(kept.sum(1)) <= {count // 2, (count + 1) // 2}


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 100))
def test_a_linear_margin_gives_its_own_coefficients(count: int, seed: int) -> None:
    true = np.random.default_rng(seed).normal(size=count)
    kept = random_halves(count, 512, seed)
    fitted = fit_effects(kept, kept @ true + 3.0)
    # Halves fix how many words are kept, so a shift common to all words cannot be seen; ridge shrinks a little.
    assert np.allclose(fitted - fitted.mean(), true - true.mean(), atol=0.1)


def test_the_word_that_makes_the_contrast_has_the_largest_effect() -> None:
    effects = word_effects(make_stages(WordEncoder()), "we should tax sugar", "we should not tax sugar")
    both = [*effects.effects_a, *effects.effects_b]
    words = [*effects.words_a, *effects.words_b]
    assert words[int(np.argmin(both))][0] == "not"
    assert effects.margin < effects.margin_without_random < effects.margin_without_top
    again = word_effects(make_stages(WordEncoder()), "we should tax sugar", "we should not tax sugar")
    assert np.array_equal(effects.effects_b, again.effects_b)


@pytest.mark.parametrize(("a", "b"), [("🙂", "?!"), ("yes", "🙂"), ("yes", "no")])
def test_texts_of_hardly_any_words(a: str, b: str) -> None:
    effects = word_effects(make_stages(WordEncoder()), a, b)
    assert np.isfinite([*effects.effects_a, *effects.effects_b, effects.margin_without_top]).all()


def test_the_top_half_supports_the_sign_of_the_margin() -> None:
    effects = np.array([0.3, -0.2, 0.1, -0.4])
    assert without_top(effects, 1.0).tolist() == [False, True, False, True]
    assert without_top(effects, -1.0).tolist() == [True, False, True, False]
