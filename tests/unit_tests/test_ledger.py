from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jepa_langchain import ledger
from jepa_langchain.estimates import estimate_texts
from jepa_langchain.ledger import build_ledger
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.schema import Persona, Relation, Statement, Unit, Verdict
from jepa_langchain.stages import Scores, Stages
from jepa_langchain.table import Table
from tests.unit_tests.conftest import make_stages
from tests.words import DIMENSION, WordEncoder, persona

Shares = dict[tuple[str, str], tuple[float, float]]
Judge = Callable[[Persona, Persona, Shares], ledger.Ledger]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, stages: Stages) -> Judge:
    """A ledger over a table of (P(agree), P(disagree)); a pair of texts that is not in it is unrelated."""

    def build(a: Persona, b: Persona, table: Shares) -> ledger.Ledger:
        def score(_: Stages, units_a: list[Unit], units_b: list[Unit], *__: object, **___: object) -> Table:
            rows = [table.get((x.text, y.text), (0.02, 0.02)) for x in units_a for y in units_b]
            shares = np.array([(x, y, 1 - x - y) for x, y in rows])
            near = np.array([x + y for x, y in rows])
            scores = Scores(1 - shares[:, :2], shares, near, np.zeros(len(rows), dtype=bool), near)
            return Table.whole(stages, units_a, units_b, scores)

        monkeypatch.setattr(ledger, "score_table", score)
        return build_ledger(stages, a, b)

    return build


def test_a_contested_conclusion_outweighs_the_shared_premise(judged: Judge) -> None:
    a = persona("A", "Rents are high and need caps.")
    b = persona("B", "Rents are high, but caps backfire on tenants.")
    whole, claim = b.statements[0].text, a.statements[0].text
    table = {
        (claim, whole): (0.9, 0.05),
        (claim, "Rents are high"): (0.95, 0.01),
        (claim, "caps backfire on tenants"): (0.02, 0.9),
    }
    found = judged(a, b, table)
    assert [(f.a.text, f.b.text) for f in found.disagreements] == [(claim, "caps backfire on tenants")]
    assert [(f.a.text, f.b.text) for f in found.agreements] == [(claim, "Rents are high")]
    assert [f.statements for f, _ in found.mixed] == [("A1", "B1")]
    assert found.disagreements[0].b.span == (20, 44)


def test_one_row_a_pair_and_none_inside_the_abstain_band(judged: Judge) -> None:
    a, b = persona("A", "first thing", "second thing"), persona("B", "one thing", "other thing")
    table = {("first thing", "one thing"): (0.7, 0.2), ("second thing", "other thing"): (0.5, 0.45)}
    found = judged(a, b, table)
    assert [f.statements for f in found.agreements] == [("A1", "B1")]
    assert not found.disagreements
    assert not found.only_a  # A2 is related to something, only undecided
    assert found.verdict() is Verdict.ALIGNED
    assert found.score() == 1.0


def test_clauses_of_two_concessions_meet_their_own_kind_only(judged: Judge) -> None:
    text = "Rents are high, but caps backfire on tenants."
    a, b = persona("A", text), persona("B", text)
    premise, contest = "Rents are high", "caps backfire on tenants"
    table = {(text, text): (0.9, 0.05), (premise, contest): (0.01, 0.95), (contest, premise): (0.01, 0.95)}
    found = judged(a, b, table)
    assert [f.statements for f in found.agreements] == [("A1", "B1")]
    assert not found.disagreements
    assert found.verdict() is Verdict.ALIGNED


def test_what_only_one_side_speaks_of(judged: Judge) -> None:
    a, b = persona("A", "first thing", "second thing"), persona("B", "one thing")
    found = judged(a, b, {("first thing", "one thing"): (0.05, 0.9)})
    assert [s.id for s in found.only_a] == ["A2"]
    assert not found.only_b
    assert found.verdict() is Verdict.MISALIGNED


def test_nothing_related_is_insufficient(judged: Judge) -> None:
    found = judged(persona("A", "first thing"), persona("B", "one thing"), {})
    assert (found.verdict(), found.score()) == (Verdict.INSUFFICIENT, 0.5)
    assert (len(found.only_a), len(found.only_b)) == (1, 1)


