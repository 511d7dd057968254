"""Several processes under ``torchrun``: who does what once, and how gradients are added up.

A batch is always cut into the same micro-batches, each with its own random stream; a process takes every n-th of
them and gradients are summed over processes. So the number of processes changes the time, and the result by
no more than the order of a float sum. Without ``torchrun`` everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

_T = TypeVar("_T")
#: How long a process waits for the one that encodes.
_PATIENCE = timedelta(hours=24)


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started: NCCL where there are GPUs, else Gloo; alone, do nothing."""
    if processes_asked_for() == 1 or dist.is_initialized():
        yield
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if gpu else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def processes_asked_for() -> int:
    """Number of processes that ``torchrun`` started, whether or not they have joined yet."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def processes() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this process writes files and logs."""
    return rank() == 0


def wait() -> None:
    """Until every process is here."""
    if dist.is_initialized():
        dist.barrier()


@contextmanager
def main_first() -> Iterator[None]:
    """Run a block in the main process, then in the others, which find its files finished."""
    if not is_main():
        wait()
    yield
    if is_main():
        wait()


def share_weights(model: nn.Module) -> None:
    """Give every process the main process's weights, in place."""
    if dist.is_initialized():
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, 0)


def add_gradients(model: nn.Module) -> None:
    """Sum the gradients of all processes, in place; a missing one counts as zero."""
    if not dist.is_initialized():
        return
    gradients = []
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    for gradient, summed in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))


def from_main(value: _T) -> _T:
    """The main process's value, for all: a decision must not differ by a digit."""
    box = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(box, 0)
    return box[0]
