"""Without torchrun, the helpers of several processes change nothing."""

from __future__ import annotations

import torch
from torch import nn

from jepa_langchain import distributed


def test_a_single_process_is_the_main_one_and_waits_for_nobody() -> None:
    with distributed.process_group(), distributed.main_first():
        assert distributed.is_main()
        assert (distributed.processes(), distributed.rank()) == (1, 0)
        distributed.wait()
    assert distributed.from_main("verdict") == "verdict"


def test_a_single_process_keeps_its_gradients() -> None:
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    distributed.add_gradients(model)
    distributed.share_weights(model)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True) if p.grad is not None)
