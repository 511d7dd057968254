"""The pair stage: a small transformer that reads both statements at once and predicts energies token by token.

The encoder's lower layers run once a statement and their token states are kept; the upper layers, initialised
from the encoder's own, run jointly over the tokens of x, the tokens of y and one token a relation:

    h          = upper layers([x_1 … x_n, y_1 … y_m, z_agree, z_disagree])
    u, v       = mean_{t in x} h_t, mean_{t in y} h_t
    e_z(t)     = <w_z, gelu(W [|u - v|, u * v] + V h_t + b)> + b_z + <A h_t + a, h_z> / √d
    E_z(x, y)  = 1/2 mean_{t in x} e_z(t) + 1/2 mean_{t in y} e_z(t)

e_z(t) is the energy of token t under relation z: what the two statements' states make of each other, as this token
shifts it. Each token's share of the energy is exact at the read-out. V and A start at zero, so training begins with the
statements as wholes and the tokens learn what these miss. Nothing tells the layers which statement is x: a
token only sees, through a learned bias a head and layer, whether another token stands in its own statement or in
the other one. The energies are therefore symmetric by construction.

Sources: I-JEPA (Assran et al., 2023), a narrow transformer as predictor over cached encoder states;
the block is BERT's (Devlin et al., 2019), post-norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, gelu, scaled_dot_product_attention

from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Relation

Floats = npt.NDArray[np.float32]
LABELS = (*RELATIONS, Relation.UNRELATED)
_PAD, _X, _Y, _SHARED = -1, 0, 1, 2
#: Width of the read-out.
_HIDDEN = 256
#: Tokens of one statement that the pair stage reads; what follows is left out, and reported as truncated.
MOST_TOKENS = 256
#: Padded tokens that are read at once: what stays in a processor's cache, or fills an accelerator.
_BATCH_TOKENS, _MANY_TOKENS = {"cpu": 1_536}, 6_144


@dataclass(frozen=True)
class PairConfig:
    """Shape of a pair predictor; kept in the model's manifest."""

    dimension: int
    heads: int
    layers: int
    feedforward: int
    norm_eps: float = 1e-12


class Block(nn.Module):
    """One post-norm transformer layer with an additive attention bias."""

    def __init__(self, config: PairConfig, dropout_p: float) -> None:
        super().__init__()
        d = config.dimension
        self.heads, self.dropout_p = config.heads, dropout_p
        self.query, self.key, self.value, self.out = (nn.Linear(d, d) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=config.norm_eps), nn.LayerNorm(d, eps=config.norm_eps)
        self.up, self.down = nn.Linear(d, config.feedforward), nn.Linear(config.feedforward, d)
        #: Added to the attention scores of tokens of the other statement, one number a head.
        self.cross_bias = nn.Parameter(torch.zeros(config.heads))

    def forward(self, h: torch.Tensor, other: torch.Tensor, blocked: torch.Tensor) -> torch.Tensor:
        """(b, t, d) states, (b, 1, t, t) "is in the other statement", (b, 1, 1, t) -inf at padding -> (b, t, d)."""
        b, t, d = h.shape
        q, k, v = (f(h).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        bias = (other * self.cross_bias.view(1, -1, 1, 1) + blocked).to(q.dtype)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).reshape(b, t, d)
        h = self.norm1(h + dropout(self.out(mixed), self.dropout_p, self.training))
        out: torch.Tensor = self.norm2(h + dropout(self.down(gelu(self.up(h))), self.dropout_p, self.training))
        return out


