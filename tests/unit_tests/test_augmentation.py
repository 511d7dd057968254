"""Pairs that are made by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jepa_langchain.pairs import LabelledPair, PairSource
from jepa_langchain.schema import Relation
from jepa_langchain.training.augmentation import (
    compose_concessions,
    contradict,
    lower_first,
    negate_statements,
    repeat_statements,
)


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("Rents are high.", "Rents are not high."),
        ("We should not wait.", "We should wait."),
        ("We cannot wait.", "We can wait."),
        ("It never works.", "It works."),
        ("It isn't so.", "It is so."),
        ("It isn’t so.", "It is so."),
        ("We can't wait.", "We can wait."),
        ("They won't pay.", "They will pay."),
        ("Schools help children.", "It is not true that schools help children."),
        ("I help.", "It is not true that I help."),
        ("NATO helps.", "It is not true that NATO helps."),
    ],
)
def test_contradictions(text: str, opposite: str) -> None:
    assert contradict(text) == opposite


def test_lower_first_keeps_names_in_capitals() -> None:
    assert [lower_first(t) for t in ("A tax", "I do", "EU law", "It is")] == ["a tax", "I do", "EU law", "it is"]


def test_concessions_carry_the_label_of_their_main_clause() -> None:
    pairs = (
        LabelledPair("Tax sugar.", "Sugar harms.", Relation.AGREE, topic="t"),
        LabelledPair("Tax sugar.", "Taxes hurt the poor.", Relation.DISAGREE, topic="t"),
    )
    made = compose_concessions([PairSource("s", pairs)], most=50)
    assert {p.label for p in made.pairs} == {Relation.AGREE, Relation.DISAGREE}
    for pair in made.pairs:
        main = "sugar harms" if pair.label is Relation.AGREE else "taxes hurt the poor"
        assert pair.b.lower().rstrip(".").endswith(main)
        assert "sugar harms" in pair.b.lower()
        assert "taxes hurt the poor" in pair.b.lower()
    nli = [replace(p, kind="nli") for p in pairs]
    assert not compose_concessions([PairSource("s", tuple(nli))]).pairs
    assert compose_concessions([PairSource("s", pairs)], most=1, seed=4) == compose_concessions(
        [PairSource("s", pairs)], most=1, seed=4
    )


def test_negated_statements_turn_the_label_once_and_keep_it_twice() -> None:
    pairs = (
        LabelledPair("We should tax sugar.", "Sugar must be taxed.", Relation.AGREE, topic="t"),
        LabelledPair("We should tax sugar.", "Sugar is fine.", Relation.DISAGREE, topic="t"),
        LabelledPair("We should tax sugar, as it harms.", "Sugar must be taxed.", Relation.AGREE, topic="t"),
        LabelledPair("Tax sugar.", "Sugar must be taxed.", Relation.AGREE, topic="t"),
        LabelledPair("A man is running.", "A person is moving.", Relation.AGREE, kind="nli"),
    )
    made = negate_statements([PairSource("s", pairs)], most=10)
    assert [(p.a, p.b, p.label) for p in made.pairs] == [
        ("We should tax sugar.", "Sugar must not be taxed.", Relation.DISAGREE),
        ("We should not tax sugar.", "Sugar must not be taxed.", Relation.AGREE),
    ]


def test_a_statement_agrees_with_itself(source: PairSource) -> None:
    made = repeat_statements([source], most=7)
    assert len(made.pairs) == 7
    assert all(p.a == p.b and p.label is Relation.AGREE for p in made.pairs)
    assert made == repeat_statements([source], most=7)
