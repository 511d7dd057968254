"""The corpus for a narrative's verifier: enough of each kind, and honest items cite what is there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (BENCHMARKS / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["corpus", "corpus_2"])
def test_both_verdicts_have_two_hundred_items_and_both_halves_every_kind(name: str) -> None:
    corpus = rows(f"narrative_{name}.jsonl")
    counts = Counter(item["gold"] for item in corpus)
    assert min(counts["accept"], counts["reject"]) >= 200
    kinds = {half: {item["kind"] for item in corpus if item["half"] == half} for half in ("tune", "held_out")}
    assert kinds["tune"] == kinds["held_out"]


def test_the_third_corpus_is_held_out_and_has_every_kind() -> None:
    corpus = rows("narrative_corpus_3.jsonl")
    assert {item["half"] for item in corpus} == {"held_out"}
    assert min(Counter(item["gold"] for item in corpus).values()) >= 100
    assert {item["kind"] for item in corpus} == {item["kind"] for item in rows("narrative_corpus_2.jsonl")}


def test_the_sixth_corpus_is_held_out_and_has_two_hundred_items_of_either_verdict() -> None:
    corpus = rows("narrative_corpus_6.jsonl")
    assert {item["half"] for item in corpus} == {"held_out"}
    assert min(Counter(item["gold"] for item in corpus).values()) >= 200


def test_the_halves_of_the_second_corpus_share_no_ledger() -> None:
    ledgers = [
        {item["ledger"] for item in rows("narrative_corpus_2.jsonl") if item["half"] == half}
        for half in ("tune", "held_out")
    ]
    assert len(ledgers[0]) == len(ledgers[1]) == 7
    assert not ledgers[0] & ledgers[1]


@pytest.mark.parametrize("part", ["", "_2", "_3", "_4", "_5", "_6"])
def test_honest_items_are_of_a_known_ledger_and_cite_rows_of_their_area(part: str) -> None:
    ledgers = {
        ledger["ledger"]: Counter(row["relation"] for row in ledger["rows"])
        for ledger in rows(f"narrative_ledgers{part}.jsonl")
    }
    for item in (row for row in rows(f"narrative_corpus{part}.jsonl") if row["gold"] == "accept"):
        for cited in item["item"]["rows"]:
            relation, number = cited.rsplit("-", 1)
            assert 1 <= int(number) <= ledgers[item["ledger"]][relation], item
            assert item["item"]["area"].startswith(relation), item
