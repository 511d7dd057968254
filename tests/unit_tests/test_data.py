"""The project's own data sets are what their scripts write, and keep their promises."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from jepa_langchain.pairs import PairSource, read_pairs

DATA = Path(__file__).parents[2] / "data"
OWN = ("opinions.jsonl", "polar.jsonl", "stances.jsonl.gz")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sources() -> dict[str, PairSource]:
    return {name: read_pairs(DATA / name) for name in OWN}


@pytest.mark.parametrize(("name", "out"), [("make_stances", "stances.jsonl.gz"), ("make_polar", "polar.jsonl")])
def test_a_script_writes_its_data_set_again(
    name: str, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script(name)
    (tmp_path / "propositions.jsonl").write_bytes((DATA / "propositions.jsonl").read_bytes())
    monkeypatch.setattr(module, "HERE", tmp_path, raising=False)
    monkeypatch.setattr(module, "OUT", tmp_path / out, raising=False)
    module.main()
    assert (tmp_path / out).read_bytes() == (DATA / out).read_bytes()


@pytest.mark.parametrize("name", OWN)
def test_no_topic_and_no_statement_stands_on_both_sides(sources: dict[str, PairSource], name: str) -> None:
    topics, texts = {}, {}
    for split in ("train", "dev"):
        pairs = [p for p in sources[name].pairs if p.split == split]
        assert pairs
        topics[split] = {p.topic for p in pairs}
        texts[split] = {text for p in pairs for text in (p.a, p.b)}
    assert topics["train"].isdisjoint(topics["dev"])
    shared = texts["train"] & texts["dev"]
    assert len(shared) <= 0.001 * len(texts["train"]), sorted(shared)[:5]


def test_objections_agree_as_often_as_they_disagree_within_a_factor(sources: dict[str, PairSource]) -> None:
    said: Counter[str] = Counter()
    propositions = [json.loads(line) for line in (DATA / "propositions.jsonl").read_text().splitlines()]
    objections = {text for p in propositions for item in p["hedge"] + p["against"] for text in item}
    for pair in sources["stances.jsonl.gz"].pairs:
        said.update(pair.label.value for text in (pair.a, pair.b) if text in objections)
    assert 0.5 < said["agree"] / said["disagree"] < 2
