"""What is paid for is read: forms a server refuses, words around an answer, streams that grow too long."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda

from jepa_langchain.chains import (
    adjudication_chain,
    comparison_chain,
    group_narrative_chain,
    narrative_chain,
    statement_chain,
)
from jepa_langchain.chains.drafts import DraftReader, read_draft
from jepa_langchain.chains.telling import Telling
from jepa_langchain.errors import InputError
from jepa_langchain.schema import AbstainedPair, AlignmentReport, Cited, Energies, Probabilities
from tests.ledgers import report, row
from tests.unit_tests.conftest import make_model
from tests.unit_tests.test_chains import pair

REPORT = report(
    row("A1", "Parks need more trees.", "The parks should get more trees."),
    row("D1", "Trams make the old town quieter.", "Trams do not make the old town quieter."),
)
AGREED = {"area": "agreement", "title": "Trees", "text": "Both want more trees in the parks.", "rows": ["A1"]}


class RefusedError(Exception):
    status_code = 400


class Refusing(BaseChatModel):
    """A server that refuses to be asked for structured output."""

    refused: int = 0
    plain: int = 0

    @property
    def _llm_type(self) -> str:
        return "refusing"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self.plain += 1
        message = AIMessage('<think>{of it}</think>{"relation": "agree", "reason": "both say so"}')
        return ChatResult(generations=[ChatGeneration(message=message)])

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        def refuse(_: object) -> None:
            self.refused += 1
            raise RefusedError

        return RunnableLambda(refuse)


def undecided(number: int) -> AlignmentReport:
    open_pairs = tuple(
        AbstainedPair(
            id=f"U{n}",
            a=Cited(id=f"a{n}", text="Left is fine."),
            b=Cited(id=f"b{n}", text="Right is fine."),
            probabilities=Probabilities(agree=0.4, disagree=0.35, unrelated=0.25),
            energies=Energies(agree=0.4, disagree=0.4),
            margin=0.0,
        )
        for n in range(1, number + 1)
    )
    return REPORT.model_copy(update={"abstained": open_pairs})


def test_a_server_that_refuses_the_form_decides_in_words_and_is_asked_for_the_form_once() -> None:
    model = Refusing()
    done = adjudication_chain(model, budget=4).invoke(undecided(3))
    assert [p.relation for p in done.pairs] == ["agree", "agree"]
    assert (model.refused, model.plain, done.usage.calls) == (1, 4, 5)
    assert done.note == "1 pairs were not asked about: the budget is 4 calls"


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="budget: -1 calls"):
        adjudication_chain(Refusing(), budget=-1)
    with pytest.raises(InputError, match="most_pairs: -1"):
        group_narrative_chain(most_pairs=-1)


@pytest.mark.parametrize("chain", [narrative_chain, statement_chain])
def test_a_repair_that_cannot_be_used_is_told_before_anything_is_paid(chain: Any, tmp_path: Path) -> None:
    (tmp_path / "repair.txt").write_text("nonsense")
    with pytest.raises(InputError, match="needs a header"):
        chain(FakeListChatModel(responses=["prose"]), prompts=tmp_path)


class Calling(Refusing):
    """Answers by a tool call, with words before it and an item that is none."""

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        call = {"name": "Draft", "args": {"items": [AGREED, {"area": "agreement"}]}, "id": "1"}
        message = AIMessage("Here is the draft.", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return BaseChatModel.with_structured_output(self, schema, **kwargs)


def test_a_tool_call_is_read_whatever_stands_before_it() -> None:
    told = narrative_chain(Calling()).invoke(REPORT)
    assert (told.sentences[0].text, told.note, told.usage.calls) == (AGREED["text"], "", 1)


def test_areas_are_read_in_any_case_and_number_and_others_count_as_thrown_out() -> None:
    items = [{**AGREED, "area": "Agreements"}, {"area": "dispute", "title": "x", "text": "y", "rows": ["D1"]}]
    told = narrative_chain(FakeListChatModel(responses=[json.dumps({"items": items})])).invoke(REPORT)
    assert [s.source for s in told.sentences] == ["llm", "template"]
    assert (told.rejected, told.sentences[1].status) == (1, "rejected")


@pytest.mark.parametrize("end", ["</think>", "</thinking>\n", ""])
def test_thoughts_before_an_answer_are_passed_over(end: str) -> None:
    said = "<think>" + "the row says so. " * 900 + end + json.dumps({"items": [AGREED]})
    assert [s.title for s in read_draft(said, rows=2)] == ["Trees"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_draft_is_read_in_pieces_of_any_size(size: int) -> None:
    whole = json.dumps({"items": [{**AGREED, "rows": [f"A{n}"]} for n in range(200)]})
    reader = DraftReader()
    pieces = (whole[start : start + size] for start in range(0, len(whole), size))
    assert sum(len(reader.feed(piece)) for piece in pieces) == 200


class Endless(Refusing):
    """Streams without an end."""

    drawn: int = 0
    closed: bool = False

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        try:
            while self.drawn < 20_000:
                self.drawn += 1
                yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
        finally:
            self.closed = True

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        # One of its own, as providers have: langchain-core's leaves closing the other to the garbage collector.
        try:
            for chunk in self._stream(messages):
                yield chunk
        finally:
            self.closed = True


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_stream_that_grows_too_long_is_closed(way: str) -> None:
    model = Endless()
    chain = narrative_chain(model)
    told = list(chain.stream(REPORT)) if way == "sync" else [part async for part in chain.astream(REPORT)]
    assert (told[-1].source, model.drawn, model.closed) == ("template", 1_401, True)
    assert "cut off" in told[-1].note


async def test_the_predictor_stays_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    model, hear = make_model(), Telling.hear
    compare = model.compare

    def compared(*personas: Any) -> AlignmentReport:
        threads.append(threading.get_ident())
        return compare(*personas)

    def heard(telling: Telling, sentences: Any) -> int:
        threads.append(threading.get_ident())
        return hear(telling, sentences)

    monkeypatch.setattr(model, "compare", compared)
    monkeypatch.setattr(Telling, "hear", heard)
    item = {"area": "disagreement", "title": "Sugar", "text": "x", "rows": ["D1"]}
    chain = comparison_chain(model, FakeListChatModel(responses=[json.dumps({"items": [item]})]))
    await chain.ainvoke(pair())
    assert [part async for part in chain.astream(pair())]
    assert len(threads) == 4
    assert threading.get_ident() not in threads
