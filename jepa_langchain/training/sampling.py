"""What the pair stage is trained on, block by block: hyper-parameters, rows of a state store, sampled batches.

Everything random of block k follows from (seed, k).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import PairSource
from jepa_langchain.training.states import StateStore

Integers = npt.NDArray[np.int64]
BLOCK_BATCHES = 32


@dataclass(frozen=True)
class PairTraining:
    """Hyper-parameters of the pair stage.

    ``flatten`` is the power of a source's size in its sampling weight (1 = proportional, 0 = all alike).
    ``patience`` counts evaluations without a better held-out AUROC before training stops early. A batch is read as
    ``micro_batches`` parts, shared among processes. ``rate`` is for the encoder's layers, ``fresh_rate`` for the rest.
    """

    samples: int = 300_000
    batch: int = 32
    micro_batches: int = 2
    rate: float = 1.5e-4
    fresh_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.03
    flatten: float = 0.5
    evaluate_every: int = 32
    patience: int = 6
    seed: int = 0

    def going_on(self) -> PairTraining:
        """The same, for a pair stage that is trained already: smaller steps, fewer samples."""
        return replace(self, samples=150_000, rate=7e-5, fresh_rate=3e-4)


@dataclass(frozen=True)
class Rows:
    """Pairs of one source as row numbers of a state store: x, y, label indices and tokens of both, all (n,)."""

    name: str
    x: Integers
    y: Integers
    label: Integers
    length: Integers

    @classmethod
    def of(cls, source: PairSource, store: StateStore) -> Rows:
        """Look the source's texts up in the store."""
        label = np.array([LABELS.index(p.label) for p in source.pairs], dtype=np.int64)
        x, y = store.rows([p.a for p in source.pairs]), store.rows([p.b for p in source.pairs])
        return cls(source.name, x, y, label, store.lengths[x] + store.lengths[y])


def at_most(parts: Sequence[Rows], most: int, *, seed: int) -> list[Rows]:
    """About ``most`` rows, the same share of each source and label and at least one; all if there are no more."""
    share = most / max(1, sum(len(part.x) for part in parts))
    if share >= 1:
        return list(parts)
    chosen = []
    for place, part in enumerate(parts):
        order = np.random.default_rng([seed, 3, place]).permutation(len(part.x))
        by_label = [order[part.label[order] == label] for label in range(len(LABELS))]
        rows = np.sort(np.concatenate([some[: math.ceil(share * len(some))] for some in by_label]))
        chosen.append(Rows(part.name, part.x[rows], part.y[rows], part.label[rows], part.length[rows]))
    return chosen


def draw_block(parts: Sequence[Rows], block: int, config: PairTraining) -> list[tuple[Integers, Integers, Integers]]:
    """The batches of one block: each source's rows in shuffled epochs, mixed; ``micro_batches`` lengths a batch."""
    sizes = np.array([len(p.x) for p in parts], dtype=float)
    share = sizes**config.flatten / (sizes**config.flatten).sum()
    per_block = np.maximum(1, np.round(share * config.batch * BLOCK_BATCHES)).astype(int)
    columns: list[list[Integers]] = [[], [], [], []]
    for source, (rows, size) in enumerate(zip(parts, per_block, strict=True)):
        places = np.arange(block * size, (block + 1) * size)
        chosen = np.empty(size, dtype=np.int64)
        for epoch in np.unique(places // len(rows.x)):
            order = np.random.default_rng([config.seed, 1, source, int(epoch)]).permutation(len(rows.x))
            here = places // len(rows.x) == epoch
            chosen[here] = order[places[here] % len(rows.x)]
        for column, values in zip(columns, (rows.x, rows.y, rows.label, rows.length), strict=True):
            column.append(values[chosen])
    x, y, label, length = (np.concatenate(column) for column in columns)
    # Pairs of one length need no padding, but they also come of few sources: a batch takes groups of several lengths.
    groups = np.array_split(
        np.argsort(length, kind="stable"), math.ceil(len(length) / config.batch) * config.micro_batches
    )
    turn = np.random.default_rng([config.seed, 2, block]).permutation(len(groups))
    batches = [np.concatenate([groups[i] for i in some]) for some in turn.reshape(-1, config.micro_batches)]
    return [(x[rows], y[rows], label[rows]) for rows in batches]
