"""Narratives in other languages than English: the template speaks them, and only reported quotes pass."""

from __future__ import annotations

import json

import pytest
from langchain_core.language_models import FakeListChatModel

from jepa_langchain.chains import NarrativeStyle, Prices, narrative_chain
from jepa_langchain.chains.verifier import Item, Verifier
from jepa_langchain.errors import InputError
from jepa_langchain.schema import Relation, Usage
from jepa_langchain.wordings import LANGUAGES, wordings
from tests.ledgers import report, row

ROWS = [
    row("D1", "Trams make the town quieter.", "Trams are loud.", ids=("a1", "b1")),
    row("A1", "Parks need trees.", "Parks need more trees.", ids=("a2", "b2")),
]
DISAGREE, AGREE = Relation.DISAGREE, Relation.AGREE


def reason(language: str, text: str, rows: str = "D1", area: Relation = DISAGREE) -> str:
    verifier = Verifier(("Ann", "Bob"), ROWS, language=language)
    return verifier.check(Item(area, "Trams", text, (rows,))).reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_speaks_it_and_quotes_both_statements(language: str) -> None:
    told = narrative_chain(style=NarrativeStyle.parse(LANGUAGES[language])).invoke(report(*ROWS))
    assert [s.source for s in told.sentences] == ["template", "template"]
    for sentence, cited in zip(told.sentences, (ROWS[1], ROWS[0]), strict=True):
        assert cited.a.text in sentence.text
        assert cited.b.text in sentence.text
        assert "Ann" in sentence.text
        assert "Bob" in sentence.text
    assert told.text.startswith(wordings(language).headings[0])
    others = [wordings(other).headings for other in LANGUAGES if other != language]
    assert wordings(language).headings not in others


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ann sagt „Trams make the town quieter“, Bob hält dagegen: „Trams are loud“."),
        ("de", "„Trams make the town quieter“, sagt Ann; „Trams are loud“, meint hingegen Bob."),
        ("fr", "Selon Ann, « Trams make the town quieter » ; Bob, en revanche, affirme : « Trams are loud »."),
        ("es", "Ann dice: «Trams make the town quieter», mientras que Bob sostiene: «Trams are loud»."),
    ],
)
def test_reported_quotes_pass(language: str, text: str) -> None:
    assert reason(language, text) == ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ann und Bob sagen beide: „Parks need trees“."),
        ("fr", "Ann et Bob sont d'accord : « Parks need more trees »."),
        ("fr", "Ann et Bob s'accordent : « Parks need more trees »."),
        ("es", "Ann y Bob coinciden: «Parks need trees»."),
    ],
)
def test_an_agreement_may_be_one_quote_of_both(language: str, text: str) -> None:
    assert reason(language, text, "A1", AGREE) == ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "Ann et Bob ne sont pas d'accord : « Parks need more trees »."),
        ("es", "Ann y Bob no coinciden: «Parks need trees»."),
    ],
)
def test_a_denied_agreement_is_thrown_out(language: str, text: str) -> None:
    assert reason(language, text, "A1", AGREE).startswith("language")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("language", "Ann findet Trams leise, Bob findet „Trams are loud“."),
        ("language", "Ann sagt nicht „Trams make the town quieter“, Bob sagt „Trams are loud“."),
        ("language", "Ann says “Trams make the town quieter”, Bob says “Trams are loud”."),
        ("relation", "Beide einig: Ann sagt „Trams make the town quieter“, Bob sagt „Trams are loud“."),
        ("quotes", "Bob sagt „Trams make the town quieter“, Ann sagt „Trams are loud“."),
        ("quotes", "Ann sagt „Trams are silent“, Bob sagt „Trams are loud“."),
        ("sides", "Ann sagt „Trams make the town quieter“."),
        ("sides", "Ann und Bob: „Trams make the town quieter“, „Trams are loud“."),
        ("rows", ""),
    ],
)
def test_everything_else_is_thrown_out_with_a_reason(check: str, text: str) -> None:
    assert reason("de", text or "Ann sagt „Trams are loud“.", "D1" if text else "D9").startswith(check)