def test_an_uncalibrated_model_pairs_mutual_neighbours() -> None:
    stages = make_stages(WordEncoder(), calibrated=False)
    a = persona("A", "tax sugar now", "trains run late")
    b = persona("B", "trains run late", "tax sugar now")
    found = build_ledger(stages, a, b)
    assert {f.statements for f in (*found.agreements, *found.disagreements)} == {("A1", "B2"), ("A2", "B1")}
    assert all(f.estimate.probabilities is None and f.estimate.relation is None for f in found.agreements)


TEXTS = [
    "tax sugar now",
    "not tax sugar now",
    "trains run late",
    "trains not late, but towns pay for trains",
    "build homes",
]


def same_ids(name: str, *texts: str) -> Persona:
    """Statements "s1", "s2", … whoever says them."""
    return Persona(id=name, statements=tuple(Statement(id=f"s{i}", text=t) for i, t in enumerate(texts, start=1)))


@pytest.mark.parametrize("other", ["A", "B"])
@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
)
@settings(max_examples=20)
def test_swapping_the_personas_keeps_the_order_of_ties(other: str, left: list[str], right: list[str]) -> None:
    stages = make_stages(WordEncoder())
    # Nothing but repetition is sure enough, so most pairs that are about the same thing are left open.
    unsure = replace(stages, calibrators={"linear": replace(stages.calibrators["linear"], threshold=0.995)})
    a, b = same_ids("A", *left), same_ids(other, *right)
    assume(a != b)  # Nothing tells two that are equal apart, and swapping them changes no byte.
    for model in (stages, unsure):
        ahead, back = build_ledger(model, a, b), build_ledger(model, b, a)
        for rows, swapped in ((ahead.agreements, back.agreements), (ahead.disagreements, back.disagreements)):
            assert [f.statements for f in rows] == [f.statements[::-1] for f in swapped]
        assert [(u.id, u.a, u.b) for u in ahead.abstained] == [(u.id, u.b, u.a) for u in back.abstained]


def test_swapping_the_personas_keeps_which_ties_are_listed(judged: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_ABSTAINED", 3)
    a, b = persona("A", "one thing", "one thing"), persona("B", "one thing", "one thing", "one thing")
    open_pair = {("one thing", "one thing"): (0.5, 0.4)}
    ahead, back = judged(a, b, open_pair), judged(b, a, open_pair)
    assert len(ahead.abstained) == 3
    assert [(u.id, u.a, u.b) for u in ahead.abstained] == [(u.id, u.b, u.a) for u in back.abstained]


def test_a_cut_statement_is_named_with_its_persona_and_by_what_either_stage_reads(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = persona("A", "we should tax sugar now"), persona("B", "tax sugar", "trains run late")
    monkeypatch.setattr("jepa_langchain.stages.MOST_TOKENS", 2)
    assert build_ledger(stages, a, b).truncated == ()
    torch.manual_seed(0)
    pair = PairPredictor(PairConfig(DIMENSION, 4, 1, 32))
    wide = replace(stages.calibrators["linear"], weights=np.zeros((3, 5)))
    joint = replace(stages, pair=pair, calibrators={**stages.calibrators, "pair": wide})
    assert build_ledger(joint, a, b).truncated == ("A, statement A1", "B, statement B2")
    assert estimate_texts(joint, "we should tax sugar now", "tax sugar").truncated
    assert not estimate_texts(stages, "we should tax sugar now", "tax sugar").truncated


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
)
def test_swapping_the_personas_swaps_the_rows_and_nothing_else(left: list[str], right: list[str]) -> None:
    stages = make_stages(WordEncoder())
    a, b = persona("A", *left), persona("B", *right)
    ahead, back = build_ledger(stages, a, b), build_ledger(stages, b, a)
    for rows, swapped in ((ahead.agreements, back.agreements), (ahead.disagreements, back.disagreements)):
        assert {(f.statements, f.estimate) for f in rows} == {(f.statements[::-1], f.estimate) for f in swapped}
    assert (ahead.only_a, ahead.only_b) == (back.only_b, back.only_a)
    assert (ahead.score(), ahead.verdict()) == (back.score(), back.verdict())
    assert Relation.UNRELATED not in {f.relation for f in (*ahead.agreements, *ahead.disagreements)}
