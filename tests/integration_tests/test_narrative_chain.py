"""The narrative chain over a real HTTP server, through ChatOpenAI: what it asks, and every way an answer goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jepa_langchain.chains import NarrativeStyle, narrative_chain
from tests.ledgers import report, row
from tests.scripted_openai import Reply, ScriptedOpenAI, chat

REPORT = report(
    row("A1", "Parks need more trees.", "The parks should get more trees.", ids=("a1", "b1")),
    row("D1", "Trams make the old town quieter.", "Trams do not make the old town quieter.", ids=("a2", "b2")),
)
AGREED = {"area": "agreement", "title": "More trees", "text": "Both want more trees in the parks.", "rows": ["A1"]}
CONTESTED = {
    "area": "disagreement",
    "title": "Trams",
    "text": "Ann says trams make the old town quieter, while Bob says trams do not make it quieter.",
    "rows": ["D1"],
}
LIED = "Both agree that trams make the old town quieter."
LIE = {**CONTESTED, "text": LIED}


def draft(*items: dict[str, Any]) -> str:
    return json.dumps({"items": items})


def test_verified_sentences_are_told_and_counted() -> None:
    with ScriptedOpenAI([Reply(draft(AGREED, CONTESTED), tokens=(120, 40))]) as server:
        told = narrative_chain(chat(server)).invoke(REPORT)
        assert [s.source for s in told.sentences] == ["llm", "llm"]
        assert [s.rows for s in told.sentences] == [("A1",), ("D1",)]
        assert (told.source, told.rejected, told.note) == ("llm", 0, "")
        assert (told.usage.calls, told.usage.tokens_in, told.usage.tokens_out) == (1, 120, 40)
        assert str(CONTESTED["text"]) in told.text
        assert server.requests[0]["response_format"]["type"] == "json_schema"
        assert "tools" not in server.requests[0]
        assert "old town" not in server.prompt(0, "system")
        assert '"Trams make the old town quieter."' in server.prompt(0, "user")


async def test_it_is_async_and_batched() -> None:
    reply = Reply(draft(AGREED, CONTESTED))
    with ScriptedOpenAI([reply] * 4) as server:
        chain = narrative_chain(chat(server))
        told = await chain.ainvoke(REPORT)
        assert chain.batch([REPORT, REPORT]) == [told, told]
        grown = [narrative async for narrative in chain.astream(REPORT)]
        assert grown[-1].sentences == told.sentences


def test_a_lie_is_replaced_by_the_template_and_counted() -> None:
    with ScriptedOpenAI([Reply(draft(AGREED, LIE))]) as server:
        told = narrative_chain(chat(server)).invoke(REPORT)
    agreed, contested = told.sentences
    assert (agreed.source, agreed.status) == ("llm", "verified")
    assert (contested.source, contested.status) == ("template", "rejected")
    assert contested.reason.startswith("relation")
    assert (told.rejected, told.rejections[0].text) == (1, LIED)
    assert LIED not in told.text


def test_a_stream_shows_verified_sentences_as_they_pass() -> None:
    with ScriptedOpenAI([Reply(draft(AGREED, LIE, CONTESTED), tokens=(9, 8))]) as server:
        grown = list(narrative_chain(chat(server)).stream(REPORT))
    assert [len(n.sentences) for n in grown] == [1, 2, 2]
    assert not any(LIED in n.text for n in grown)
    assert (grown[-1].rejected, grown[-1].usage.tokens_in) == (1, 9)


def test_half_a_json_tells_what_was_complete() -> None:
    whole = draft(AGREED, CONTESTED)
    half = whole[: whole.index("while Bob")]
    with ScriptedOpenAI([Reply(half), Reply(half), Reply(half)]) as server:
        chain = narrative_chain(chat(server))
        told, streamed = chain.invoke(REPORT), list(chain.stream(REPORT))[-1]
    for narrative in (told, streamed):
        assert [s.source for s in narrative.sentences] == ["llm", "template"]
        assert narrative.sentences[1].status == "verified"


def test_an_answer_that_met_its_limit_is_read_as_far_as_it_goes() -> None:
    whole = draft(AGREED, CONTESTED)
    with ScriptedOpenAI([Reply(whole[: whole.index("while Bob")], full=True, tokens=(50, 20))]) as server:
        told = narrative_chain(chat(server)).invoke(REPORT)
    assert [s.source for s in told.sentences] == ["llm", "template"]
    assert (told.usage.calls, told.usage.tokens_out, told.note) == (1, 20, "")


def test_what_is_no_json_is_repaired_once() -> None:
    prose = "Here you go: Ann and Bob both want trees."
    with ScriptedOpenAI([Reply(prose), Reply(draft(AGREED, CONTESTED)), Reply(prose), Reply(prose)]) as server:
        chain = narrative_chain(chat(server))
        told = chain.invoke(REPORT)
        assert (told.source, told.usage.calls) == ("llm", 2)
        told = chain.invoke(REPORT)
    assert (told.source, told.usage.calls) == ("template", 2)
    assert "could not be read" in told.note


def test_a_server_without_structured_output_is_asked_plainly() -> None:
    with ScriptedOpenAI([Reply("no response_format here", status=400), Reply(draft(AGREED, CONTESTED))]) as server:
        told = narrative_chain(chat(server)).invoke(REPORT)
        assert (told.source, told.usage.calls) == ("llm", 2)
        assert "response_format" not in server.requests[1]


def test_a_rate_limit_is_waited_for() -> None:
    busy = Reply(status=429, headers={"Retry-After": "0"})
    with ScriptedOpenAI([busy, Reply(draft(AGREED, CONTESTED)), busy]) as server:
        assert narrative_chain(chat(server, retries=2)).invoke(REPORT).source == "llm"
        told = narrative_chain(chat(server)).invoke(REPORT)
    assert told.text == REPORT.narrative.text
    assert "RateLimitError" in told.note


@pytest.mark.parametrize("reply", [Reply(draft(AGREED), delay=3), Reply(draft(AGREED), cut=60), Reply(status=500)])
def test_no_answer_leaves_the_template(reply: Reply) -> None:
    with ScriptedOpenAI([reply, reply]) as server:
        chain = narrative_chain(chat(server, timeout=0.5))
        for told in (chain.invoke(REPORT), list(chain.stream(REPORT))[-1]):
            assert told.text == REPORT.narrative.text
            assert "failed" in told.note


def test_a_refusal_and_an_endless_answer_leave_the_template() -> None:
    with ScriptedOpenAI([Reply(refusal="no"), Reply("no"), Reply("word " * 20_000), Reply("[" * 60_000)]) as server:
        chain = narrative_chain(chat(server))
        assert chain.invoke(REPORT).source == "template"
        assert chain.invoke(REPORT).source == "template"
        assert len(server.prompt(3)) < 20_000


def test_a_style_reaches_the_prompt_and_brief_tells_the_strongest() -> None:
    many = report(*(row(f"D{n}", f"Trams need tunnel {n}.", f"Trams need no tunnel {n}.") for n in range(1, 9)))
    with ScriptedOpenAI([Reply(draft(AGREED))] * 2) as server:
        told = narrative_chain(chat(server), style=NarrativeStyle.parse("brief,formal")).invoke(many)
        assert "Tone: formal" in server.prompt(0, "system")
    assert len(told.sentences) == 5
    assert "3 further rows stand in the ledger." in told.text


def test_without_a_key_the_template_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = narrative_chain("openai:gpt-5-mini").invoke(REPORT)
    assert told.text == REPORT.narrative.text
    assert "the template words the ledger" in told.note