YES, NO = "Trams make the town quieter.", "Trams do not make the town quieter."


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", f"Ann sagt „{YES}“, Bob sagt „make the town quieter“."),
        ("de", f"Ann bestreitet „{YES}“, Bob sagt „{NO}“."),
        ("de", f"Ann sagt „{YES}“, Bob ist dagegen, dass „{NO}“."),
        ("fr", f"Ann dit « {YES} », Bob est contre « {NO} »."),
        ("fr", f"Ann dit « {YES} », Bob est en désaccord sur cette position : « {NO} »."),
        ("es", f"Ann rechaza «{YES}», Bob dice «{NO}»."),
        ("es", f"Ann dice «{YES}», Bob discrepa de esta opinión: «{NO}»."),
        ("es", f"Ann dice «{YES}» \N{CROSS MARK}, Bob dice «{NO}»."),
    ],
)
def test_a_quote_is_not_turned_round(language: str, text: str) -> None:
    verifier = Verifier(("Ann", "Bob"), [row("D1", YES, NO)], language=language)
    assert verifier.check(Item(DISAGREE, "Trams", text, ("D1",))).row is None


def test_an_agreement_is_none_against_what_is_quoted() -> None:
    assert reason("de", "Ann und Bob sagen beide: „Parks need trees“.", "A1", AGREE) == ""
    assert reason("de", "Ann und Bob sind dagegen: „Parks need trees“.", "A1", AGREE).startswith("relation")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", f"Ann sagt „{YES}“, Bob entgegnet: „{NO}“."),
        ("fr", f"Ann dit « {YES} », Bob réplique « {NO} »."),
        ("es", f"Ann dice «{YES}»; por el contrario, Bob dice «{NO}»."),
    ],
)
def test_a_word_of_dispute_beside_a_quote_may_be_told(language: str, text: str) -> None:
    verifier = Verifier(("Ann", "Bob"), [row("D1", YES, NO)], language=language)
    assert verifier.check(Item(DISAGREE, "Trams", text, ("D1",))).reason == ""


def test_an_elided_word_of_agreement_is_no_word_of_a_disagreement() -> None:
    text = "Les agents sont d'accord : Ann dit « Trams make the town quieter » et Bob dit « Trams are loud »."
    assert reason("fr", text, "D1").startswith("relation")


def test_a_rejected_sentence_leaves_the_template_in_its_language() -> None:
    items = [{"area": "disagreement", "title": "Trams", "text": "Ann mag Trams, Bob nicht.", "rows": ["D1"]}]
    model = FakeListChatModel(responses=[json.dumps({"items": items})])
    told = narrative_chain(model, style=NarrativeStyle.parse("de")).invoke(report(*ROWS))
    assert told.rejected == 1
    assert told.sentences[1].status == "rejected"
    assert "dagegen sagt Bob: „Trams are loud.“" in told.sentences[1].text


def test_a_style_has_a_language() -> None:
    assert NarrativeStyle.parse("brief, German").language == "de"
    assert "Quote both statements" in NarrativeStyle(language="fr").variables()["language"]
    assert NarrativeStyle().variables()["language"] == "English"
    with pytest.raises(InputError, match=r"no such style: 'latin'; there are .*es"):
        NarrativeStyle.parse("latin")


def test_prices_make_a_cost_of_counted_tokens_only() -> None:
    prices = Prices(input_per_million=2.0, output_per_million=8.0)
    assert prices.of(Usage(calls=1, tokens_in=500, tokens_out=250)).cost == 0.003
    assert prices.of(Usage()).cost == 0.0
    assert prices.of(Usage(calls=1)).cost is None
    with pytest.raises(ValueError, match="greater than or equal"):
        Prices(input_per_million=-1.0, output_per_million=0.0)
