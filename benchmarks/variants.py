"""What the ablation trains instead of the shipped pair stage: each class changes one thing of :class:`PairPredictor`.

* ``WholesOnly``: the read-out compares the statements' means alone, and tokens have no say of their own.
* ``TokensOnly``: each token's energy comes from its own state and the relation's, <A h_t + a, h_z> / √d.
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


class WholesOnly(PairPredictor):
    """The shipped stage with what tokens add at the read-out held at zero."""

    def __init__(self, config: PairConfig, *, dropout_p: float = 0.1) -> None:
        super().__init__(config, dropout_p=dropout_p)
        for layer in (self.each, self.readout):
            layer.requires_grad_(requires_grad=False)


class TokensOnly(PairPredictor):
    """The shipped stage without the comparison of the statements' means."""

    def read_out(self, h: torch.Tensor, asked: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """As :meth:`PairPredictor.read_out`."""
        energies: torch.Tensor = self.readout(h) @ asked.transpose(1, 2) / h.shape[2] ** 0.5
        return energies


class TwoWay(PairPredictor):
    """The shipped stage, trained on agree against disagree alone."""

    def loss(self, energies: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over exp(-E_agree), exp(-E_disagree) of the related pairs of a batch: (b, 2), (b,)."""
        related = labels < len(RELATIONS)
        if not related.any():
            return energies.sum() * 0
        return cross_entropy(-energies[related], labels[related])


class TokenHead(PairPredictor):
    """The light token-level head: attend once, compare, sum up; about 0.6 M parameters."""

    def __init__(self, config: PairConfig, *, dropout_p: float = 0.2) -> None:
        super().__init__(PairConfig(**{**vars(config), "layers": 0}), dropout_p=dropout_p)
        self.project = nn.Linear(config.dimension, _WIDTH)
        self.align = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, _WIDTH))
        self.found = nn.Linear(4 * _WIDTH, _WIDTH)
        self.own_energy = nn.Linear(_WIDTH, len(RELATIONS))
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
        energies = self.own_energy(self.drop(gelu(self.found(both))))
        weights = (in_x / in_x.sum(1, keepdim=True) + in_y / in_y.sum(1, keepdim=True)) / 2
        return energies.float(), weights
