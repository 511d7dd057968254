"""The ground that small trainings are compared on: capped sources, their encoded states, dev rows of each file.

Texts are encoded once; a seed decides which part of the capped pairs is trained on, the start and the order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.variants import PooledOnly, TokenHead, TokensOnly
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.metrics import auroc
from jepa_langchain.pair_predictor import LABELS, PairPredictor, from_encoder
from jepa_langchain.pairs import LabelledPair, PairSource, for_training
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.training.augmentation import compose_concessions, negate_statements, repeat_statements
from jepa_langchain.training.held_out import pair_energies
from jepa_langchain.training.linear import fit_linear
from jepa_langchain.training.pair import train_pair
from jepa_langchain.training.sampling import PairTraining, Rows
from jepa_langchain.training.states import StateStore

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Result = dict[str, float]
#: Sources made by rule out of the others.
MADE = ("composed_concessions", "negations", "repetitions")
#: Share of the capped pairs that one seed trains on.
_SHARE = 0.8


@dataclass(frozen=True)
class Budget:
    """What a comparison may cost: training pairs a source, dev pairs a label and file, samples of a joint variant."""

    pairs: int = 3_000
    dev: int = 150
    samples: int = 49_152


class Bench:
    """The data of a comparison, at seed 0; :meth:`at` gives the same at another seed.

    Args:
        sources: labelled pairs with their splits.
        work: folder of the encoded states, which are kept for the next run.
        budget: see :class:`Budget`.
        cut: the layer up to which statements are encoded apart; None for the encoder's own.
    """

    def __init__(self, sources: Sequence[PairSource], work: Path, *, budget: Budget, cut: int | None = None) -> None:
        fixed = np.random.default_rng(43)
        self.encoder = TransformerEncoder()
        if cut is not None:
            self.encoder.identity = replace(self.encoder.identity, cut_layer=cut)
        kept = [s.only(_some(for_training(s).pairs, budget.pairs, fixed)) for s in sources]
        made = [
            compose_concessions(kept, most=budget.pairs // 2),
            negate_statements(kept, most=budget.pairs // 2),
            repeat_statements(kept, most=500),
        ]
        dev = [_balanced(s, budget.dev, fixed) for s in sources]
        texts = [text for s in (*kept, *made, *dev) for p in s.pairs for text in (p.a, p.b)]
        folder = work / f"states-{self.encoder.identity.cut_layer}"
        self.store = StateStore(folder, texts, self.encoder, with_tokens=True, progress=True)
        self._all = [Rows.of(s, self.store) for s in (*kept, *made) if s.pairs]
        self.dev = [Rows.of(s, self.store) for s in dev]
        self.work, self.budget = work, budget
        self.seed, self.parts = 0, _draw(self._all, 0)

    def at(self, seed: int) -> Bench:
        """The same ground, trained on with another seed."""
        other = copy.copy(self)
        other.seed, other.parts = seed, _draw(self._all, seed)
        return other

    def measure(self, energies: Callable[[Rows], npt.NDArray[np.floating]], *, only: Sequence[str] = ()) -> Result:
        """Mean over files of both AUROCs, from (n, 2) energies of a file's dev rows; ``only`` names the files."""
        agree, related = [], []
        for part in self.dev:
            if only and part.name not in only:
                continue
            e = energies(part).astype(np.float64)
            is_related = part.label < len(RELATIONS)
            agree.append(auroc(part.label[is_related] == 0, (e[:, 1] - e[:, 0])[is_related]))
            related.append(auroc(is_related, np.logaddexp(-e[:, 0], -e[:, 1])))
        return {"agree": _mean(agree), "related": _mean(related)}

    def cosine(self, **which: Sequence[str]) -> Result:
        """Cosine as both: near means agree, near means related."""

        def energies(part: Rows) -> Floats:
            cosine = (self._embedding(part.x) * self._embedding(part.y)).sum(1)
            return np.stack([-cosine, np.zeros_like(cosine)], axis=1)

        return self.measure(energies, **which)

    def linear(
        self, *, depths: bool = True, ridge: float = 1e-3, without: Sequence[str] = (), only: Sequence[str] = ()
    ) -> Result:
        """The closed-form maps, from every depth or from the embedding alone."""
        parts = [p for p in self.parts if p.name not in without]
        predictor = fit_linear(parts, self.store, ridge=ridge, flatten=0.8, depths=depths)
        wide = self.store.context if depths else self.store.embeddings

        def energies(part: Rows) -> npt.NDArray[np.floating]:
            sides = [self.store.wide(which, r) for r in (part.x, part.y) for which in (wide, self.store.embeddings)]
            return predictor.pair_energies(*(torch.from_numpy(side) for side in sides)).numpy()

        return self.measure(energies, only=only)

    def joint(
        self,
        kind: type[PairPredictor] = PairPredictor,
        *,
        fresh: bool = False,
        without: Sequence[str] = (),
        only: Sequence[str] = (),
    ) -> Result:
        """Train a joint variant without some sources, and measure it on all files or on ``only`` some."""
        layers = self.encoder.upper_layers()
        if layers is None:
            raise TypeError("the comparison needs an encoder with layers")
        torch.manual_seed(self.seed)
        context, norm_eps = self.encoder.identity.context, layers.norm_eps
        start = from_encoder(layers.blocks, heads=layers.heads, context=context, norm_eps=norm_eps)
        model = start if kind is PairPredictor else kind(start.config)
        if fresh:
            model = PairPredictor(start.config)
        elif kind not in (PairPredictor, TokenHead):
            model.load_state_dict(start.state_dict())
        config = PairTraining(
            samples=1 if kind is PooledOnly else self.budget.samples,
            pooled_samples=1 if kind is TokensOnly else 200_000,
            seed=self.seed,
        )
        parts = [p for p in self.parts if p.name not in without]
        train_pair(
            model,
            parts,
            self.store,
            self.work,
            config=config,
            evaluate=lambda _: None,
            log=lambda _: None,
            resume=False,
        )
        return self.measure(lambda part: pair_energies(model, part.x, part.y, self.store), only=only)

    def _embedding(self, rows: Integers) -> Floats:
        return self.store.wide(self.store.embeddings, rows)


def _some(pairs: Sequence[LabelledPair], most: int, rng: np.random.Generator) -> list[LabelledPair]:
    return [pairs[i] for i in np.sort(rng.permutation(len(pairs))[:most])]


def _draw(parts: Sequence[Rows], seed: int) -> list[Rows]:
    rng = np.random.default_rng([seed, 41])
    drawn = []
    for part in parts:
        rows = np.sort(rng.permutation(len(part.x))[: max(1, round(_SHARE * len(part.x)))])
        drawn.append(Rows(part.name, part.x[rows], part.y[rows], part.label[rows], part.length[rows]))
    return drawn


def _balanced(source: PairSource, most: int, rng: np.random.Generator) -> PairSource:
    """Dev rows, at most the same number of each label."""
    dev = [p for p in source.pairs if p.split == "dev"]
    groups = [[p for p in dev if p.label == label] for label in LABELS]
    return source.only([p for group in groups for p in _some(group, most, rng)])


def _mean(values: Sequence[float | None]) -> float:
    return float(np.mean([v for v in values if v is not None]))
