"""What the examples share: the five agents of the town, and a chat model that needs no key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from jepa_langchain import JointIndex, Persona, load_persona

TOWN = Path(__file__).parent / "town"


def town() -> list[Persona]:
    """Five agents with different goals for one town, five statements each."""
    return [load_persona(path).persona for path in sorted(TOWN.glob("*.jsonl"))]


def town_index() -> JointIndex:
    """An index of what they said, kept as long as the program runs; give ``open`` a folder to keep it longer."""
    index = JointIndex.open()
    for persona in town():
        index.add_persona(persona)
    return index


class ScriptedModel(GenericFakeChatModel):
    """A chat model that says what a script says, and lets itself be given tools."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """The script knows which tools there are."""
        return self


def chat_model(script: Sequence[AIMessage]) -> BaseChatModel:
    """OpenAI where ``OPENAI_API_KEY`` is set, else the script."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain.chat_models import init_chat_model

        return init_chat_model(os.environ.get("EXAMPLE_MODEL", "openai:gpt-5-mini"))
    return ScriptedModel(messages=iter(script))


def calls(name: str, **arguments: Any) -> AIMessage:  # noqa: ANN401
    """A scripted message that calls a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}", "type": "tool_call"}])
