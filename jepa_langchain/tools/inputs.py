"""What a language model may pass to a tool: one pydantic schema a tool, each field described for it.

None has a field for who is asking. ``runtime`` is no argument of the model's: LangChain leaves injected fields out of
the schema that it shows, and fills this one with its ``ToolRuntime``.
"""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.tools import InjectedToolArg
from pydantic import BaseModel, ConfigDict, Field

from jepa_langchain.tools.results import SearchedRelation, Style

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ToolInput(BaseModel):
    """Base of the tools' arguments."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    #: LangGraph injects by this name; excluded, so that validation does not copy the run's whole state.
    runtime: Annotated[Any, InjectedToolArg] = Field(default=None, exclude=True, repr=False)


class CheckAlignmentInput(ToolInput):
    """Arguments of check_alignment."""

    peer: Name = Field(description="Id of the peer, as other tools name it.")
    topic: Words | None = Field(default=None, description="Only what both said about this; leave out for everything.")
    min_confidence: Share = Field(
        default=0.0, description="Findings below this probability do not count; raise it when a mistake is costly."
    )


class SearchStatementsInput(ToolInput):
    """Arguments of search_aligned_statements."""

    text: Words = Field(description="One claim in plain words, or the id of a statement.")
    relation: SearchedRelation = Field(description="agree or disagree with the text, or similar in subject.")
    k: int = Field(default=5, ge=1, le=50, description="How many at the most.")
    personas: list[Name] | None = Field(
        default=None, min_length=1, max_length=50, description="Only these; everybody but yourself when left out."
    )


class ComparePersonasInput(ToolInput):
    """Arguments of compare_personas."""

    personas: list[Name] = Field(min_length=2, max_length=5, description="Ids of two to five personas.")
    style: Style = Field(default="standard", description="brief, standard or detailed.")


class ExplainAlignmentInput(ToolInput):
    """Arguments of explain_alignment."""

    statement_a: Words = Field(description="Id of a statement (persona/statement), or a text.")
    statement_b: Words = Field(description="Id of the other statement, or a text.")


class RecordStatementInput(ToolInput):
    """Arguments of record_statement."""

    text: Words = Field(description="One claim of your own, in one sentence.")
    topic: Name | None = Field(default=None, description="What it is about, in a word or two.")


class FindPeersInput(ToolInput):
    """Arguments of find_peers."""

    goal: Words = Field(description="The goal as one claim, e.g. 'Cities should cap rents.'")
    k: int = Field(default=5, ge=1, le=50, description="How many peers at the most.")
    min_alignment: Share = Field(default=0.5, description="Lowest score of a peer; 1 is nothing but agreement.")


class ProposeCoalitionsInput(ToolInput):
    """Arguments of propose_coalitions."""

    goal: Words | None = Field(default=None, description="Only what everybody said about this; leave out for all.")
    min_alignment: Share = Field(default=0.5, description="Lowest score of any two in a coalition.")
