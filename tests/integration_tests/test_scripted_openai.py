"""The scripted server is what ChatOpenAI takes for the real one."""

from __future__ import annotations

import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.scripted_openai import Reply, ScriptedOpenAI, chat


@tool
def lookup(q: str) -> str:
    """Look something up."""
    return q


class City(BaseModel):
    """A city."""

    name: str


def test_it_answers_streams_and_calls_tools() -> None:
    words = "a sentence of more than twenty-four characters"
    call = ("lookup", {"q": "x" * 60})
    script = [Reply(words), Reply(words), Reply(calls=[call]), Reply(calls=[call]), Reply('{"name": "Oslo"}')]
    with ScriptedOpenAI(script) as server:
        llm = chat(server)
        assert llm.invoke("hi").text == words
        pieces = [chunk.text for chunk in llm.stream("hi")]
        assert "".join(pieces) == words
        assert len(pieces) > 2
        bound = llm.bind_tools([lookup])
        answer = bound.invoke("hi")
        assert [(c["name"], c["args"]) for c in getattr(answer, "tool_calls")] == [call]  # noqa: B009
        chunks = [c for c in bound.stream("hi") if isinstance(c, AIMessageChunk)]
        assert add_ai_message_chunks(chunks[0], *chunks[1:]).tool_calls[0]["args"] == call[1]
        assert llm.with_structured_output(City, method="json_schema").invoke("hi") == City(name="Oslo")
        assert server.requests[4]["response_format"]["type"] == "json_schema"
        assert server.prompt(0, "user") == "hi"


def test_it_fails_as_told() -> None:
    with ScriptedOpenAI([Reply(status=429), Reply("hello there", cut=20)]) as server:
        llm = chat(server)
        with pytest.raises(openai.RateLimitError):
            llm.invoke("hi")
        with pytest.raises(Exception, match=r"(?i)connection|peer|incomplete"):
            llm.invoke("hi")
        with pytest.raises(openai.InternalServerError):
            llm.invoke("hi")
