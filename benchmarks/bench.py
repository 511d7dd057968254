"""The ground that small trainings are compared on: capped sources, their encoded states, dev rows of each file.

Texts are encoded once; a seed decides which part of the capped pairs is trained on, the start and the order.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.variants import TokenHead
from jepa_langchain.baselines import symmetric_features
from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.metrics import auroc
from jepa_langchain.pair_predictor import LABELS, PairPredictor, from_encoder
from jepa_langchain.pairs import LabelledPair, PairSource, for_training
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.training.augmentation import compose_concessions, negate_statements, repeat_statements
from jepa_langchain.training.baselines import fit_network
from jepa_langchain.training.held_out import pair_energies
from jepa_langchain.training.linear import fit_linear
from jepa_langchain.training.pair import train_pair
from jepa_langchain.training.sampling import PairTraining, Rows
from jepa_langchain.training.states import StateStore

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Result = dict[str, float]
#: Share of the capped pairs that one seed trains on.
_SHARE = 0.8


@dataclass(frozen=True)
class Budget:
    """What a comparison may cost: training pairs a source, dev pairs a label and file, samples of a joint variant."""

    pairs: int = 3_000
    dev: int = 150
    samples: int = 49_152

    @property
    def said(self) -> str:
        """One line for a table."""
        return (
            f"Budget: {self.pairs:,} training pairs a source, {self.samples:,} samples for joint variants, "
            f"{self.dev} dev rows a label."
        )


def asked_for(about: str, default: Budget, *, seeds: Sequence[int] = ()) -> tuple[argparse.Namespace, Budget]:
    """Command line of a comparison of trainings: the options and the budget; ``work`` is a folder of that budget.

    Args:
        about: what ``--help`` says.
        default: the budget where none is asked for.
        seeds: those of a comparison over several seeds, where others may be asked for.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="pairs files, as for train")
    parser.add_argument("--work", type=Path, required=True, help="folder of encoded states and finished runs")
    if seeds:
        parser.add_argument("--seeds", type=int, nargs="+", default=[*seeds], help="seeds that are run and tabulated")
    parser.add_argument("--each", type=int, default=default.pairs, help="training pairs of a source")
    parser.add_argument("--samples", type=int, default=default.samples, help="samples of a joint variant")
    options = parser.parse_args()
    budget = replace(default, pairs=options.each, samples=options.samples)
    options.work = options.work / f"{budget.pairs}-{budget.samples}"
    options.work.mkdir(parents=True, exist_ok=True)
    quiet_libraries()
    log_to_stderr()
    return options, budget


