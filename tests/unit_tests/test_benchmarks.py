"""The benchmarks' own arithmetic, on data whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation, leave_one_out, search_weight
from benchmarks.__main__ import APART, gather, parts
from benchmarks.peers import chosen_cross_encoder, hypothesis_only
from benchmarks.quality import interval
from benchmarks.search_quality import Tally
from benchmarks.search_tables import Result, Size
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
    for seed, agree in ((0, 0.7), (3, 0.8)):
        (tmp_path / f"{seed}-cosine.json").write_text(f'{{"agree": {agree}, "related": 0.5, "seconds": 1}}')
    assert "| cosine | 2 | 0.750 (0.700 to 0.800) | 0.500 (0.500 to 0.500) | 1 |" in ablation.table(tmp_path, (0, 1, 3))
    assert "| cosine | 1 | 0.800 " in ablation.table(tmp_path, (3,))
    row = {method: {"agree": 0.6} for method in leave_one_out.METHODS}
    assert leave_one_out.table({"s": row}).endswith("| **mean** | 0.600 | 0.600 | 0.600 |")


def test_a_size_kept_on_disk_is_the_size_that_was_measured(tmp_path: Path) -> None:
    size = Size(10, "ivf", {"vectors": 64.0}, {"index": 1, "mapped": None, "flat": 2}, lists=(64, 4))
    size.results["FAISS Flat"] = Result(np.array([0.5, 0.25]), {"agree": 1.0}, 0.125)
    size.missing["Milvus Lite, FLAT"] = "not installed"
    size.write(tmp_path / "10.json")
    back = Size.read(tmp_path / "10.json")
    assert back.results["FAISS Flat"].seconds.tolist() == [0.5, 0.25]
    assert [p.name for p in tmp_path.iterdir()] == ["10.json"]
    back.results["FAISS Flat"].seconds = size.results["FAISS Flat"].seconds
    assert back == size


def test_every_table_is_gathered() -> None:
    tables = {path.stem for path in Path(ablation.__file__).parent.glob("*.md")} - {"RESULTS", "narrative_corpus"}
    assert tables == {*parts([], "", full=True), *APART}


def test_a_page_keeps_its_order_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "search.md").write_text("# Search\n\n## At 10\n\n| n |\n|---|\n| 1 |\n")
    page, data = gather(tmp_path, ["quality", "search"])
    assert page.splitlines()[:3] == ["## Search", "", "### At 10"]
    assert data == {"search": [[{"n": "1"}]]}


def tally(places: Sequence[int | None], right: int, wrong: int) -> Tally:
    return Tally(places=list(places), right=right, wrong=wrong, seconds=1.0)


def test_recall_and_wrong_polarity_of_a_tally() -> None:
    one = Tally()
    one.add(["x", "true", "false", "both"], {"true", "both"}, {"false", "both"}, 0.5)
    one.add(["false", "x"], {"true"}, {"false"}, 0.5)
    assert (one.recall(1), one.recall(2), one.wrong_share) == (0.0, 0.5, 2 / 3)
    assert one.cells(timed=True) == ["0.000", "0.500", "0.500", "0.250", "0.667 (2 of 3)", "0.500"]
    assert one.cells(timed=False) == one.cells(timed=True)[:-1]


def test_the_setting_of_search_is_the_best_that_keeps_to_its_share_of_the_wrong_polarity() -> None:
    worse, good, best = [None, 1], [1, 11], [1, 2]
    names = list(search_weight.SETTINGS)
    methods = {name: tally(worse, 9, 1) for name in names} | {"cosine": tally(good, 5, 5)}
    methods |= {names[1]: tally(good, 8, 2), names[2]: tally(best, 8, 2), names[3]: tally(best, 5, 5)}
    assert search_weight.choice({Relation.AGREE: methods, Relation.DISAGREE: methods}) == names[2]
    spoiled = methods | {name: tally(best, 5, 5) for name in names}
    assert search_weight.choice({Relation.AGREE: methods, Relation.DISAGREE: spoiled}) is None