class PairPredictor(nn.Module):
    """Energies of pairs from the cached token states of both statements; see the module's docstring.

    Args:
        config: the shape.
        dropout_p: dropout while training.
    """

    def __init__(self, config: PairConfig, *, dropout_p: float = 0.1) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList([Block(config, dropout_p) for _ in range(config.layers)])
        d = config.dimension
        self.compare, self.each = nn.Linear(2 * d, _HIDDEN), nn.Linear(d, _HIDDEN, bias=False)
        self.energy = nn.Sequential(nn.GELU(), nn.Dropout(dropout_p), nn.Linear(_HIDDEN, len(RELATIONS)))
        self.relations = nn.Parameter(torch.randn(len(RELATIONS), d) * 0.5)
        self.readout = nn.Linear(d, d)
        # The tokens start with no say of their own: they learn what the statements as wholes miss.
        for parameter in (self.each.weight, self.readout.weight, self.readout.bias):
            nn.init.zeros_(parameter)
        #: Energy at which "unrelated" is as likely as a relation: high energy under both relations means unrelated.
        self.unrelated = nn.Parameter(torch.zeros(()))

    def token_energies(self, states: torch.Tensor, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy of each token under each relation, and each token's weight in the pair's energy.

        Args:
            states: (b, t, d) token states after the encoder's cut layer, x and y in one row, padded.
            part: (b, t) 0 for x's tokens, 1 for y's, -1 for padding.

        Returns:
            (b, t, 2) token energies and (b, t) weights; their products sum over t to the pair's energies.
        """
        b, t = part.shape
        h = torch.cat([states, self.relations.expand(b, -1, -1)], dim=1)
        part_all = torch.cat([part, part.new_full((b, h.shape[1] - t), _SHARED)], dim=1)
        side_a, side_b = part_all.unsqueeze(2), part_all.unsqueeze(1)
        other = ((side_a != side_b) & (side_a < _SHARED) & (side_b < _SHARED)).unsqueeze(1).to(states.dtype)
        blocked = torch.zeros(b, 1, 1, part_all.shape[1], dtype=states.dtype, device=states.device)
        blocked.masked_fill_((part_all == _PAD)[:, None, None, :], torch.finfo(torch.float32).min / 2)
        for block in self.blocks:
            h = block(h, other, blocked)
        in_x, in_y = (part == _X).float(), (part == _Y).float()
        shares = torch.stack([side / side.sum(1, keepdim=True) for side in (in_x, in_y)], dim=1)
        return self.read_out(h[:, :t], h[:, t:], shares.to(h.dtype)).float(), shares.mean(1)

    def read_out(self, h: torch.Tensor, asked: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """e_z(t): (b, t, d) states of tokens, (b, 2, d) of relations, (b, 2, t) shares in x and y to (b, t, 2)."""
        u, v = (shares @ h).unbind(1)
        whole = self.compared(u, v).unsqueeze(1)
        related = self.readout(h) @ asked.transpose(1, 2) / h.shape[2] ** 0.5
        energies: torch.Tensor = self.energy(whole + self.each(h)) + related
        return energies

    def compared(self, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """W [|u - v|, u * v]: (b, d) means of x's and y's states to (b, h)."""
        whole: torch.Tensor = self.compare(torch.cat([(u - v).abs(), u * v], dim=1))
        return whole

    def forward(self, states: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        """Energies (b, 2) of a padded batch: the token energies of :meth:`token_energies`, weighted and added up."""
        energies, weights = self.token_energies(states, part)
        return (energies * weights.unsqueeze(-1)).sum(1)

    def loss(self, energies: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over exp(-E_agree), exp(-E_disagree), exp(-E_0): (b, 2) and (b,) indices into LABELS."""
        logits = torch.cat([-energies, -self.unrelated.expand(len(energies), 1)], dim=1)
        return cross_entropy(logits, labels)

    @torch.inference_mode()
    def score(
        self,
        tokens: Sequence[Floats],
        pairs: npt.NDArray[np.int64],
        *,
        batch_tokens: int | None = None,
    ) -> Floats:
        """Energies of many pairs.

        Args:
            tokens: token states (t_i, d) of each distinct text.
            pairs: (n, 2) indices into ``tokens``.
            batch_tokens: padded tokens a batch at the most; by the device when None.

        Returns:
            (n, 2) energies, last axis RELATIONS. They do not depend on the order of the pairs beyond float error.
        """
        self.eval()
        device = self.relations.device
        most = batch_tokens or _BATCH_TOKENS.get(device.type, _MANY_TOKENS)
        lengths = np.array([min(len(states), MOST_TOKENS) for states in tokens])
        out = np.zeros((len(pairs), len(RELATIONS)), dtype=np.float32)
        order = np.argsort(lengths[pairs].sum(1), kind="stable") if len(pairs) else np.arange(0)
        start = 0
        while start < len(order):
            # Ascending lengths: the last pair of a batch is its widest, so grow until it would not fit.
            size = max(1, most // max(1, int(lengths[pairs[order[start]]].sum())))
            while size > 1:
                widest = int(lengths[pairs[order[min(start + size, len(order)) - 1]]].sum())
                if size * widest <= most:
                    break
                size = max(1, min(size - 1, most // widest))
            chosen = order[start : start + size]
            states, part = collate([(tokens[i][:MOST_TOKENS], tokens[j][:MOST_TOKENS]) for i, j in pairs[chosen]])
            out[chosen] = self(states.to(device), part.to(device)).cpu().numpy()
            start += size
        return out


def collate(pairs: Sequence[tuple[Floats, Floats]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad pairs of token states into (b, t, d) states and (b, t) parts (0 = x, 1 = y, -1 = padding)."""
    widest = max(len(x) + len(y) for x, y in pairs)
    states = np.zeros((len(pairs), widest, pairs[0][0].shape[1]), dtype=np.float32)
    part = np.full((len(pairs), widest), _PAD, dtype=np.int64)
    for row, (x, y) in enumerate(pairs):
        states[row, : len(x)], states[row, len(x) : len(x) + len(y)] = x, y
        part[row, : len(x)], part[row, len(x) : len(x) + len(y)] = _X, _Y
    return torch.from_numpy(states), torch.from_numpy(part)


#: How the blocks' names stand in the checkpoints of BERT-like encoders.
_BERT_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm2": "output.LayerNorm",
}


def from_encoder(layers: Sequence[nn.Module], *, heads: int, norm_eps: float) -> PairPredictor:
    """A pair predictor whose blocks start as the encoder's own upper layers.

    Layers that are not BERT-like are left at their random start: training then takes longer, nothing else.
    """
    first = layers[0].state_dict()
    up = first.get("intermediate.dense.weight")
    some = next(iter(first.values()))
    width = int(up.shape[1] if up is not None else some.shape[-1])
    inner = int(up.shape[0] if up is not None else 4 * width)
    config = PairConfig(width, heads, len(layers), inner, norm_eps)
    predictor = PairPredictor(config)
    if all(f"{name}.weight" in first for name in _BERT_NAMES.values()):
        for block, layer in zip(predictor.blocks, layers, strict=True):
            state = layer.state_dict()
            wanted = {
                f"{ours}.{p}": state[f"{theirs}.{p}"]
                for ours, theirs in _BERT_NAMES.items()
                for p in ("weight", "bias")
            }
            block.load_state_dict(wanted, strict=False)
    return predictor
