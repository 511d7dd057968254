from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.clauses import split_concession, units_of
from jepa_langchain.schema import Statement


def parts(text: str) -> tuple[str, str] | None:
    found = split_concession(Statement(id="s", text=text))
    return (found[0].text, found[1].text) if found else None


@pytest.mark.parametrize(
    ("text", "premise", "contest"),
    [
        ("While rents are high, caps make it worse.", "rents are high", "caps make it worse"),
        ("Rents are high, but caps make it worse.", "Rents are high", "caps make it worse"),
        ("Caps are needed but should not stop building.", "Caps are needed", "should not stop building"),
        ("Rents are high; however, caps make it worse.", "Rents are high", "caps make it worse"),
        ("Rents are high. However, caps make it worse.", "Rents are high", "caps make it worse"),
        ("Rents are high, yet caps make it worse.", "Rents are high", "caps make it worse"),
        ("It is true that rents are high. Still, caps make it worse.", "rents are high", "caps make it worse"),
        ("Caps make it worse, although rents are high.", "rents are high", "Caps make it worse"),
        ("While it has 1,000 people, it needs a bus.", "it has 1,000 people", "it needs a bus"),
        ("Even if rents are high, caps make it worse!", "rents are high", "caps make it worse!"),
    ],
)
def test_concessions_are_split(text: str, premise: str, contest: str) -> None:
    assert parts(text) == (premise, contest)


@pytest.mark.parametrize(
    "text",
    [
        "Rents are high and caps make it worse.",
        "Caps are not only useless but also harmful to tenants.",
        "This is nothing but a tax on young people.",
        "While away, think.",
        "He is anything but a friend of tenants.",
        "But why?",
        "It is true that rents in this city, taxes and fees are high.",
        "We had no choice but to raise the taxes here.",
        "Rents are high, still rising in every town.",
    ],
)
def test_what_is_no_concession_stays_whole(text: str) -> None:
    assert parts(text) is None
    assert len(units_of(Statement(id="s", text=text))) == 1


@given(
    st.lists(
        st.sampled_from(["While", "but", ",", ";", ".", "however", "rents", "are", "high", "é", "—", "🙂"]), max_size=25
    )
)
def test_clauses_are_verbatim_and_do_not_overlap(words: list[str]) -> None:
    text = " ".join(words).strip() or "x"
    whole, *clauses = units_of(Statement(id="s", text=text))
    assert (whole.text, whole.span, whole.part) == (text, None, "whole")
    assert len(clauses) in (0, 2)
    for clause in clauses:
        assert clause.statement_id == "s"
        assert clause.span is not None
        assert text[slice(*clause.span)] == clause.text
    spans = sorted(c.span for c in clauses if c.span)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
