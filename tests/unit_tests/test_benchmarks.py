"""The benchmarks' own arithmetic, on data whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation, leave_one_out
from benchmarks.peers import chosen_cross_encoder, hypothesis_only
from benchmarks.quality import interval
from benchmarks.speed import personas
from jepa_langchain.metrics import Predictions, measure
from jepa_langchain.pairs import LabelledPair, PairSource
from jepa_langchain.schema import Relation
from tests.words import WordEncoder


def noisy(n: int, seed: int) -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    shares = rng.dirichlet([1, 1, 1], size=n) * 0.7 + np.eye(3)[labels] * 0.3
    return Predictions(np.log(shares[:, 0] / shares[:, 1]), 1 - shares[:, 2], shares, 0.5), labels


def test_an_interval_holds_the_value_and_narrows_with_more_pairs() -> None:
    widths = []
    for n in (60, 2_000):
        predictions, labels = noisy(n, 3)
        low, high = interval([(predictions, labels)], draws=60)["auroc_agree_vs_disagree"]
        value = measure(predictions, labels)["auroc_agree_vs_disagree"]
        assert value is not None
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_y_alone_finds_what_the_wording_of_y_gives_away(words: WordEncoder) -> None:
    pairs = [
        LabelledPair(f"claim {i}", f"{word} thing{i % 9}", label, split="train")
        for i in range(90)
        for word, label in (("yes", Relation.AGREE), ("not", Relation.DISAGREE), ("perhaps", Relation.UNRELATED))
    ]
    peer = hypothesis_only(words, [PairSource("s", tuple(pairs))])
    shares = peer([LabelledPair("claim", "not thing3", Relation.DISAGREE)]).probabilities
    assert shares is not None
    assert shares.argmax(1).tolist() == [1]


def test_no_cross_encoder_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSS_ENCODER", raising=False)
    assert chosen_cross_encoder() == {}


def test_personas_of_the_speed_benchmark_have_distinct_statements() -> None:
    for persona in personas(40):
        assert len({s.text for s in persona.statements}) == 40


def test_tables_hold_mean_and_spread(tmp_path: Path) -> None:
    for seed, agree in ((0, 0.7), (1, 0.8)):
        (tmp_path / f"{seed}-cosine.json").write_text(f'{{"agree": {agree}, "related": 0.5, "seconds": 1}}')
    assert "| cosine | 2 | 0.750 (0.700 to 0.800) | 0.500 (0.500 to 0.500) | 1 |" in ablation.table(tmp_path)
    row = {method: {"agree": 0.6} for method in leave_one_out.METHODS}
    assert leave_one_out.table({"s": row}).endswith("| **mean** | 0.600 | 0.600 | 0.600 |")
