"""The short form of ``benchmarks/durability.py``: each function raises at the first thing that is lost or wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.durability import damage_copies, kill_writers
from benchmarks.durability_readers import read_while_writing


@pytest.mark.skipif(not hasattr(os, "fork"), reason="killed writers are forked, which this system cannot")
def test_killed_writers_lose_nothing(tmp_path: Path) -> None:
    found = kill_writers(tmp_path, 25)
    assert found["as acknowledged"] + found["with the step under way"] == 25
    assert found["steps acknowledged"] > 0


def test_every_damaged_copy_is_seen(tmp_path: Path) -> None:
    assert sum(damage_copies(tmp_path, 60, seed=1).values()) == 60


def test_readers_beside_a_writer_see_committed_states_only(tmp_path: Path) -> None:
    found = read_while_writing(tmp_path, 4)
    assert found["searches"] > 0
    assert found["writes"] > 0
