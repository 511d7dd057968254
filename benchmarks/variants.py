"""What the ablation trains instead of the shipped pair stage: each class changes one thing of :class:`PairPredictor`.

* ``TokensOnly``: without the part over pooled states.
* ``PooledOnly``: without the tokens, i.e. a small network on symmetric pair features of all depths.
* ``TwoWay``: without the term of the loss that tells unrelated pairs apart.
* ``TokenHead``: no transformer; tokens attend to the other statement's once, are compared with what they find, and
  each gives its own energies (decomposable attention, Parikh et al., 2016).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu

from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.predictor import RELATIONS

_WIDTH = 256


class TokensOnly(PairPredictor):
    """The shipped stage without its pooled part."""

    def pooled_energies(self, context_x: torch.Tensor, context_y: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(b, c), (b, c) to (b, 2) zeros."""
        return context_x.new_zeros(len(context_x), len(RELATIONS)).float()


class PooledOnly(PairPredictor):
    """The shipped stage without its tokens."""

    def token_energies(self, states: torch.Tensor, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, t, d), (b, t) to (b, t, 2) zeros and (b, t) zeros."""
        return states.new_zeros(*part.shape, len(RELATIONS)), states.new_zeros(part.shape)


class TwoWay(PairPredictor):
    """The shipped stage, trained on agree against disagree alone."""

    def loss(self, energies: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over exp(-E_agree), exp(-E_disagree) of the related pairs of a batch: (b, 2), (b,)."""
        related = labels < len(RELATIONS)
        if not related.any():
            return energies.sum() * 0
        return cross_entropy(-energies[related], labels[related])


class TokenHead(PairPredictor):
    """The light token-level head: attend once, compare, sum up; about 0.6 M parameters beside the pooled part."""

    def __init__(self, config: PairConfig, *, dropout_p: float = 0.2) -> None:
        super().__init__(PairConfig(**{**vars(config), "layers": 0}), dropout_p=dropout_p)
        self.project = nn.Linear(config.dimension, _WIDTH)
        self.align = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, _WIDTH))
        self.compare = nn.Linear(4 * _WIDTH, _WIDTH)
        self.energy = nn.Linear(_WIDTH, len(RELATIONS))
        self.drop = nn.Dropout(dropout_p)

    def token_energies(self, states: torch.Tensor, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`PairPredictor.token_energies`: (b, t, d), (b, t) to (b, t, 2) energies and (b, t) weights."""
        tokens = self.drop(gelu(self.project(states)))
        keys = self.align(tokens)
        scores = keys @ keys.transpose(1, 2) / _WIDTH**0.5
        in_x, in_y = part == 0, part == 1
        other = (in_x.unsqueeze(2) & in_y.unsqueeze(1)) | (in_y.unsqueeze(2) & in_x.unsqueeze(1))
        found = scores.float().masked_fill(~other, -1e4).softmax(2).to(tokens.dtype) @ tokens
        both = torch.cat([tokens, found, (tokens - found).abs(), tokens * found], dim=2)
        energies = self.energy(self.drop(gelu(self.compare(both))))
        weights = (in_x / in_x.sum(1, keepdim=True) + in_y / in_y.sum(1, keepdim=True)) / 2
        return energies.float(), weights
