"""Whether a statement bears out what is told of it: the pair stage's network with a sense of direction.

Two statements agree either way round; what is told may leave out what was said, but not add to it. So the token states
of what is told are marked, and the read-out sees both texts' means and not only what they differ by:

    h          = upper layers([x_1 + m … x_n + m, y_1 … y_m])        x told, y the statement, m learned
    whole      = W [|u - v|, u * v] + U [u, v]                       in place of the pair stage's W [|u - v|, u * v]

and its three answers mean *borne out*, *contradicted* and *not said*. It starts as the pair stage and is trained on
with ``data/tellings.jsonl.gz``: ``python -m benchmarks.narrative_support`` writes ``support.safetensors``.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from jepa_langchain.pair_predictor import Floats, PairConfig, PairPredictor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

#: What a statement makes of what is told, in the order of LABELS.
ANSWERS = ("borne out", "contradicted", "not said")
SHIPPED = "support.safetensors"


class SupportPredictor(PairPredictor):
    """Energies of (told, statement) pairs; see the module's docstring."""

    def __init__(self, config: PairConfig, *, dropout_p: float = 0.1) -> None:
        super().__init__(config, dropout_p=dropout_p)
        d = config.dimension
        self.told = nn.Parameter(torch.zeros(d))
        self.means = nn.Linear(2 * d, self.compare.out_features, bias=False)
        nn.init.zeros_(self.means.weight)

    @classmethod
    def from_pair(cls, pair: PairPredictor) -> SupportPredictor:
        """One that answers as the pair stage does: borne out for agree, contradicted for disagree."""
        model = cls(pair.config)
        model.load_state_dict(model.state_dict() | pair.state_dict())
        return model

    def token_energies(self, states: torch.Tensor, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As the pair stage's, with the tokens of what is told (part 0) marked."""
        return super().token_energies(states + (part == 0).unsqueeze(-1) * self.told, part)

    def compared(self, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """(b, d) means of either text's states to what the read-out sees of the texts as wholes."""
        whole: torch.Tensor = super().compared(u, v) + self.means(torch.cat([u, v], dim=1))
        return whole

    def answers(self, tokens: Sequence[Floats], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(n, 3) log-probabilities of ANSWERS for pairs (n, 2) of (told, statement), indices into token states."""
        energies = torch.from_numpy(self.score(tokens, pairs).astype(np.float64))
        nothing = self.unrelated.detach().double().expand(len(energies), 1)
        return torch.log_softmax(-torch.cat([energies, nothing], dim=1), dim=1).numpy()


def save_support(path: Path, model: SupportPredictor) -> None:
    """Write a network, in half precision, with its shape."""
    from safetensors.torch import save_file

    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, path, {name: repr(value) for name, value in asdict(model.config).items()})


def load_support(path: Path) -> SupportPredictor:
    """Inverse of :func:`save_support`, up to half precision."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        shape = {name: float(value) for name, value in file.metadata().items()}
        weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    eps = shape.pop("norm_eps")
    model = SupportPredictor(PairConfig(**{name: int(value) for name, value in shape.items()}, norm_eps=eps))
    model.load_state_dict(weights)
    return model.eval()


@cache
def shipped_support() -> SupportPredictor:
    """The network that ships with the package; over the encoder that :func:`~.consent.shipped_consent` names."""
    with as_file(files("jepa_langchain.chains").joinpath(SHIPPED)) as path:
        return load_support(path)
