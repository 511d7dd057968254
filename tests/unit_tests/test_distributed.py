"""Without torchrun, the helpers of several processes change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from jepa_langchain import distributed
from jepa_langchain.training import runs
from tests.words import WordEncoder


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


def test_a_run_joins_its_processes_before_it_loads_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    @contextmanager
    def joined() -> Iterator[None]:
        order.append("joined")
        yield

    def loaded(_: str) -> WordEncoder:
        order.append("loaded")
        return WordEncoder()

    monkeypatch.setattr(runs, "process_group", joined)
    monkeypatch.setattr(runs, "TransformerEncoder", loaded)
    (tmp_path / "ann.txt").write_text("trains run late\ntax sugar now\n")
    runs.run_training(
        [tmp_path / "ann.txt"],
        tmp_path / "model",
        resume=False,
        seed=0,
        name="named \udce9",
        encoder=None,
        pair_samples=0,
        lora=0,
        start=None,
        direction="symmetric",
        command="jepa-langchain train caf\udce9",
    )
    # A process that loads first does so onto the first GPU, whichever is its own.
    assert order == ["joined", "loaded"]
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    # Arguments that are no UTF-8 ended a training at its last step, when the manifest was written.
    assert (manifest["name"], manifest["training"]["command"]) == ("named \\udce9", "jepa-langchain train caf\\udce9")
