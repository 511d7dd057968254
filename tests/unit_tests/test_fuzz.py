"""A short form of ``benchmarks/fuzz.py``: damaged input is accepted or refused by name, never an unforeseen error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from benchmarks.fuzz import Target, command_line, directories, files, fuzz
from benchmarks.mutations import mutate_bytes, mutate_json
from jepa_langchain import cli
from jepa_langchain.commands import group as group_commands
from jepa_langchain.commands import index as index_commands
from jepa_langchain.commands import training as training_commands


@pytest.fixture
def _own_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for commands in (cli, group_commands, index_commands, training_commands):
        monkeypatch.setattr(commands, "load_model", commands.load_model)


@pytest.mark.usefixtures("_own_commands")
def test_damaged_input_is_accepted_or_refused(tmp_path: Path) -> None:
    for target in (*files(tmp_path), *directories(tmp_path), command_line(tmp_path)):
        counts, failures = fuzz(target, 60, seed=1)
        assert not failures
        assert counts["refused"] > 0


@pytest.mark.usefixtures("_own_commands")
def test_a_command_that_ends_with_another_code_than_0_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directories(tmp_path)
    codes: list[int] = []
    invoke = CliRunner.invoke

    def counted(*args: Any, **options: Any) -> Result:
        shown = invoke(*args, **options)
        codes.append(shown.exit_code)
        return shown

    monkeypatch.setattr(CliRunner, "invoke", counted)
    counts, _ = fuzz(command_line(tmp_path), 20, seed=1)
    assert 2 in codes
    assert counts["accepted"] == codes.count(0)


def test_an_unforeseen_error_is_a_failure() -> None:
    def broken(rng: np.random.Generator) -> object:
        return [][int(rng.integers(1, 3))]

    counts, failures = fuzz(Target("broken", 1, broken), 5, seed=0)
    assert counts["failed"] == 5
    assert "IndexError" in next(iter(failures))


def test_mutations_follow_from_the_seed_and_leave_the_original() -> None:
    document = {"a": [1, {"b": "c"}]}
    draws = [
        (mutate_bytes(b"some bytes", np.random.default_rng(3)), str(mutate_json(document, np.random.default_rng(3))))
        for _ in range(2)
    ]
    assert draws[0] == draws[1]
    assert document == {"a": [1, {"b": "c"}]}
