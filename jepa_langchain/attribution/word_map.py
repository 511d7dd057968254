"""Mapped weights: which words carry the linear stage's margin, exactly.

With mean pooling, the context states c_x and the target s_y are sums over tokens (u_i and v_j below), and with the
lengths |W_z c_x| held at their values the margin is bilinear in them:

    margin = Σ_ij M_ij,   M_ij = <W_a u_i, v_j> / |W_a c_x| - <W_d u_i, v_j> / |W_d c_x|     (averaged with y -> x)

No baseline and no integration is needed; the completeness error is returned with every map. Rows and columns sum to
each token's share, and tokens are merged to the words they are pieces of with the sum kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.attribution.words import Word, merged, word_of_token, words_of
from jepa_langchain.encoder import TokenContext
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import RowWeights, WordWeight

Doubles = npt.NDArray[np.float64]
#: Largest difference between a mean of token states and the encoder's own embedding that is float noise.
_MEAN_POOLED = 1e-3


@dataclass(frozen=True)
class WordMap:
    """The margin of one pair, spread over words.

    Attributes:
        words_a: (word, start, end) of text a, in reading order; the last entry ("", 0, 0) holds what is no word
            (special tokens and punctuation).
        words_b: the same of text b.
        weights: (words_a, words_b) contributions; their sum is the margin.
        margin: the linear stage's E_disagree - E_agree.
        completeness_error: |sum of weights - margin|.
    """

    words_a: list[Word]
    words_b: list[Word]
    weights: Doubles
    margin: float
    completeness_error: float


def token_shares(tokens: TokenContext) -> tuple[Doubles, Doubles]:
    """Per-token parts of the context states (t, c) and of the target (t, d); each sums to the pooled vector."""
    count = tokens.layers.shape[1]
    layers = tokens.layers.astype(np.float64)
    scaled = [states / (count * np.linalg.norm(states.mean(0))) for states in layers]
    return np.concatenate(scaled, axis=1), scaled[-1]


def word_map(linear: LinearPredictor, tokens_a: TokenContext | None, tokens_b: TokenContext | None) -> WordMap | None:
    """The exact word-by-word map of a pair's linear margin.

    Args:
        linear: the linear stage.
        tokens_a: token-level context states of text a, from the encoder.
        tokens_b: those of text b.

    Returns:
        None if the encoder shows no token states or does not pool them by their mean.
    """
    if tokens_a is None or tokens_b is None:
        return None
    (context_a, target_a), (context_b, target_b) = token_shares(tokens_a), token_shares(tokens_b)
    sums = [(context_a.sum(0), target_a.sum(0)), (context_b.sum(0), target_b.sum(0))]
    if any(abs(s[1] - t.embedding).max() > _MEAN_POOLED for s, t in zip(sums, (tokens_a, tokens_b), strict=True)):
        return None
    total = np.zeros((len(context_a), len(context_b)))
    margin = 0.0
    for sign, weights in zip((1.0, -1.0), linear.maps.double().cpu().numpy(), strict=True):
        forward, back = context_a @ weights.T, context_b @ weights.T
        ahead = forward @ target_b.T / np.linalg.norm(forward.sum(0))
        behind = (back @ target_a.T / np.linalg.norm(back.sum(0))).T
        total += sign * ((ahead + behind) / 2 if linear.direction == "symmetric" else ahead)
        predicted = [context @ weights.T for context, _ in sums]
        cosine = [predicted[i] @ sums[1 - i][1] / np.linalg.norm(predicted[i]) for i in (0, 1)]
        margin += sign * (sum(cosine) / 2 if linear.direction == "symmetric" else cosine[0])
    words_a, words_b = words_of(tokens_a.text), words_of(tokens_b.text)
    rows = merged(total, word_of_token(words_a, tokens_a.offsets), len(words_a))
    weights = merged(rows.T, word_of_token(words_b, tokens_b.offsets), len(words_b)).T
    return WordMap(words_a, words_b, weights, margin, abs(float(weights.sum()) - margin))


def top_words(mapped: WordMap | None, *, most: int = 3) -> RowWeights:
    """The words with the largest absolute share on each side, in reading order."""
    if mapped is None:
        return RowWeights(a=(), b=())
    sides = []
    for words, shares in ((mapped.words_a, mapped.weights.sum(1)), (mapped.words_b, mapped.weights.sum(0))):
        chosen = sorted(sorted(range(len(words) - 1), key=lambda i: (-abs(round(float(shares[i]), 9)), i))[:most])
        sides.append(
            tuple(
                WordWeight(word=words[i][0], span=words[i][1:], weight=round(float(shares[i]), 6) + 0.0) for i in chosen
            )
        )
    return RowWeights(a=sides[0], b=sides[1])
