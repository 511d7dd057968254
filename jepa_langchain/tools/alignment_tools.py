"""The tools of an agent: LangChain ``BaseTool`` classes over an :class:`Advisor`, one a question.

Each answers with a short text for the model and the full pydantic result as the artifact. Every failure is a
``ToolException``, which the tool turns into its answer, so that the agent's run goes on. Who is asking comes from the
runtime (see :mod:`jepa_langchain.tools.callers`). The async side runs in LangChain's executor and blocks no event loop.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Annotated, Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, ToolException
from langchain_core.tools.base import ArgsSchema
from pydantic import Field, SkipValidation, ValidationError

from jepa_langchain.errors import JepaLangchainError
from jepa_langchain.tools.advisor import Advisor
from jepa_langchain.tools.advisor_groups import Narrator, compare_personas, find_peers, propose_coalitions
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.inputs import (
    CheckAlignmentInput,
    ComparePersonasInput,
    ExplainAlignmentInput,
    FindPeersInput,
    ProposeCoalitionsInput,
    RecordStatementInput,
    SearchStatementsInput,
)
from jepa_langchain.tools.results import (
    AlignmentCheck,
    CoalitionProposal,
    PairExplanation,
    PeerRanking,
    PersonaComparison,
    RecordedStatement,
    StatementMatches,
    ToolResult,
)
from jepa_langchain.tools.texts import error_text, model_text

_log = logging.getLogger(__name__)


def bad_arguments(error: ValidationError) -> str:
    """What a model is told of arguments that do not fit the schema: the fields, never the values."""
    faults = (f"{'.'.join(str(part) for part in e['loc']) or 'arguments'}: {e['msg']}" for e in error.errors())
    return f"Invalid arguments, nothing was done. {'; '.join(faults)}"


class AlignmentTool(BaseTool):
    """Base of the tools.

    Args:
        advisor: who answers.
        caller: on whose behalf, where the runtime names nobody.
    """

    advisor: Annotated[Advisor, SkipValidation()] = Field(exclude=True, repr=False)
    caller: Caller = Caller()
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = bad_arguments

    @abstractmethod
    def answer(self, caller: Caller, **arguments: Any) -> ToolResult:  # noqa: ANN401
        """The tool's answer to validated arguments."""

    def _run(
        self,
        *,
        config: RunnableConfig,
        runtime: Annotated[Any, InjectedToolArg] = None,  # noqa: ANN401
        **arguments: Any,  # noqa: ANN401
    ) -> tuple[str, ToolResult]:
        try:
            result = self.answer(Caller.of(runtime, config, self.caller), **arguments)
            return model_text(result), result
        except JepaLangchainError as error:
            raise ToolException(error_text(error)) from error
        except Exception as error:
            # An agent's run outlives any failure of a tool; the error's own words may hold a statement.
            _log.error("%s failed unexpectedly: %s", self.name, type(error).__name__)
            raise ToolException(f"the tool failed unexpectedly ({type(error).__name__}); go on without it") from error


class CheckAlignment(AlignmentTool):
    """Whether to cooperate with a peer."""

    name: str = "check_alignment"
    description: str = (
        "Before you cooperate with, rely on or concede to a peer: do you two agree? Compares everything you have said "
        "with everything the peer has said, or what both said on a topic. Gives a verdict, a score from 0 to 1, the "
        "strongest agreements and disagreements with ids, and advice: aligned, mixed, misaligned or insufficient."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = CheckAlignmentInput

    def answer(self, caller: Caller, **arguments: Any) -> AlignmentCheck:  # noqa: ANN401
        """See :meth:`Advisor.check_alignment`."""
        return self.advisor.check_alignment(caller, **arguments)


class SearchAlignedStatements(AlignmentTool):
    """Who said what for or against a claim."""

    name: str = "search_aligned_statements"
    description: str = (
        "Find statements of others that agree with, disagree with, or are similar to one claim. Use it to learn who "
        "would support or contest something before you say it. Unlike keyword or similarity search it tells agreement "
        "from disagreement. Gives statements with their ids, speakers and probabilities."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = SearchStatementsInput

    def answer(self, caller: Caller, **arguments: Any) -> StatementMatches:  # noqa: ANN401
        """See :meth:`Advisor.search`."""
        return self.advisor.search(caller, **arguments)


class ComparePersonas(AlignmentTool):
    """How two to five personas compare."""

    name: str = "compare_personas"
    description: str = (
        "Compare two to five agents, yourself or others, and get a readable account of where each two agree and where "
        "not. Every sentence cites the findings it rests on. Use it to report on others; use check_alignment to decide "
        "whether you should cooperate."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = ComparePersonasInput
    narrator: Narrator | None = Field(default=None, exclude=True, repr=False)

    def answer(self, caller: Caller, **arguments: Any) -> PersonaComparison:  # noqa: ANN401
        """See :func:`compare_personas`."""
        return compare_personas(self.advisor, caller, narrate=self.narrator, **arguments)


class ExplainAlignment(AlignmentTool):
    """Why two statements agree or not."""

    name: str = "explain_alignment"
    description: str = (
        "Why do two statements agree or disagree? Gives their relation with probabilities and the words on each side "
        "that carry it. Pass the ids that other tools print, or texts."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = ExplainAlignmentInput

    def answer(self, caller: Caller, **arguments: Any) -> PairExplanation:  # noqa: ANN401
        """See :meth:`Advisor.explain`."""
        return self.advisor.explain(caller, **arguments)


class RecordStatement(AlignmentTool):
    """Put the caller's own words on record."""

    name: str = "record_statement"
    description: str = (
        "Put one claim of your own on record, so that you can be compared and found by it. Record what you hold or "
        "commit to, one claim a call; never record what a peer said. The only tool that changes anything."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = RecordStatementInput

    def answer(self, caller: Caller, **arguments: Any) -> RecordedStatement:  # noqa: ANN401
        """See :meth:`Advisor.record`."""
        return self.advisor.record(caller, **arguments)


class FindPeers(AlignmentTool):
    """Who would work towards a goal."""

    name: str = "find_peers"
    description: str = (
        "Who would support a goal? Ranks all other agents by how what they have said stands to the goal, with the "
        "strongest statement for and against. Use it when you look for partners and have nobody in mind yet."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = FindPeersInput

    def answer(self, caller: Caller, **arguments: Any) -> PeerRanking:  # noqa: ANN401
        """See :func:`find_peers`."""
        return find_peers(self.advisor, caller, **arguments)


class ProposeCoalitions(AlignmentTool):
    """Who should work together."""

    name: str = "propose_coalitions"
    description: str = (
        "Which agents should work together? Compares every two of all agents, on everything or on a goal, and gives "
        "the coalitions in which every two align, who blocks a larger one and why, and who stands alone. The most "
        "expensive tool: use it for a whole group, check_alignment for one peer."
    )
    args_schema: Annotated[ArgsSchema | None, SkipValidation()] = ProposeCoalitionsInput

    def answer(self, caller: Caller, **arguments: Any) -> CoalitionProposal:  # noqa: ANN401
        """See :func:`propose_coalitions`."""
        return propose_coalitions(self.advisor, caller, **arguments)


#: All tools, in the order a model should read them.
TOOLS: tuple[type[AlignmentTool], ...] = (
    CheckAlignment,
    SearchAlignedStatements,
    FindPeers,
    ExplainAlignment,
    ComparePersonas,
    ProposeCoalitions,
    RecordStatement,
)
