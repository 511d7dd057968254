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


PARTS = "We must plant 10 to 20 oaks and 3 elms in Bern."


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("", "we must plant 10–20 oaks and three elms in Bern"),
        ("numbers", "we must plant 10 to 20 oaks and one elm in Bern"),
        ("numbers", "we must plant 3 oaks and 10 elms in Bern"),
        ("numbers", "we must plant zero oaks in Bern"),
        ("numbers", "we must plant \N{MINUS SIGN}3 elms in Bern"),
        ("shape", "we must plant $3 elms in Bern"),
        ("shape", "we must plant 3 elms in Bern \N{NO ENTRY SIGN}"),
        ("names", "we in the US must plant 3 elms"),
        ("names", "WHO says that we must plant 3 elms in Bern"),
        ("names", "we must plant 3 elms (Zurich) in Bern"),
        ("names", "we must plant 3 elms – Zurich – in Bern"),
        ("names", "we must plant 3 elms in Örebro"),
    ],
)
def test_what_a_number_counts_and_a_name_or_sign_anywhere_is_the_statements(check: str, told: str) -> None:
    text = f"Ann says {told}, while Bob says we must plant no elms."
    assert told_of(PARTS, "We must plant no elms.", text).partition(":")[0] == check


@pytest.mark.parametrize(
    ("b", "text", "wrong"),
    [
        ("Rents should be capped at 20 euros.", "Ann would cap rents at 10 euros; Bob would cap rents at 20.", False),
        ("Rents should be capped at 20 euros.", "Ann would cap rents at 20 euros; Bob would cap rents at 10.", True),
        ("Rents should be capped at 20 euros.", "Ann would cap rents at twenty euros; Bob would cap rents.", True),
        ("A cap on rents stops building.", "Ann would cap rents at 10 euros; Bob opposes a cap at 10 euros.", False),
        ("A cap on rents stops building.", "Ann would cap rents; for Bob a cap at 10 euros stops building.", True),
    ],
)
def test_a_number_of_the_other_side_is_given_to_none(b: str, text: str, *, wrong: bool) -> None:
    assert ("is in the other's statement only" in told_of("Rents should be capped at 10 euros.", b, text)) is wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Ann says trams make it quieter, while Bob says trams do not make it quieter.", False),
        ("Ann asks whether trams make it quieter, while Bob says trams do not make it quieter.", True),
        ("Ann says trams make it quieter, while Bob is not so sure that trams make it quieter.", True),
        ("Ann says trams used to make it quieter, while Bob says trams do not make it quieter.", True),
        ("Ann says trams are used to make it quieter, while Bob says trams do not make it quieter.", False),
        ("Ann once said trams make it quieter, while Bob says trams do not make it quieter.", True),
    ],
)
def test_a_claim_is_no_question_doubt_or_thing_of_the_past(text: str, *, wrong: bool) -> None:
    assert (told_of("Trams make it quieter.", "Trams do not make it quieter.", text) != "") is wrong


def test_a_statement_that_asks_or_doubts_may_be_told_so() -> None:
    a, b = "I doubt whether trams make it quieter.", "Trams make it quieter."
    text = "Ann is not sure that trams make it quieter, while Bob says trams make it quieter."
    assert "weaker" not in told_of(a, b, text)


def test_zero_may_tell_a_denial() -> None:
    text = "Ann says we should plant elms, while Bob says we should plant zero elms."
    assert not told_of("We should plant elms.", "We should plant no elms.", text).startswith("numbers")


def test_a_title_in_capitals_is_no_common_word() -> None:
    text = "Ann says trams help us, while Bob says trams do not help us."
    rows = [row("D1", "Trams help us.", "Trams do not help us.")]
    for title, may in (("Trams help us", True), ("Trams help US", False)):
        assert Verifier(("Ann", "Bob"), rows).check(Item(DISAGREE, title, text, ("D1",))).title is may


@pytest.mark.parametrize("names", [("Ann", "Ann Lee"), ("gpt-5-mini", "gpt-5")])
def test_a_name_inside_another_is_no_mention(names: tuple[str, str]) -> None:
    said = ("Trams make it quieter.", "Trams do not make it quieter.")
    for (one, other), right in ((names, True), (names[::-1], False)):
        text = f"{one} says trams make it quieter, while {other} says trams do not make it quieter."
        assert (told_of(*said, text, names) == "") is right
