from __future__ import annotations

import numpy as np
import pytest

from jepa_langchain.metrics import reliability
from jepa_langchain.reliability import bin_of, reliability_curve


def metrics(seed: int, files: int, pairs: int, bias: float = 0.0) -> dict[str, object]:
    """Files of pairs whose labels are drawn by the stated probabilities, moved by a bias of each file's own."""
    rng = np.random.default_rng(seed)
    out = {}
    for number in range(files):
        shares = rng.dirichlet([1, 1, 1], size=pairs)
        moved = np.clip(shares + np.array([1, 1, 0]) * rng.normal() * bias, 0.001, None)
        drawn = (moved / moved.sum(1, keepdims=True)).cumsum(1)
        labels = (rng.random((pairs, 1)) > drawn).sum(1).clip(max=2)
        out[f"file{number}"] = {"reliability": reliability(shares, labels)}
    return {"files": out}


def test_every_pair_counts_with_both_relations() -> None:
    rows = reliability(np.array([[0.95, 0.05, 0.0], [0.95, 0.0, 0.05]]), np.array([0, 2]))
    assert [(row["bin"], row["n"], row["observed"]) for row in rows] == [(0, 2, 0.0), (9, 2, 0.5)]


def test_intervals_hold_what_is_stated_when_labels_follow_it() -> None:
    curve = reliability_curve(metrics(0, 8, 2_000))
    assert [b.low for b in curve] == [n / 10 for n in range(10)]
    assert sum(b.least <= b.stated <= b.most for b in curve) >= 8
    assert all(b.least <= b.observed <= b.most for b in curve)


def test_intervals_widen_with_fewer_pairs_and_with_files_that_differ() -> None:
    def width(**of: float) -> float:
        options = {"seed": 1, "files": 8, "pairs": 2_000, "bias": 0.0, **of}
        found = reliability_curve(
            metrics(int(options["seed"]), int(options["files"]), int(options["pairs"]), options["bias"])
        )
        return float(np.mean([b.most - b.least for b in found]))

    assert width(pairs=200) > 1.5 * width()
    assert width(bias=0.2) > 1.5 * width()


def test_the_same_metrics_give_the_same_intervals_and_none_gives_none() -> None:
    assert reliability_curve(metrics(2, 3, 100)) == reliability_curve(metrics(2, 3, 100))
    assert reliability_curve({}) == ()
    assert reliability_curve({"files": {"old": {"n": 3}}}) == ()
    assert bin_of((), 0.5) is None


@pytest.mark.parametrize(("p", "low"), [(0.0, 0.0), (0.05, 0.0), (0.999, 0.9), (1.0, 0.9), (0.55, 0.5)])
def test_a_probability_finds_its_bin(p: float, low: float) -> None:
    found = bin_of(reliability_curve(metrics(3, 4, 2_000)), p)
    assert found is not None
    assert found.low == low
