"""Gradient training of the pair stage: the loop, and checkpoints to go on from after a kill.

Everything random of block k follows from (seed, k), so a run resumed at a block's start repeats the unbroken run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from jepa_langchain import distributed
from jepa_langchain.errors import InputError
from jepa_langchain.pair_predictor import PairPredictor, collate
from jepa_langchain.training.checkpoints import load_checkpoint, save_checkpoint, save_weights
from jepa_langchain.training.sampling import BLOCK_BATCHES, PairTraining, Rows, draw_block
from jepa_langchain.training.states import StateStore


def _optimizer(model: PairPredictor, config: PairTraining) -> torch.optim.AdamW:
    groups: dict[str, list[nn.Parameter]] = {"pretrained": [], "plain": [], "fresh": []}
    for name, parameter in model.named_parameters():
        fresh = not name.startswith("blocks.") or name.endswith("cross_bias")
        # Weight decay is for matrices: biases and norms keep what they learned.
        groups["fresh" if fresh else "pretrained" if parameter.ndim > 1 else "plain"].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": groups["pretrained"], "lr": config.rate, "weight_decay": config.weight_decay},
            {"params": groups["plain"], "lr": config.rate, "weight_decay": 0.0},
            {"params": groups["fresh"], "lr": config.fresh_rate, "weight_decay": config.weight_decay},
        ]
    )


def _digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _of_rows(parts: Sequence[Rows]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for column in (part.x, part.y, part.label):
            digest.update(column.tobytes())
    return digest.hexdigest()


def _measured(evaluate: Callable[[PairPredictor], float | None], model: PairPredictor) -> float | None:
    return distributed.from_main(evaluate(model) if distributed.is_main() else None)


def _save_best(path: Path, model: PairPredictor) -> None:
    if distributed.is_main():
        save_weights(path, model)


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
            torch.manual_seed((((config.seed * 1_000_003 + block) * 4_099 + step) * 4_099 + part) % 2**63)
            states, side = collate([(store.token_states(i), store.token_states(j)) for i, j in zip(x, y, strict=True)])
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                energies = model(states.to(device), side.to(device))
            loss = model.loss(energies.float(), torch.from_numpy(label).to(device)) * (len(x) / len(batch[0]))
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
        distributed.add_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return float(np.sum(losses)) * distributed.processes() / len(batches)


def check_processes(config: PairTraining) -> None:
    """Refuse processes that cannot share a batch.

    Raises:
        InputError: if their number does not divide that of the micro-batches.
    """
    if config.micro_batches % distributed.processes():
        raise InputError(f"{distributed.processes()} processes do not divide {config.micro_batches} micro-batches")


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
        InputError: if the checkpoint is another run's, or as :func:`check_processes`.
    """
    check_processes(config)
    optimizer = _optimizer(model, config)
    checkpoint, best_path = folder / "pair.checkpoint", folder / "pair.best"
    blocks = max(1, round(config.samples / (config.batch * BLOCK_BATCHES)))
    progress = {"block": 0.0, "best": -1.0, "best_block": 0.0}
    run = hashlib.sha256(f"{store.key} {config} {model.config} {_digest(model)} {_of_rows(parts)}".encode()).hexdigest()
    if resume and checkpoint.is_file():
        progress = load_checkpoint(checkpoint, model, optimizer, run)
    else:
        # What is begun with is kept where nothing later is better.
        metric = _measured(evaluate, model)
        progress["best"] = -1.0 if metric is None else metric
        _save_best(best_path, model)
        log({"stage": "start", **_metric(metric)})
    distributed.share_weights(model)
    for block in range(int(progress["block"]), blocks):
        loss = _train_block(model, optimizer, parts, store, config, block=block, blocks=blocks)
        progress["block"] = block + 1
        row: dict[str, float | str] = {"stage": "pair", "block": block + 1, "of": blocks, "loss": loss}
        last = block + 1 == blocks
        if last or (block + 1) % config.evaluate_every == 0:
            metric = _measured(evaluate, model)
            row |= _metric(metric)
            if metric is None or metric > progress["best"]:
                progress |= {"best": metric or progress["best"], "best_block": block + 1}
                _save_best(best_path, model)
        log(row)
        if distributed.is_main():
            save_checkpoint(checkpoint, model, optimizer, progress, run)
        if block + 1 - progress["best_block"] >= config.patience * config.evaluate_every:
            break
    distributed.wait()
    model.load_state_dict(load_file(best_path))
    return model
