"""What the chains yield while a real HTTP server streams: checked parts as they pass, sync and async."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import pytest
from langchain_core.runnables import Runnable

from jepa_langchain.chains import adjudication_chain, comparison_chain, statement_chain
from jepa_langchain.schema import Persona, Statement
from tests.integration_tests.test_chains_over_http import answer, undecided
from tests.scripted_openai import Reply, ScriptedOpenAI, chat
from tests.unit_tests.conftest import make_model

TRANSCRIPT = "Ann: Rents need caps, I think.\nBob: Caps backfire badly. Build more homes."
Out = TypeVar("Out")
ways = pytest.mark.parametrize("way", ["sync", "async"])


async def streamed(way: str, chain: Runnable[Any, Out], given: object) -> list[Out]:
    """Everything that a chain yields."""
    if way == "sync":
        return list(chain.stream(given))
    return [part async for part in chain.astream(given)]


def spans(*found: tuple[int, str]) -> str:
    return json.dumps({"statements": [{"turn": turn, "text": text} for turn, text in found]})


@ways
async def test_statements_come_one_by_one_and_only_verbatim_ones(way: str) -> None:
    found = spans((1, "Rents need caps"), (2, "Bob loves caps"), (2, "Caps backfire badly."), (2, "Build more homes."))
    with ScriptedOpenAI([Reply(found)]) as server:
        parts = await streamed(way, statement_chain(chat(server)), TRANSCRIPT)
        assert server.requests[0]["stream"] is True
    assert [len(part.statements) for part in parts] == [1, 2, 3, 3]
    assert parts[-1].rejected == 1
    assert (parts[-1].usage.calls, parts[-1].note) == (1, "")


@ways
@pytest.mark.parametrize(
    ("reply", "statements", "note"),
    [
        (Reply(status=500), 3, "every sentence counts"),
        (Reply("I found nothing, sorry."), 3, "could not be read; every sentence counts"),
        (
            Reply(spans((1, "Rents need caps"), (2, "Caps backfire badly.")), cut=900),
            1,
            "what it found before that counts",
        ),
    ],
)
async def test_a_broken_stream_of_statements_says_so(way: str, reply: Reply, statements: int, note: str) -> None:
    with ScriptedOpenAI([reply]) as server:
        parts = await streamed(way, statement_chain(chat(server)), TRANSCRIPT)
    assert len(parts[-1].statements) == statements
    assert note in parts[-1].note


@ways
async def test_decisions_come_one_by_one(way: str) -> None:
    replies = [answer(r) for r in ("agree", "agree", "agree", "disagree", "disagree", "disagree", "agree", "agree")]
    with ScriptedOpenAI(replies) as server:
        parts = await streamed(way, adjudication_chain(chat(server)), undecided(4))
    assert [[pair.relation for pair in part.pairs] for part in parts] == [
        ["agree"],
        ["agree", None, "disagree"],
        ["agree", None, "disagree", "agree"],
    ]
    assert [len(part.report.abstained) for part in parts] == [3, 2, 1]
    assert parts[-1].usage.calls == 8


@ways
async def test_a_comparison_is_there_before_its_words(way: str) -> None:
    a = Persona(id="Ann", statements=(Statement(id="a1", text="tax sugar now"),))
    b = Persona(id="Bob", statements=(Statement(id="b1", text="do not tax sugar now"),))
    text = "Ann would tax sugar now, while Bob would not tax sugar now."
    lie = {"area": "disagreement", "title": "Tax on sugar", "text": "Both would tax sugar now.", "rows": ["D1"]}
    with ScriptedOpenAI([Reply(json.dumps({"items": [lie, {**lie, "text": text}]}))]) as server:
        chain = comparison_chain(make_model(), chat(server))
        parts = await streamed(way, chain, {"a": a, "b": b})
    assert [part.narrative.source for part in parts] == ["template", "llm", "llm"]
    assert parts[-1].narrative.sentences[0].text == text
    assert parts[-1].narrative.rejected == 1
    assert len({part.model_copy(update={"narrative": parts[0].narrative}).model_dump_json() for part in parts}) == 1
    assert len(await streamed(way, comparison_chain(make_model()), {"a": a, "b": b})) == 1
