"""Numbers, names, acronyms and signs of a sentence, held against its row's statements."""

from __future__ import annotations

import pytest

from jepa_langchain.chains.verifier import Item, Verifier
from jepa_langchain.schema import Relation
from tests.ledgers import row

DISAGREE = Relation.DISAGREE


def told_of(a: str, b: str, text: str, names: tuple[str, str] = ("Ann", "Bob")) -> str:
    """Why a sentence about one disagreement is thrown out."""
    return Verifier(names, [row("D1", a, b)]).check(Item(DISAGREE, "", text, ("D1",))).reason


@pytest.mark.parametrize(
    ("said", "right", "wrong"),
    [
        ("stay below 1.5 degrees", "stay below 1.5 degrees", "stay below 5.1 degrees"),
        ("plant 10,000 trees", "plant 10000 trees", "plant 10 trees"),
        ("spend 1.5 million euros", "spend 1,500,000 euros", "spend 5 million euros"),
        ("fall from 50 to 30", "fall from fifty to thirty", "fall from 30 to 50"),
        ("cut rents by 10%", "cut rents by ten per cent", "cut rents by 10"),
        ("buy 3 trams", "buy three trams", "buy thirty trams"),
        ("hire twenty-five guards", "hire 25 guards", "hire 5 guards"),
    ],
)
def test_numbers_are_compared_whole_and_in_any_spelling(said: str, right: str, wrong: str) -> None:
    a, b = f"We must {said}.", f"We must not {said}."
    assert told_of(a, b, f"Ann says we must {right}, while Bob says we must not {said}.") == ""
    assert told_of(a, b, f"Ann says we must {wrong}, while Bob says we must not {said}.").startswith("numbers")


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (
            "Artificial intelligence needs rules.",
            "Artificial intelligence needs no rules.",
            "Ann says that AI needs rules, while Bob says AI needs no rules.",
        ),
        (
            "The European Union needs an army.",
            "The European Union needs no army.",
            "Ann says that the EU needs an army, while Bob says the EU needs no army.",
        ),
        (
            "European states need an army.",
            "European states need no army.",
            "Ann says that states in Europe need an army, while Bob says states in Europe need no army.",
        ),
        (
            "Air with CO2 < 400 ppm is safe.",
            "Air with CO2 < 400 ppm is not safe.",
            "Ann says air with CO2 < 400 ppm is safe, while Bob says air with CO2 < 400 ppm is not safe.",
        ),
    ],
)
def test_what_the_statements_spell_otherwise_or_hold_themselves_may_be_told(a: str, b: str, text: str) -> None:
    assert told_of(a, b, text) == ""


def test_an_acronym_or_a_sign_that_no_statement_has_is_thrown_out() -> None:
    a, b = "Artificial intelligence needs rules.", "Artificial intelligence needs no rules."
    assert told_of(a, b, "Ann says that the EU needs rules, while Bob says AI needs no rules.").startswith("names")
    assert told_of(a, b, "Ann says that <b>AI needs rules, while Bob says AI needs no rules.").startswith("shape")


def test_a_name_that_is_a_common_word_is_told_from_it() -> None:
    rents = ("Rents should be capped.", "A cap on rents stops new building.")
    text = "A cap on rents stops new building, says B, while A says rents should be capped."
    assert told_of(*rents, text, names=("A", "B")) == ""
    assert told_of(*rents, "A says a cap on rents stops new building, B that rents should be capped.", ("A", "B"))
    text = "Ann says trams will make it quieter, while Will says trams will not make it quieter."
    assert told_of("Trams will make it quieter.", "Trams will not make it quieter.", text, ("Ann", "Will")) == ""
