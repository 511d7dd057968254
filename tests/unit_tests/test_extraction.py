"""What the speakers of a conversation hold: pieces that may stand alone, and nothing lost without a word."""

from __future__ import annotations

import json

import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage

from jepa_langchain.chains import statement_chain
from jepa_langchain.chains.pieces import Spoken


def alone(said: str, piece: str) -> bool:
    start = said.index(piece)
    return Spoken(said).stands_alone(start, start + len(piece))


@pytest.mark.parametrize(
    ("said", "piece"),
    [
        ("Hi! Rents need caps, I think.", "Rents need caps"),
        ("Well, I think that rents need caps.", "rents need caps"),
        ("Rents need caps and homes need heat.", "Rents need caps"),
        ("Rents need caps and homes need heat.", "homes need heat"),
        ("Rents need caps, while homes need heat.", "Rents need caps"),
        ("Warming stays below 1.5 degrees; trams help.", "trams help"),
        ('"Rents need caps. Homes need heat."', "Homes need heat."),
        ("My list:\n- Rents need caps\n- Homes do not need heat", "Rents need caps"),
        ("1. Homes need no heat\n2. Rents need caps", "Rents need caps"),
    ],
)
def test_sentences_and_clauses_stand_alone(said: str, piece: str) -> None:
    assert alone(said, piece)


@pytest.mark.parametrize(
    "said",
    [
        "I do not believe that rents need caps.",
        "I do not believe that\nrents need caps.",
        "Bob says: rents need caps.",
        "It is a myth, rents need caps.",
        "If homes rot, rents need caps.",
        "Either homes rot or rents need caps.",
        "In Berlin, homes rot and rents need caps.",
        "Homes don’t rot and rents need caps.",
        "Nobody claims:\n- homes rot\n- rents need caps",
        "I doubt... rents need caps.",
        "I doubt that Mr. rents need caps.",
        "Do rents need caps?",
        "rents need caps?",
        "rents need caps, says Bob.",
        "rents need caps, if homes rot.",
        "rents need caps in Berlin.",
        "rents need caps, in Berlin.",
        "rents need caps: at least for a year.",
        "rents need caps while homes rot.",
        "rents need capsules.",
        "Parents need caps and currents need caps.",
        "Bob told me: “Homes rot. rents need caps.” Well.",
    ],
)
def test_no_denial_report_or_condition_is_cut_off(said: str) -> None:
    assert not alone(said, "rents need caps")
    spans = {"statements": [{"turn": 1, "text": "rents need caps"}]}
    model = FakeListChatModel(responses=[json.dumps(spans)])
    found = statement_chain(model).invoke([HumanMessage(said)])
    assert (found.statements, found.rejected) == ((), 1)


def test_a_piece_is_found_where_it_may_stand() -> None:
    spans = {"statements": [{"turn": 1, "text": "Rents need caps"}]}
    model = FakeListChatModel(responses=[json.dumps(spans)])
    found = statement_chain(model).invoke("Ann: Is it that Rents need caps? Rents need caps.")
    assert [s.span for s in found.statements] == [(28, 43)]


def test_lines_without_a_name_are_told_of() -> None:
    said = "Ann: Rents need caps now.\nThey are far too high.\n\n  : Who said this?\nBob: Caps backfire badly."
    found = statement_chain().invoke(said)
    assert [s.text for s in found.statements] == ["Rents need caps now.", "Caps backfire badly."]
    assert found.note == "lines without 'Name:', left out: 2"
    model = FakeListChatModel(responses=['{"statements": []}'])
    assert statement_chain(model).invoke(said).note == found.note
    assert [p.id for p in found.personas()] == ["Ann", "Bob"]


def test_what_is_no_fit_statement_leaves_the_others() -> None:
    found = statement_chain().invoke(
        "Ann: Rents need caps now.\nBob: " + "word " * 500 + "\nCid: A bell \a rings here."
    )
    assert [p.id for p in found.personas()] == ["Ann"]
    assert found.rejected == 2


def test_a_question_in_marks_is_a_question() -> None:
    said = 'Ann: "Should rents be capped?" Rents need caps now. (Should homes be heated?) Should we all pay?!'
    assert [s.text for s in statement_chain().invoke(said).statements] == ["Rents need caps now."]


def test_an_entry_that_is_none_and_half_a_character_lose_no_other() -> None:
    spans = [{"turn": 1, "text": "Rents need caps now."}, {"turn": "one", "text": "Homes need heat too."}]
    said = "Ann: Rents need caps now. Homes need heat too."
    for responses in ([json.dumps({"statements": spans})], ["\ud83d no JSON", json.dumps({"statements": spans[:1]})]):
        found = statement_chain(FakeListChatModel(responses=responses)).invoke(said)
        assert ([s.text for s in found.statements], found.note) == (["Rents need caps now."], "")


def test_a_long_conversation_is_read_to_its_end_in_a_stream_too() -> None:
    turns = [f"Home{n} needs heat." for n in range(600)]
    answer = {"statements": [{"turn": n, "text": text} for n, text in enumerate(turns, start=1)]}
    model = GenericFakeChatModel(messages=iter([AIMessage(json.dumps(answer, separators=(",", ":")))]))
    *_, last = statement_chain(model).stream([HumanMessage(text) for text in turns])
    assert len(last.statements) == 600


def test_a_blank_name_is_none() -> None:
    blank = [HumanMessage("Rents need caps now.", name="  ")]
    assert [p.id for p in statement_chain().invoke(blank).personas()] == ["human"]
