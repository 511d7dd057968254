"""Gradient training of the pair stage: sampling, the loop, and checkpoints to go on from after a kill.

Everything random of block k follows from (seed, k), so a run resumed at a block's start repeats the unbroken run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import nn

from jepa_langchain import distributed
from jepa_langchain.checkpoints import load_checkpoint, save_checkpoint, save_weights
from jepa_langchain.errors import InputError
from jepa_langchain.pair_predictor import LABELS, PairPredictor, collate
from jepa_langchain.pairs import PairSource
from jepa_langchain.states import StateStore

Integers = npt.NDArray[np.int64]
_BLOCK_BATCHES = 32


@dataclass(frozen=True)
class PairTraining:
    """Hyper-parameters of the pair stage.

    ``flatten`` is the power of a source's size in its sampling weight (1 = proportional, 0 = all alike).
    ``patience`` counts evaluations without a better held-out AUROC before training stops early. A batch is read as
    ``micro_batches`` parts, shared among processes. Without ``pooled_samples`` the pooled part is not fitted first.
    """

    samples: int = 300_000
    pooled_samples: int = 600_000
    pooled_batch: int = 512
    batch: int = 32
    micro_batches: int = 2
    rate: float = 2e-4
    fresh_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.06
    flatten: float = 0.5
    evaluate_every: int = 16
    patience: int = 12
    seed: int = 0

    def going_on(self) -> PairTraining:
        """The same, for a pair stage that is trained already: smaller steps, fewer samples."""
        return replace(self, samples=150_000, pooled_samples=0, rate=1e-4, fresh_rate=3e-4)


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


def draw_block(parts: Sequence[Rows], block: int, config: PairTraining) -> list[tuple[Integers, Integers, Integers]]:
    """The batches of one block: each source's rows in shuffled epochs, mixed; ``micro_batches`` lengths a batch."""
    sizes = np.array([len(p.x) for p in parts], dtype=float)
    share = sizes**config.flatten / (sizes**config.flatten).sum()
    per_block = np.maximum(1, np.round(share * config.batch * _BLOCK_BATCHES)).astype(int)
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


def _optimizer(model: PairPredictor, config: PairTraining) -> torch.optim.AdamW:
    groups: dict[str, list[nn.Parameter]] = {"pretrained": [], "plain": [], "fresh": []}
    for name, parameter in model.named_parameters():
        fresh = not name.startswith(("blocks.", "pooled.")) or name.endswith("cross_bias")
        # Weight decay is for matrices: biases and norms keep what they learned.
        groups["fresh" if fresh else "pretrained" if parameter.ndim > 1 else "plain"].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": groups["pretrained"], "lr": config.rate, "weight_decay": config.weight_decay},
            {"params": groups["plain"], "lr": config.rate, "weight_decay": 0.0},
            {"params": groups["fresh"], "lr": config.fresh_rate, "weight_decay": config.weight_decay},
        ]
    )


