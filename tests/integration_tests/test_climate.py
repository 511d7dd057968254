"""The scenario of examples/climate, through the shipped model: what the README promises of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import AlignmentReport, Persona
from tests.near import differences

ROOT = Path(__file__).parents[2]
CLIMATE = ROOT / "examples" / "climate"
CONTESTED = {(f"A{i}", f"B{i}") for i in range(1, 9)}


def climate(name: str) -> Persona:
    return load_persona(CLIMATE / f"{name}.jsonl").persona


@pytest.fixture(scope="module")
def report(model: AlignmentModel) -> AlignmentReport:
    return model.compare(climate("A"), climate("B"))


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", "from jepa_langchain.cli import main; main()", "demo", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_demo_finds_the_disagreements_and_invents_none(demo: dict[str, Any]) -> None:
    found = [(row["a"]["id"], row["b"]["id"]) for row in demo["disagreements"]]
    assert set(found) >= CONTESTED
    assert len([pair for pair in found if pair not in CONTESTED]) <= 2


def test_agreements_rest_on_shared_premises(demo: dict[str, Any]) -> None:
    texts = {s.id: s.text for name in "AB" for s in climate(name).statements}
    shared = 0
    for row in demo["agreements"]:
        for side in (row["a"], row["b"]):
            start, stop = side["span"] or (0, len(texts[side["id"]]))
            assert texts[side["id"]][start:stop] == side["text"]
        if (row["a"]["id"], row["b"]["id"]) in CONTESTED:
            assert row["b"]["span"] is not None, "a contested pair as a whole-statement agreement"
            shared += 1
    assert shared == 8


def test_every_row_has_its_evidence(demo: dict[str, Any]) -> None:
    rows = [*demo["agreements"], *demo["disagreements"]]
    assert rows
    for row in rows:
        assert 0.5 < row["p"] <= 1
        assert row["margin"] == pytest.approx(row["energies"]["disagree"] - row["energies"]["agree"], abs=2e-6)
        assert row["decided_by"] == "pair"
        for side in ("a", "b"):
            for word in row["weights"][side]:
                assert row[side]["text"][slice(*word["span"])] == word["word"]
    cited = {(s["a"], s["b"]) for s in demo["narrative"]["sentences"]}
    assert cited == {(row["a"]["id"], row["b"]["id"]) for row in rows}
    assert not any(word in demo["narrative"]["text"].lower() for word in ("carbon pricing", "green bonds", "housing"))


def test_the_command_and_the_library_say_the_same(demo: dict[str, Any], report: AlignmentReport) -> None:
    assert differences(report.model_dump(mode="json"), demo) == []


def test_order_changes_nothing_but_the_order(model: AlignmentModel, report: AlignmentReport) -> None:
    a, b = climate("A"), climate("B")
    swapped = model.compare(b, a)
    for rows, mirrored in ((report.agreements, swapped.agreements), (report.disagreements, swapped.disagreements)):
        ahead = {(r.a.id, r.a.text, r.b.id, r.b.text, r.p, r.margin) for r in rows}
        assert ahead == {(r.b.id, r.b.text, r.a.id, r.a.text, r.p, r.margin) for r in mirrored}
    assert (report.score, report.verdict) == (swapped.score, swapped.verdict)
    shuffled = model.compare(a.model_copy(update={"statements": a.statements[::-1]}), b)
    assert shuffled.model_dump_json() == report.model_dump_json()


def test_a_persona_agrees_with_itself(model: AlignmentModel) -> None:
    report = model.compare(climate("A"), climate("A"))
    assert report.verdict == "aligned"
    assert {(f"A{i}", f"A{i}") for i in range(1, 9)} <= {(r.a.id, r.b.id) for r in report.agreements}
    assert not report.only_a
