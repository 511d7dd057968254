"""An index for the tests of tools: three agents who talk about the same things, with a model of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.toolkit import AlignmentToolkit
from tests.unit_tests.conftest import make_model

ANN = Caller("ann")
#: Example arguments of every tool.
EXAMPLES: dict[str, dict[str, Any]] = {
    "check_alignment": {"peer": "bob"},
    "search_aligned_statements": {"text": "rents help towns", "relation": "disagree", "k": 2},
    "find_peers": {"goal": "rents help towns"},
    "explain_alignment": {"statement_a": "ann/s0", "statement_b": "bob/s0"},
    "compare_personas": {"personas": ["ann", "bob"], "style": "brief"},
    "propose_coalitions": {"min_alignment": 0.5},
    "record_statement": {"text": "bees help towns", "topic": "bees"},
}


def persona(name: str, *texts: str) -> Persona:
    return Persona(id=name, statements=tuple(Statement(id=f"s{i}", text=text) for i, text in enumerate(texts)))


def fill(index: JointIndex) -> JointIndex:
    """Ann and cleo say nearly the same in other words, bob denies it."""
    index.add_persona(persona("ann", "rents help towns", "trains help cities"))
    index.add_persona(persona("bob", "rents not help towns", "trains not help cities"))
    index.add_persona(persona("cleo", "rents help towns indeed", "trains help cities indeed"))
    return index


def make_index(folder: Path | None = None) -> JointIndex:
    return fill(JointIndex.open(folder, model=make_model()))


def make_toolkit(index: JointIndex | None = None, caller: Caller = ANN) -> AlignmentToolkit:
    return AlignmentToolkit(index=index or make_index(), caller=caller)


def tools_of(toolkit: AlignmentToolkit) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in toolkit.get_tools()}


def call(toolkit: AlignmentToolkit, name: str, config: dict[str, Any] | None = None, **args: Any) -> ToolMessage:
    tool_call = {"name": name, "args": args, "id": "1", "type": "tool_call"}
    message = tools_of(toolkit)[name].invoke(tool_call, config)  # type: ignore[arg-type]
    assert isinstance(message, ToolMessage)
    return message