def fit_pooled(model: PairPredictor, parts: Sequence[Rows], store: StateStore, config: PairTraining) -> None:
    """Fit the pooled part of the energies alone, in place: large batches, a cosine schedule, no early stopping."""
    settings = replace(config, batch=config.pooled_batch)
    optimizer = torch.optim.AdamW(model.pooled.parameters(), lr=config.fresh_rate, weight_decay=0.05)
    torch.manual_seed(config.seed)
    model.train()
    device = model.relations.device
    steps = max(1, round(config.pooled_samples / config.pooled_batch))
    batches = (batch for block in count() for batch in draw_block(parts, block, settings))
    for step, (x, y, label) in enumerate(islice(batches, steps)):
        for group in optimizer.param_groups:
            group["lr"] = config.fresh_rate * min((step + 1) / 50, 0.5 * (1 + math.cos(math.pi * step / steps)))
        sides = [torch.from_numpy(store.wide(store.context, rows)).to(device) for rows in (x, y)]
        loss = model.loss(model.pooled_energies(sides[0], sides[1]), torch.from_numpy(label).to(device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _metric(auroc: float | None) -> dict[str, float]:
    return {} if auroc is None else {"held_out_auroc": auroc}


def _train_block(
    model: PairPredictor,
    optimizer: torch.optim.AdamW,
    parts: Sequence[Rows],
    store: StateStore,
    config: PairTraining,
    *,
    block: int,
    blocks: int,
) -> float:
    """One block of steps in place; the mean loss of this process's share."""
    peaks = [group["lr"] for group in _optimizer(model, config).param_groups]
    half = torch.cpu._is_avx512_bf16_supported() or torch.cuda.is_available()  # noqa: SLF001
    device = model.relations.device
    model.train()
    losses = []
    batches = draw_block(parts, block, config)
    for step, batch in enumerate(batches):
        done = (block + step / len(batches)) / blocks
        rate = min(done / config.warmup, 0.5 * (1 + math.cos(math.pi * done)))
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * rate
        optimizer.zero_grad()
        # Sorted by length: the parts of a batch need less padding than the whole.
        micro = list(zip(*(np.array_split(column, config.micro_batches) for column in batch), strict=True))
        for part in range(distributed.rank(), len(micro), distributed.processes()):
            x, y, label = micro[part]
            if not len(x):
                continue
            torch.manual_seed(((config.seed * 1_000_003 + block) * 4_099 + step) * 4_099 + part)
            states, side = collate([(store.token_states(i), store.token_states(j)) for i, j in zip(x, y, strict=True)])
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                pooled = [torch.from_numpy(store.wide(store.context, rows)).to(device) for rows in (x, y)]
                energies = model(states.to(device), side.to(device), *pooled)
            loss = model.loss(energies.float(), torch.from_numpy(label).to(device)) * (len(x) / len(batch[0]))
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
        distributed.add_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return float(np.sum(losses)) * distributed.processes() / len(batches)


def train_pair(
    model: PairPredictor,
    parts: Sequence[Rows],
    store: StateStore,
    folder: Path,
    *,
    config: PairTraining,
    evaluate: Callable[[PairPredictor], float | None],
    log: Callable[[dict[str, float | str]], None],
    resume: bool,
) -> PairPredictor:
    """Train in place and return the model with the best held-out metric.

    Args:
        model: starts from the encoder's upper layers, or is trained already.
        parts: training rows, one part a source.
        store: token states of every row.
        folder: checkpoints ``pair.checkpoint`` and ``pair.best``, both safetensors.
        config: hyper-parameters.
        evaluate: held-out AUROC of the model, higher is better; None where nothing is held out, and then the last
            weights are kept.
        log: called with one row of metrics at each evaluation and block.
        resume: continue from the folder's checkpoint if there is one.

    Raises:
        InputError: if the checkpoint is another run's, or the processes cannot share a batch evenly.
    """
    if config.micro_batches % distributed.processes():
        raise InputError(f"{distributed.processes()} processes do not divide {config.micro_batches} micro-batches")
    optimizer = _optimizer(model, config)
    checkpoint, best_path = folder / "pair.checkpoint", folder / "pair.best"
    blocks = max(1, round(config.samples / (config.batch * _BLOCK_BATCHES)))
    progress = {"block": 0.0, "best": -1.0, "best_block": 0.0}
    run = hashlib.sha256(f"{store.key} {config} {model.config} {_digest(model)}".encode()).hexdigest()
    if resume and checkpoint.is_file():
        progress = load_checkpoint(checkpoint, model, optimizer, run)
    elif config.pooled_samples:
        fit_pooled(model, parts, store, config)
        log({"stage": "pooled", **_metric(evaluate(model))})
    else:
        log({"stage": "start", **_metric(evaluate(model))})
    distributed.share_weights(model)
    for block in range(int(progress["block"]), blocks):
        loss = _train_block(model, optimizer, parts, store, config, block=block, blocks=blocks)
        progress["block"] = block + 1
        row: dict[str, float | str] = {"stage": "pair", "block": block + 1, "of": blocks, "loss": loss}
        last = block + 1 == blocks
        if last or (block + 1) % config.evaluate_every == 0:
            metric = distributed.from_main(evaluate(model) if distributed.is_main() else None)
            row |= _metric(metric)
            if metric is None or metric > progress["best"]:
                progress |= {"best": metric or progress["best"], "best_block": block + 1}
                if distributed.is_main():
                    save_weights(best_path, model)
        log(row)
        if distributed.is_main():
            save_checkpoint(checkpoint, model, optimizer, progress, run)
        if block + 1 - progress["best_block"] >= config.patience * config.evaluate_every:
            break
    distributed.wait()
    model.load_state_dict(load_file(best_path))
    return model