class Bench:
    """The data of a comparison, at seed 0; :meth:`at` gives the same at another seed.

    Args:
        sources: labelled pairs with their splits.
        work: folder of the encoded states, which are kept for the next run.
        budget: see :class:`Budget`.
        cut: the layer up to which statements are encoded apart; None for the encoder's own.
        folds: the names that :meth:`without` will be asked for together.
    """

    def __init__(
        self,
        sources: Sequence[PairSource],
        work: Path,
        *,
        budget: Budget,
        cut: int | None = None,
        folds: Sequence[Sequence[str]] = (),
    ) -> None:
        fixed = np.random.default_rng(43)
        self.encoder = TransformerEncoder()
        if cut is not None:
            self.encoder.identity = replace(self.encoder.identity, cut_layer=cut)
        kept = [s.only(_some(for_training(s).pairs, budget.pairs, fixed)) for s in sources]
        dev = [_balanced(s, budget.dev, fixed) for s in sources]
        trained_on = {frozenset(fold): _with_made(kept, fold, budget) for fold in ((), *folds)}
        used = [s for some in trained_on.values() for s in some]
        texts = [text for s in (*used, *dev) for p in s.pairs for text in (p.a, p.b)]
        folder = work / f"states-{self.encoder.identity.cut_layer}"
        self.store = StateStore(folder, texts, self.encoder, with_tokens=True, progress=True)
        self._all = {fold: [Rows.of(s, self.store) for s in some] for fold, some in trained_on.items()}
        self.dev = [Rows.of(s, self.store) for s in dev]
        self.work, self.budget = work, budget
        self.seed, self.parts = 0, _draw(self._all[frozenset()], 0)

    def at(self, seed: int) -> Bench:
        """The same ground, trained on with another seed."""
        other = copy.copy(self)
        other.seed, other.parts = seed, _draw(self._all[frozenset()], seed)
        return other

    def without(self, *names: str) -> Bench:
        """The same ground, trained on without some sources and without what was made of them by rule.

        Names of made sources ("composed_concessions", "negations") leave those out.
        """
        other = copy.copy(self)
        parts = _draw(self._all.get(frozenset(names), self._all[frozenset()]), self.seed)
        other.parts = [part for part in parts if part.name not in names]
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

    def linear(self, *, depths: bool = True, ridge: float = 1e-3, only: Sequence[str] = ()) -> Result:
        """The closed-form maps, from every depth or from the embedding alone."""
        predictor = fit_linear(self.parts, self.store, ridge=ridge, flatten=0.8, depths=depths)
        wide = self.store.context if depths else self.store.embeddings

        def energies(part: Rows) -> npt.NDArray[np.floating]:
            sides = [self.store.wide(which, r) for r in (part.x, part.y) for which in (wide, self.store.embeddings)]
            return predictor.pair_energies(*(torch.from_numpy(side) for side in sides)).numpy()

        return self.measure(energies, only=only)

    def features(self, *, depths: bool) -> Result:
        """A small network on symmetric features of both statements, of every depth or of the embedding alone."""
        wide = self.store.context if depths else self.store.embeddings
        network = fit_network(self.parts, self.store, wide, seed=self.seed)

        def energies(part: Rows) -> npt.NDArray[np.floating]:
            x, y = (self.store.wide(wide, rows) for rows in (part.x, part.y))
            logs: npt.NDArray[np.floating] = network.predict_log_proba(symmetric_features(x, y))
            return logs[:, [2]] - logs[:, :2]

        return self.measure(energies)

    def joint(self, kind: type[PairPredictor] = PairPredictor, *, fresh: bool = False) -> Result:
        """Train a joint variant and measure it on all files."""
        return self.measure_joint(self.trained(kind, fresh=fresh))

    def measure_joint(self, model: PairPredictor, *, only: Sequence[str] = ()) -> Result:
        """Both AUROCs of a trained joint variant."""
        return self.measure(lambda part: pair_energies(model, part.x, part.y, self.store), only=only)

    def trained(
        self,
        kind: type[PairPredictor] = PairPredictor,
        *,
        fresh: bool = False,
        log: Callable[[dict[str, float | str]], None] = lambda _: None,
    ) -> PairPredictor:
        """A joint variant after its training; ``fresh`` starts from random layers."""
        layers = self.encoder.upper_layers()
        if layers is None:
            raise TypeError("the comparison needs an encoder with layers")
        torch.manual_seed(self.seed)
        start = from_encoder(layers.blocks, heads=layers.heads, norm_eps=layers.norm_eps)
        model = start if kind is PairPredictor else kind(start.config)
        if fresh:
            model = PairPredictor(start.config)
        elif kind not in (PairPredictor, TokenHead):
            model.load_state_dict(start.state_dict())
        config = PairTraining(
            samples=self.budget.samples,
            seed=self.seed,
        )
        return train_pair(
            model,
            self.parts,
            self.store,
            self.work,
            config=config,
            evaluate=lambda _: None,
            log=log,
            resume=False,
        )

    def _embedding(self, rows: Integers) -> Floats:
        return self.store.wide(self.store.embeddings, rows)


def _with_made(kept: Sequence[PairSource], left_out: Sequence[str], budget: Budget) -> list[PairSource]:
    """The sources that are not left out, and what is made of them by rule."""
    sources = [source for source in kept if source.name not in left_out]
    made = [
        compose_concessions(sources, most=budget.pairs // 2),
        negate_statements(sources, most=budget.pairs // 2),
        repeat_statements(sources, most=500),
    ]
    return [source for source in (*sources, *made) if source.pairs]


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
