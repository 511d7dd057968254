"""Checkpoints of the pair stage's training: weights and optimizer in one safetensors file, swapped in when whole."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from jepa_langchain.errors import InputError

Progress = dict[str, float]


def save_weights(path: Path, model: nn.Module) -> None:
    """The weights alone."""
    beside = path.with_suffix(".new")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, beside)
    beside.replace(path)


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, run: str
) -> None:
    """Everything that training goes on from; ``run`` identifies its data and settings."""
    tensors = {f"model.{k}": v.contiguous() for k, v in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v).contiguous() for k, v in state.items()}
    beside = path.with_suffix(".new")
    save_file(tensors, beside, metadata={"progress": json.dumps(progress), "run": run})
    beside.replace(path)


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, run: str) -> Progress:
    """Restore model and optimizer in place and return the progress.

    Raises:
        InputError: if the checkpoint is another run's.
    """
    with safe_open(path, "pt") as handle:
        metadata = handle.metadata()
    if metadata["run"] != run:
        raise InputError(f"{path}: left by a run on other data or settings; train without --resume")
    progress: Progress = json.loads(metadata["progress"])
    tensors = load_file(path)
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress
