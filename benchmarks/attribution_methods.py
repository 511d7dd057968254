"""The attributions of words that ``benchmarks/attribution.py`` measures, and the models they are checked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.attribution.pair_map import pair_input, pair_map
from jepa_langchain.attribution.word_effects import (
    DRAWS,
    fit_effects,
    leave_out,
    margins,
    random_halves,
    sampled_effects,
)
from jepa_langchain.attribution.word_map import word_map
from jepa_langchain.attribution.words import Doubles, merged, words_of
from jepa_langchain.pair_predictor import PairPredictor
from jepa_langchain.pairs import LabelledPair
from jepa_langchain.predictor import RELATIONS, LinearPredictor, fit_map
from jepa_langchain.schema import Relation
from jepa_langchain.stages import Stages

STEPS = 8
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Words:
    """One pair and the number of its words."""

    pair: LabelledPair

    @property
    def count(self) -> int:
        """Words of both texts."""
        return len(words_of(self.pair.a)) + len(words_of(self.pair.b)) - 2

    def margins(self, stages: Stages, kept: Mask) -> Doubles:
        """(n, count) masks to the (n,) margins of both texts without the words that are not kept, all in one call."""
        a, b = words_of(self.pair.a)[:-1], words_of(self.pair.b)[:-1]
        left = [(leave_out(self.pair.a, a, row[: len(a)]), leave_out(self.pair.b, b, row[len(a) :])) for row in kept]
        return margins(stages, left)

    def whole(self, stages: Stages) -> float:
        """The margin of the whole texts."""
        return float(self.margins(stages, np.ones((1, self.count), dtype=bool))[0])


def removal(stages: Stages, words: Words, draws: int = DRAWS) -> Doubles:
    """What explanations and reports show; see ``jepa_langchain.attribution.word_effects``."""
    return sampled_effects(lambda kept: words.margins(stages, kept), words.whole(stages), words.count, draws=draws)[0]


def random_removal(stages: Stages, words: Words) -> Doubles:
    """Random halves only, as many as the first half of what is shown: a Banzhaf value."""
    halves = random_halves(words.count, DRAWS // 2, 0)
    return fit_effects(halves, words.margins(stages, halves))


def leave_one_out(stages: Stages, words: Words) -> Doubles:
    """What the margin loses without each word."""
    lost: Doubles = words.whole(stages) - words.margins(stages, ~np.eye(words.count, dtype=bool))
    return lost


def linear(stages: Stages, words: Words) -> Doubles:
    """Rows and columns of the exact map of the linear stage."""
    mapped = word_map(stages.linear, *(stages.encoder.token_context(t) for t in (words.pair.a, words.pair.b)))
    if mapped is None:
        raise ValueError("the encoder shows no tokens")
    return np.concatenate([mapped.weights.sum(1)[:-1], mapped.weights.sum(0)[:-1]])


def read_out(stages: Stages, words: Words) -> Doubles:
    """Exact shares of the pair stage."""
    read = pair_input(stages.encoder, *(stages.encoder.token_context(t) for t in (words.pair.a, words.pair.b)))
    if read is None or stages.pair is None:
        raise ValueError("the model has no pair stage")
    mapped = pair_map(stages.pair, read)
    return np.concatenate([mapped.shares_a[:-1], mapped.shares_b[:-1]])


def integrated_gradients(stages: Stages, words: Words, *, steps: int = STEPS) -> Doubles:
    """Integrated gradients of the pair stage, from nothing to its token states (Sundararajan et al., 2017).

    One step is gradient times input. Gauss-Legendre nodes.
    """
    a, b = (stages.encoder.token_context(text) for text in (words.pair.a, words.pair.b))
    read = pair_input(stages.encoder, a, b)
    if read is None or stages.pair is None:
        raise ValueError("the model has no pair stage")
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    along = torch.from_numpy((nodes + 1) / 2).float() if steps > 1 else torch.ones(1)
    states = (read.states * along[:, None, None]).requires_grad_()
    energies = stages.pair(states, read.part.expand(steps, -1))
    (found,) = torch.autograd.grad((energies[:, 1] - energies[:, 0]).sum(), states)
    mean = np.tensordot(weights / 2 if steps > 1 else np.ones(1), found.double().numpy(), axes=1)
    shares = (mean * read.states[0].double().numpy()).sum(1)
    of_a, of_b = read.sides(merged(shares, read.place, read.count))
    return np.concatenate([of_a[:-1], of_b[:-1]])


def gradient_times_input(stages: Stages, words: Words) -> Doubles:
    """The same with one step, at the input itself."""
    return integrated_gradients(stages, words, steps=1)


def random_weights(stages: Stages, seed: int) -> Stages:
    """The same encoder under maps and a pair stage that were never trained."""
    if stages.pair is None:
        raise ValueError("the model has no pair stage")
    torch.manual_seed(seed)
    pair = PairPredictor(stages.pair.config)
    torch.nn.init.normal_(pair.readout.weight, std=0.05)
    maps = torch.randn(stages.linear.maps.shape, dtype=torch.float64)
    return replace(stages, linear=LinearPredictor(maps), pair=pair.eval())


def fitted(stages: Stages, pairs: Sequence[LabelledPair]) -> tuple[Stages, Stages]:
    """Maps fitted on some pairs, and on the same pairs with their labels shuffled."""
    labels = [pair.label for pair in pairs]
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = (stages.encoder.encode([getattr(pair, side) for pair in pairs]) for side in "ab")

    def maps(told: Sequence[Relation]) -> Stages:
        out = []
        for relation in RELATIONS:
            rows = [i for i, label in enumerate(told) if label is relation]
            parts = [(1.0, x.context[rows], y.embeddings[rows]), (1.0, y.context[rows], x.embeddings[rows])]
            out.append(fit_map(parts, dimension=x.embeddings.shape[1], context=x.context.shape[1]))
        return replace(stages, linear=LinearPredictor(torch.from_numpy(np.stack(out))))

    return maps(labels), maps([labels[i] for i in order])
