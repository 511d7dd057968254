"""What the verifier lets pass and what it throws out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.narrative import outcomes
from jepa_langchain.chains.consent import Consent, judge_of, shipped_consent
from jepa_langchain.chains.drafts import DraftReader, longest_output, read_draft
from jepa_langchain.chains.polarity import content, read
from jepa_langchain.chains.signals import Asked, Doubles
from jepa_langchain.chains.verifier import LONGEST, Item, Verifier
from jepa_langchain.chains.words import denies, english, same_word
from jepa_langchain.schema import Relation
from tests.ledgers import row
from tests.unit_tests.conftest import make_model

ROWS = [
    row("D1", "Trams make the old town quieter.", "Trams do not make the old town quieter.", ids=("a1", "b1")),
    row("D2", "Rents should be capped at 10 euros.", "A cap on rents stops new building.", ids=("a2", "b2")),
    row("A1", "Parks need more trees.", "The parks should get more trees.", ids=("a3", "b3")),
]
DISAGREE, AGREE = Relation.DISAGREE, Relation.AGREE


def reason(text: str, rows: str = "D1", *, title: str = "Trams", area: Relation = DISAGREE) -> str:
    verdict = Verifier(("Ann", "Bob"), ROWS).check(Item(area, title, text, tuple(rows.split())))
    assert (verdict.row is None) == bool(verdict.reason)
    return verdict.reason


def test_honest_sentences_pass() -> None:
    assert not reason("“Trams make the old town quieter”, says Ann. Bob denies that trams make it quieter.")
    assert reason("Ann says trams make the old town quieter, while Bob says trams do not make it quieter.") == ""
    assert reason("Both want more trees in the parks.", "A1", title="Trees", area=AGREE) == ""
    assert reason("Ann would cap rents at 10 euros; for Bob a cap stops new building.", "D2", title="Rents") == ""


@pytest.mark.parametrize(
    ("check", "text", "rows"),
    [
        ("shape", "", "D1"),
        ("shape", "x" * (LONGEST + 1), "D1"),
        ("shape", "Ann says trams make it quieter, Bob says no: see https://x.org", "D1"),
        ("rows", "Ann says trams make the old town quieter, Bob says they do not make it quieter.", "D9"),
        ("rows", "Ann says trams make the old town quieter, Bob says they do not make it quieter.", "D1 D2"),
        ("rows", "Ann says trams make the old town quieter, Bob says they do not make it quieter.", ""),
        ("rows", "Ann wants more trees in parks, Bob says parks should get more trees.", "A1"),
        ("quotes", "Ann says “trams are silent”, Bob says trams do not make the town quieter.", "D1"),
        ("quotes", "Ann says “trams make the old town quieter, Bob says they do not make it quieter.", "D1"),
        ("quotes", "Ann says “do not make the old town quieter”, Bob says trams do not make it quieter.", "D1"),
        ("numbers", "Ann would cap rents at 12 euros; for Bob a cap stops new building.", "D2"),
        ("numbers", "Ann says three trams make the town quieter, Bob says trams do not make it quieter.", "D1"),
        ("names", "Ann says trams make the town quieter as in Zurich, Bob says trams do not.", "D1"),
        ("relation", "Ann and Bob agree that trams make the old town quieter.", "D1"),
        ("relation", "Ann says trams make the old town quieter, and Bob agrees.", "D1"),
        ("polarity", "Ann says trams make the town louder, Bob says trams do not make it quieter.", "D1"),
        ("polarity", "Ann says trams make the town quieter, Bob says trams make the old town quieter.", "D1"),
        ("polarity", "Ann contests that trams make the old town quieter; Bob says trams do not make it quieter.", "D1"),
        (
            "polarity",
            "Ann argues against trams that make the old town quieter; Bob says they do not make it quieter.",
            "D1",
        ),
        ("relation", "Ann says it is undisputed that trams make the old town quieter, Bob says they do not.", "D1"),
        ("sides", "Ann says a cap on rents stops building; Bob would cap rents at 10 euros.", "D2"),
        ("sides", "Ann says that trams make the old town quieter.", "D1"),
        ("words", "Ann says trams make the town quieter and cheaper for bakers, Bob says trams do not.", "D1"),
        ("words", "Ann would cap rents at 10 euros and plant trees; for Bob a cap stops building.", "D2"),
    ],
)
def test_what_is_wrong_is_thrown_out_by_the_check_that_sees_it(check: str, text: str, rows: str) -> None:
    assert reason(text, rows).startswith(check), reason(text, rows)


def test_an_agreement_is_no_dispute_and_is_not_turned_round() -> None:
    for check, text in (
        ("relation", "Ann and Bob disagree on whether parks need more trees."),
        ("polarity", "Both want fewer trees in the parks."),
        ("polarity", "Both say that the parks need no more trees."),
        ("polarity", "Both are against more trees in the parks."),
        ("polarity", "Both argue against more trees in the parks."),
    ):
        assert reason(text, "A1", title="Trees", area=AGREE).startswith(check), text


def test_a_title_that_is_strange_or_claims_something_is_not_told() -> None:
    def titled(title: str, rows: str, text: str) -> bool:
        verdict = Verifier(("Ann", "Bob"), ROWS).check(Item(AGREE if rows == "A1" else DISAGREE, title, text, (rows,)))
        assert verdict.row is not None, verdict.reason
        return verdict.title

    both = "Both want more trees in the parks."
    apart = "Ann says trams make the old town quieter, while Bob says trams do not make it quieter."
    assert titled("More trees", "A1", both)
    assert titled("Trams in the old town", "D1", apart)
    for title in (
        "Carbon pricing schemes",
        "Parks and lakes",
        "No more trees",
        "Ann and Bob disagree on trees",
        "7 trees",
    ):
        assert not titled(title, "A1", both), title
    for title in ("Both want trams", "Bob says trams make the old town quieter", "Trams make the old town no quieter"):
        assert not titled(title, "D1", apart), title


def test_what_nobody_sees_is_thrown_out() -> None:
    for character in ("\u202e", "\x07", "\u200d", "\u00ad", "\U000e0049", "\U000e0100", "\u2028"):
        assert reason(f"Both want more trees in the parks.{character}", "A1", title="Trees", area=AGREE) != ""
        assert reason("Both want more trees in the parks.", "A1", title=f"Trees{character}", area=AGREE) != ""


def test_a_quote_in_single_marks_is_a_quote() -> None:
    for one, other in (("'", "'"), ("\N{LEFT SINGLE QUOTATION MARK}", "’")):
        told = f"Ann says {one}trams make the old town quieter{other}, while Bob says trams don't make it quieter."
        assert reason(told) == ""
        told = f"Ann says {one}trams made old towns quieter{other}, while Bob says trams do not make it quieter."
        assert reason(told).startswith("quotes")


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


def judged(heard: list[tuple[str, str]], odds: float) -> Verifier:
    """A verifier whose predictor gives the same measures whatever it is asked."""

    def judge(asked: Sequence[Asked]) -> Doubles:
        heard.extend((question.told, question.statement) for question in asked)
        sure = odds > 0
        answers = (-0.05, -4.0, -4.0) if sure else (-4.0, -0.5, -1.0)
        told = [odds, -4.0 if sure else -0.1, 0.9 if sure else 0.2, *[0.9 if sure else 0.2] * 4, *answers]
        return np.array([told] * len(asked))

    return Verifier(("Ann", "Bob"), ROWS, judge)


def test_a_word_of_its_own_needs_the_predictors_consent(heard: list[tuple[str, str]]) -> None:
    item = Item(AGREE, "Trees", "Both want more chestnut trees in the parks.", ("A1",))
    assert reason(item.text, "A1", title="Trees", area=AGREE).startswith("words: 'chestnut'")
    assert judged(heard, 4.0).check(item).row == ROWS[2]
    assert "consent" in judged(heard, -4.0).check(item).reason
    assert heard[0] == ("want more chestnut trees in the parks", "Parks need more trees.")


def test_the_predictor_is_not_asked_about_what_nothing_can_save(heard: list[tuple[str, str]]) -> None:
    text = "Both want 7 more trees in the parks."
    verifier = judged(heard, 4.0)
    assert verifier.check(Item(AGREE, "Trees", text, ("A1",))).reason.startswith("numbers")
    assert verifier.signals(Item(AGREE, "Trees", text, ("A1",))) is None
    assert not heard


def test_a_sentence_that_says_nothing_of_a_side_is_thrown_out(heard: list[tuple[str, str]]) -> None:
    item = Item(DISAGREE, "Trams", "Ann says trams make the old town quieter.", ("D1",))
    assert judged(heard, 4.0).check(item).reason == "sides: both are to be spoken of"


def test_a_sentence_without_a_word_of_its_row_is_thrown_out_whatever_the_predictor_says(
    heard: list[tuple[str, str]],
) -> None:
    item = Item(AGREE, "Trees", "Both agree on everything.", ("A1",))
    assert judged(heard, 4.0).check(item).reason == "words: not one of either statement's"


def test_of_a_model_that_the_network_was_not_fitted_on_the_rules_decide_alone() -> None:
    assert judge_of(make_model()) is None


def test_the_network_is_what_its_file_says() -> None:
    consent = shipped_consent()
    assert Consent.from_json(consent.as_json()).as_json() == consent.as_json()
    found = judged([], 4.0).signals(Item(AGREE, "Trees", "Both want more trees in the parks.", ("A1",)))
    assert found is not None
    assert set(found) == set(consent.signals)
    assert 0 <= consent.probability(found) <= 1
    logits = [
        float(
            np.maximum((np.array([found[n] for n in consent.signals]) - consent.mean) / consent.scale @ w + b, 0) @ v
            + c
        )
        for w, b, v, c in zip(consent.hidden, consent.hidden_bias, consent.out, consent.out_bias, strict=True)
    ]
    assert consent.probability(found) == pytest.approx(np.mean([1 / (1 + np.exp(-x)) for x in logits]))


def test_the_corpus_half_the_limits_were_set_on() -> None:
    tune = outcomes(None, ["tune"])
    assert all(o.rejected for o in tune if o.wrong)
    honest = [o.rejected for o in tune if not o.wrong]
    assert sum(honest) <= 0.12 * len(honest)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plan", "planned"),
        ("adapt", "adaptation"),
        ("anxious", "anxiety"),
        ("policy", "policies"),
        ("rapid", "rapidly"),
        ("cars", "car"),
        ("cards", "card"),
        ("rates", "rating"),
    ],
)
def test_forms_of_one_word(one: str, other: str) -> None:
    assert same_word(one, other)
    assert same_word(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("policies", "police"),
        ("competition", "competence"),
        ("coal", "coalitions"),
        ("universal", "university"),
        ("states", "stations"),
        ("author", "authorities"),
        ("import", "important"),
        ("part", "parties"),
        ("rates", "ratified"),
    ],
)
def test_false_kin(one: str, other: str) -> None:
    assert not same_word(one, other)
    assert not same_word(other, one)


def test_what_is_protected_or_fought_against_is_not_denied() -> None:
    words = english()
    for text in ("customers are protected against fraud", "better doors settle most disputes over fraud"):
        assert not any(word.denied for word in content(text, words)), text
    for text in (
        "he is firmly against fraud",
        "she objects to fraud",
        "they dispute any fraud",
        "the case against fraud",
    ):
        assert content(text, words)[-1].denied, text


def test_opposites_and_denials() -> None:
    words = english()
    assert denies("unsafe", "safe")
    assert denies("harmless", "harm")
    assert not same_word("care", "careless")
    assert words.opposite("rise", "fall")
    assert words.opposite("rising", "fell")
    assert not words.opposite("rise", "tree")
    claim, statement = content("prices never fall", words), content("prices rise", words)
    assert read(claim, statement, words).contrary == ""
    assert read(content("prices never rise", words), statement, words).contrary


@given(st.text(max_size=200), st.text(max_size=20), st.lists(st.sampled_from(["A1", "D1", "X"]), max_size=2))
def test_anything_may_come_and_what_passes_is_about_both(text: str, title: str, rows: list[str]) -> None:
    verdict = Verifier(("Ann", "Bob"), ROWS).check(Item(DISAGREE, title, text, tuple(rows)))
    assert verdict.row is None or rows == ["D1"]


def test_drafts_are_read_as_they_come() -> None:
    sentence = '{"area": "agreement", "title": "a {b}", "text": "said \\"x {y}\\"", "rows": ["A1"]}'
    whole = f'Sure!\n```json\n{{"items": [{sentence}, {{"area": "no"}}, {sentence}]}}\n```'
    assert len(read_draft(whole, rows=2)) == 2
    assert len(read_draft(whole[: whole.rindex('"rows"')], rows=2)) == 1
    reader = DraftReader()
    assert sum(len(reader.feed(character)) for character in whole) == 2
    assert read_draft(whole + " " * longest_output(2), rows=2) == []
    for nothing in ("", "null", "[]", "{" * 9_000, '{"a":' * 2_000, "word " * 2_000):
        assert read_draft(nothing, rows=9) == []
