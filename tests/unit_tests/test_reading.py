"""Which pairs the pair stage reads, and that reading fewer changes no row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain import nearest, reading
from jepa_langchain.attribution.statement_map import score_without
from jepa_langchain.calibration import Calibrator
from jepa_langchain.ledger import build_ledger, score_personas
from jepa_langchain.nearest import nearest_pairs
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.schema import Persona, Unit
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages
from tests.unit_tests.conftest import make_stages
from tests.words import DIMENSION, WordEncoder, persona

EVERYTHING = 1 << 40
SAID = [
    *(
        f"{topic} {ending}"
        for topic in ("taxes on bread", "trains at night", "old maps")
        for ending in ("help", "not help")
    ),
    "taxes are high, but bread is cheap here",
    "although trains are late, maps of trains help",
    "bees like gardens",
]
saying = st.lists(st.sampled_from(SAID), min_size=1, max_size=6)


def make_joint(*, calibrated: bool = True) -> Stages:
    """A pair stage of random weights, so that its verdicts have nothing to do with the linear stage's."""
    torch.manual_seed(0)
    pair = PairPredictor(PairConfig(DIMENSION, 4, 1, 32))
    for layer in (pair.readout, pair.each):
        torch.nn.init.normal_(layer.weight)
    stages = make_stages(WordEncoder(), calibrated=calibrated)
    weights = np.concatenate([2 * np.eye(3, 2) - 1, np.zeros((3, 3))], axis=1)
    surely = {"pair": Calibrator(weights, np.array([0.0, 0.0, 0.3]), 0.4)} if calibrated else {}
    return replace(stages, pair=pair, calibrators={**stages.calibrators, **surely})


def rows(stages: Stages, a: Persona, b: Persona, *, budget: int) -> list[object]:
    found = build_ledger(stages, a, b, budget=budget)
    sides = (found.agreements, found.disagreements)
    return [
        [[(f.statements, f.a.part, f.b.part, round(f.strength, 5)) for f in side] for side in sides],
        [[s.id for s in side] for side in (found.only_a, found.only_b)],
        [(pair.a.id, pair.b.id) for pair in found.abstained],
    ]


@given(saying, saying, st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_not_read_could_not_change_the_ledger(a: list[str], b: list[str], calibrated: bool) -> None:
    stages = make_joint(calibrated=calibrated)
    one, other = persona("a", *a), persona("b", *b)
    assert rows(stages, one, other, budget=0) == rows(stages, one, other, budget=EVERYTHING)


def test_fewer_pairs_are_read_and_those_as_ever() -> None:
    stages = make_joint()
    a, b = persona("a", *SAID), persona("b", *SAID[::-1])
    some, every = (score_personas(stages, a, b, budget=budget).table.scores for budget in (0, EVERYTHING))
    assert every.joint.all()
    assert 0 < some.joint.sum() < len(some.joint)
    np.testing.assert_allclose(some.energies[some.joint], every.energies[some.joint], atol=1e-5)
    np.testing.assert_array_equal(some.near, every.near)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Large begins at eleven pairs of units, and a statement is held against its two nearest."""
    monkeypatch.setattr(reading, "PAIR_BUDGET", 10)
    monkeypatch.setattr(reading, "NEAREST", 2)
    stages = make_joint()
    # Nothing is related, so without a bound everything would be read.
    never = {"pair": Calibrator(np.zeros((3, 5)), np.array([0.0, 0.0, 9.0]), 0.4)}
    return replace(stages, calibrators={**never, "linear": stages.calibrators["linear"]})


def test_of_large_personas_each_statement_is_read_against_its_nearest(bounded: Stages) -> None:
    a, b = (persona(name, *[f"{name}{i} on item{i % 3} help" for i in range(20)]) for name in "ab")
    table = score_personas(bounded, a, b, budget=0).table
    joint, near = table.grid(table.scores.joint) > 0, table.grid(table.scores.near)
    bound = near >= np.minimum(np.sort(near, axis=1)[:, [-2]], np.sort(near, axis=0)[[-2]])
    assert joint.any()
    assert not joint[~bound].any()


def test_a_text_said_twice_is_as_near_twice() -> None:
    stages = make_joint()
    words = np.array(["tax", "sugar", "not", "rents", "trains", "run", "late", "rise", "help", "towns", "bees"])
    for seed in range(60):
        rng = np.random.default_rng(seed)
        said = sorted({" ".join(rng.choice(words, size=rng.integers(3, 6))) for _ in range(6)})
        a, b = (rng.integers(len(said), size=13) for _ in "ab")
        units_a, units_b = ([Unit(statement_id=str(n), text=said[i]) for n, i in enumerate(side)] for side in (a, b))
        found = nearest_pairs(stages, stages.encoder.encode(said), (units_a, units_b), (a, b), count=2)
        near = {(a[i], b[j]) for i, j in found}
        # One of two equal texts was left out where a matrix product gave them other last digits: which, hung on order.
        assert len(found) == sum((x, y) in near for x in a for y in b), seed


@pytest.mark.parametrize("block", [1, 40, 1 << 20])
def test_the_nearest_are_found_whatever_the_size_of_a_block(
    bounded: Stages, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(nearest, "BLOCK", block)
    a, b = persona("a", *SAID), persona("b", *SAID[3:], *SAID)
    whole = score_personas(bounded, a, b, budget=0).table
    monkeypatch.setattr(reading, "GRID", 10)
    some = score_personas(bounded, a, b, budget=0).table
    held = whole.cells[whole.held]
    np.testing.assert_array_equal(some.cells[some.held], held)
    # No cells are kept but those of the statements that are held against each other.
    kept = {(x.item(), y.item()) for x, y in zip(*(s[held[:, k]] for k, s in enumerate(whole.statements)), strict=True)}
    assert {(int(some.statements[0][i]), int(some.statements[1][j])) for i, j in some.cells} == kept
    assert len(some.cells) < len(whole.cells)


@pytest.mark.parametrize("calibrated", [True, False])
@given(a=saying, b=saying)
@settings(max_examples=25, deadline=None)
def test_a_ledger_is_the_same_whether_all_pairs_are_kept_or_the_nearest(
    a: list[str], b: list[str], calibrated: bool
) -> None:
    stages = make_joint(calibrated=calibrated)
    one, other = persona("a", *a), persona("b", *b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PAIR_BUDGET", 1)
        patch.setattr(reading, "NEAREST", 2)
        kept = rows(stages, one, other, budget=0)
        without = score_without(score_personas(stages, one, other, budget=0), "a", "a1")
        patch.setattr(reading, "GRID", 1)
        assert rows(stages, one, other, budget=0) == kept
        assert score_without(score_personas(stages, one, other, budget=0), "a", "a1") == without
        turned = build_ledger(stages, other, one).score()
        assert turned == build_ledger(stages, one, other).score()


def test_pairs_that_are_asked_for_are_all_read() -> None:
    stages = make_joint()
    pairs = np.array([(x, y) for x in range(len(SAID)) for y in range(len(SAID))])
    scores = score_pairs(stages, SAID, pairs)
    assert scores.joint.all()
    turned = score_pairs(stages, SAID, pairs[:, ::-1])
    np.testing.assert_array_equal(scores.energies, turned.energies)
    assert not len(score_pairs(stages, SAID, np.zeros((0, 2), dtype=np.int64)).energies)
