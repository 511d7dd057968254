"""Whose words are whose: the clauses of a sentence, each with the side that it speaks of."""

from __future__ import annotations

import pytest

from jepa_langchain.chains.sides import Names


def test_whose_words_are_whose() -> None:
    def sides(text: str) -> list[tuple[str, str]]:
        return [(c.side, c.text) for c in Names("A", "B").clauses(text)]

    assert (
        sides("A says x, while B says y.") == [("a", "A says x"), ("a", ","), ("b", "while B says y"), ("b", ".")][::2]
    )
    assert [side for side, _ in sides("“Tea helps”, says A. B, in turn, drinks coffee.")] == ["a", "a", "b", "b", "b"]
    assert sides("A and B like tea")[0][0] == "both"
    assert [side for side, _ in sides("cheap tea (A), dear tea (B)")] == ["a", "b"]
    assert sides("B rejects A's hope for tea") == [("a", "A's hope for tea")]


@pytest.mark.parametrize("name", ["Dr. Salo", "Labour (UK)", "Who, me?", "Ann – left", "N.N."])
def test_punctuation_of_a_name_ends_no_clause(name: str) -> None:
    told = [(c.side, c.text) for c in Names(name, "Bob").clauses(f"{name} likes tea, while Bob drinks coffee.")]
    assert told[0] == ("a", f"{name} likes tea")
    assert [side for side, text in told if "coffee" in text] == ["b"]
