"""Mapped weights of the pair stage: what the tokens of each word say at the read-out, exactly.

The pair stage's energies are sums over tokens, so with token energies e_z(t) and weights w(t)

    margin = Σ_t w(t) (e_disagree(t) - e_agree(t))

A token has read all others by then: its share says where the verdict is read out, not what it hangs on
(:mod:`jepa_langchain.attribution.word_effects` asks that).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.attribution.words import Doubles, Word, merged, word_of_token, words_of
from jepa_langchain.encoder import Encoder, TokenContext
from jepa_langchain.pair_predictor import MOST_TOKENS, PairPredictor, collate


@dataclass(frozen=True)
class PairInput:
    """One pair as the pair stage reads it.

    Attributes:
        words: words of a and of b; the last of each holds what is no word.
        place: (t,) the word of each token, counted through both lists.
        states: (1, t, d) token states of a, then of b.
        part: (1, t) 0 for a's tokens, 1 for b's.
    """

    words: tuple[list[Word], list[Word]]
    place: npt.NDArray[np.int64]
    states: torch.Tensor
    part: torch.Tensor

    @property
    def count(self) -> int:
        """Entries of both word lists."""
        return len(self.words[0]) + len(self.words[1])

    def sides(self, values: Doubles) -> tuple[Doubles, Doubles]:
        """(count,) values as those of a's words and of b's."""
        first = len(self.words[0])
        return values[:first], values[first:]


def pair_input(encoder: Encoder, tokens_a: TokenContext | None, tokens_b: TokenContext | None) -> PairInput | None:
    """Read a pair; None if the encoder shows no token states.

    Args:
        encoder: it has the states after its cut layer.
        tokens_a: the tokens' places in text a, from the same encoder.
        tokens_b: those in text b.
    """
    if tokens_a is None or tokens_b is None:
        return None
    encoded = encoder.encode([tokens_a.text, tokens_b.text])
    if encoded.tokens is None:
        return None
    words = words_of(tokens_a.text), words_of(tokens_b.text)
    states, part = collate([(encoded.tokens[0][:MOST_TOKENS], encoded.tokens[1][:MOST_TOKENS])])
    place_a, place_b = (
        word_of_token(w, tokens.offsets[:MOST_TOKENS]) for w, tokens in zip(words, (tokens_a, tokens_b), strict=True)
    )
    return PairInput(words, np.r_[place_a, place_b + len(words[0])], states, part)


@dataclass(frozen=True)
class PairMap:
    """The pair stage's margin, spread over words.

    Attributes:
        words_a: words of text a; the last holds what is no word (special tokens and punctuation).
        words_b: those of text b.
        shares_a: (words_a,) contributions to the margin.
        shares_b: (words_b,) contributions to the margin.
        margin: the pair stage's E_disagree - E_agree.
        completeness_error: |sum of all contributions - margin|.
    """

    words_a: list[Word]
    words_b: list[Word]
    shares_a: Doubles
    shares_b: Doubles
    margin: float
    completeness_error: float


@torch.inference_mode()
def pair_map(pair: PairPredictor, read: PairInput) -> PairMap:
    """The exact word shares of a pair's margin at the read-out of the pair stage."""
    pair.eval()
    device = pair.relations.device
    states, part = read.states.to(device), read.part.to(device)
    energies, weights = pair.token_energies(states, part)
    of_tokens = ((energies[0, :, 1] - energies[0, :, 0]).double() * weights[0].double()).cpu().numpy()
    shares = merged(of_tokens, read.place, read.count)
    # By its name: a remembering model's pair stage hands on what is named and cannot be called.
    whole = pair.forward(states, part)[0].double()
    margin = float(whole[1] - whole[0])
    shares_a, shares_b = read.sides(shares)
    return PairMap(*read.words, shares_a, shares_b, margin, abs(float(shares.sum()) - margin))
