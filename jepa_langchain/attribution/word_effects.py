"""What the verdict hangs on: how the margin changes when words are taken out of both texts.

Exact shares (``word_map``, ``pair_map``) say where a margin is read out.
What it hangs on is an experiment: halves of the words are removed from the texts, each left-over pair is encoded and
judged again, and a word's effect is its coefficient in the least-squares fit

    margin ≈ m_0 + Σ_w effect(w) [w is kept]

The first half of the draws are random halves, which give a word's Banzhaf value: the mean change of the margin when it
joins a random coalition of the others. The second half look closer at where the verdict turns: each takes out the words
that support it most by the effects known so far, with noise on the ranking, and all draws are fitted together. Words
that stand in for each other are found so, which one at a time never are. Of the attributions measured in
``benchmarks/attribution.md`` it is the most faithful, and it needs nothing of an encoder but embeddings.

Sources: Ribeiro et al. (2016) for local linear fits; Wang & Jia, *Data Banzhaf* (2023) for halves and their noise;
Rubinstein (1999), the cross-entropy method, for drawing near the best so far; Kool et al. (2019) for Gumbel noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.attribution.words import Doubles, Word, words_of
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages

#: Left-over pairs that are judged: random halves first, then as many where the verdict turns, a round at a time.
DRAWS, ROUNDS = 128, 4
#: Noise on the ranking of the second half, in standard deviations of the effects.
NOISE = 1.0
_RIDGE = 1.0
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WordEffects:
    """Effects of the words of one pair.

    Attributes:
        words_a: words of text a; the last is no word and has the effect 0.
        words_b: those of text b.
        effects_a: (words_a,) mean change of the margin by keeping each word; > 0 pulls towards agreement.
        effects_b: (words_b,) likewise.
        margin: of the whole texts.
        margin_without_top: without the half of the words that supports the verdict most.
        margin_without_random: without a random half, in the mean.
    """

    words_a: list[Word]
    words_b: list[Word]
    effects_a: Doubles
    effects_b: Doubles
    margin: float
    margin_without_top: float
    margin_without_random: float


def leave_out(text: str, words: Sequence[Word], kept: Mask) -> str:
    """``text`` without the words that are not kept; a text that loses every character is a full stop.

    Args:
        text: the text.
        words: its words, as :func:`words_of` gives them, without the last entry.
        kept: (words,) which of them stay.
    """
    parts, end = [], 0
    for (_, start, stop), keep in zip(words, kept.tolist(), strict=True):
        parts.append(text[end : stop if keep else start])
        end = stop
    return " ".join("".join([*parts, text[end:]]).split()) or "."


def margins(stages: Stages, pairs: Sequence[tuple[str, str]]) -> Doubles:
    """(n,) margins of pairs of texts, by the stage that decides a pair of its own."""
    texts = [text for pair in pairs for text in pair]
    places = np.arange(len(texts), dtype=np.int64).reshape(-1, 2)
    energies = score_pairs(stages, texts, places).energies
    return energies[:, 1] - energies[:, 0]


def random_halves(count: int, draws: int, seed: int) -> Mask:
    """(draws, count) which words are kept: random halves, each followed by its complement, so that none is out more."""
    rng = np.random.default_rng(seed)
    order = rng.random((draws // 2, count)).argsort(axis=1).argsort(axis=1)
    kept = order < rng.integers(count // 2, (count + 1) // 2, size=(draws // 2, 1), endpoint=True)
    return np.stack([kept, ~kept], axis=1).reshape(2 * len(kept), count)


def fit_effects(kept: Mask, values: Doubles) -> Doubles:
    """(count,) coefficients of the ridge fit of (draws,) margins on (draws, count) kept words."""
    wide = kept - kept.mean(0)
    gram = wide.T @ wide + _RIDGE * np.eye(wide.shape[1])
    return np.asarray(np.linalg.solve(gram, wide.T @ (values - values.mean())), dtype=np.float64)


def without_top(effects: Doubles, margin: float) -> Mask:
    """(count,) the words that stay when the half that supports the sign of the margin most is taken out."""
    kept = np.ones(len(effects), dtype=bool)
    kept[np.argsort(-effects if margin > 0 else effects, kind="stable")[: len(effects) // 2]] = False
    return kept


def sampled_effects(
    judge: Callable[[Mask], Doubles], whole: float, count: int, *, draws: int = DRAWS, seed: int = 0
) -> tuple[Doubles, float]:
    """Effects of words by the draws that the module's docstring tells of.

    Args:
        judge: (n, count) which words are kept, to the (n,) margins of what is left.
        whole: the margin of the whole texts; its sign is the verdict.
        count: words of both texts.
        draws: left-over pairs that are judged.
        seed: the same seed gives the same draws.

    Returns:
        (count,) effects, and the mean margin without a random half.
    """
    kept = random_halves(count, draws // 2, seed)
    values = judge(kept)
    random = float(values.mean())
    rng = np.random.default_rng([seed, count])
    for _ in range(ROUNDS if count else 0):
        effects = fit_effects(kept, values)
        support = effects if whole > 0 else -effects
        noise = rng.gumbel(size=(draws // (2 * ROUNDS), count)) * NOISE * support.std()
        near = (support + noise).argsort(axis=1).argsort(axis=1) < count - count // 2
        kept, values = np.concatenate([kept, near]), np.concatenate([values, judge(near)])
    return fit_effects(kept, values), random


def word_effects(stages: Stages, text_a: str, text_b: str, *, draws: int = DRAWS, seed: int = 0) -> WordEffects:
    """Judge a pair again without halves of its words; the same arguments give the same effects."""
    words_a, words_b = words_of(text_a), words_of(text_b)
    first = len(words_a) - 1
    count = first + len(words_b) - 1

    def left(kept: Mask) -> tuple[str, str]:
        return leave_out(text_a, words_a[:-1], kept[:first]), leave_out(text_b, words_b[:-1], kept[first:])

    whole = float(margins(stages, [(text_a, text_b)])[0])
    effects, random = sampled_effects(
        lambda kept: margins(stages, [left(row) for row in kept]), whole, count, draws=draws, seed=seed
    )
    top = float(margins(stages, [left(without_top(effects, whole))])[0])
    effects_a, effects_b = np.r_[effects[:first], 0.0], np.r_[effects[first:], 0.0]
    return WordEffects(words_a, words_b, effects_a, effects_b, whole, top, random)
