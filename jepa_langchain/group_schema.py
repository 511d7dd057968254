"""The words for several agents: pairs, communities, blocking pairs, coalitions and the report of a whole group.

Plain data, as :mod:`jepa_langchain.schema`; ``model_dump(mode="json")`` of a :class:`GroupReport` is the document that
``jepa-langchain matrix --json`` prints.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from jepa_langchain.schema import (
    AlignmentReport,
    Frozen,
    LedgerRow,
    MixedPair,
    ModelCard,
    Narrative,
    PersonaSummary,
    Probability,
    Usage,
    Verdict,
)


class AgentPair(Frozen):
    """One cell of the agent x agent matrix, with the rows behind it; see :class:`AlignmentReport` for the score."""

    a: str
    b: str
    score: Probability
    verdict: Verdict
    agreements: tuple[LedgerRow, ...]
    disagreements: tuple[LedgerRow, ...]
    mixed: tuple[MixedPair, ...]

    @classmethod
    def of(cls, report: AlignmentReport) -> Self:
        """The cell that a comparison makes."""
        return cls(
            a=report.personas[0].id,
            b=report.personas[1].id,
            score=report.score,
            verdict=report.verdict,
            agreements=report.agreements,
            disagreements=report.disagreements,
            mixed=report.mixed,
        )


class BlockingPair(Frozen):
    """Two agents who disagree more than they agree, though aligned pairs connect them.

    ``through`` are the agents on a shortest aligned path between them; ``row`` is their strongest disagreement.
    """

    a: str
    b: str
    score: Probability
    through: tuple[str, ...]
    row: LedgerRow | None


class Coalition(Frozen):
    """Agents of whom every two align; ``weakest`` and ``mean`` are scores over their pairs."""

    agents: tuple[str, ...] = Field(min_length=2)
    weakest: Probability
    mean: Probability


class PairNarrative(Frozen):
    """The summary of two agents of a group."""

    a: str
    b: str
    narrative: Narrative


class GroupNarrative(Frozen):
    """The summary of a group: who stands with whom, in code's words, then the pairs that matter most.

    Attributes:
        text: all of it.
        overview: communities, coalitions and blocking pairs; never a language model's words.
        pairs: the pairs that are told, blocking ones first.
        left_out: how many pairs are not.
        source: "llm" if a language model worded at least one sentence of a pair.
        rejected: how many of its sentences were thrown out.
        usage: the sum over the pairs.
        note: what the pairs' narratives note, each line once.
    """

    text: str
    overview: tuple[str, ...]
    pairs: tuple[PairNarrative, ...] = ()
    left_out: int = 0
    source: Literal["template", "llm"] = "template"
    rejected: int = 0
    usage: Usage = Usage()
    note: str = ""


class GroupReport(Frozen):
    """Every two of several agents compared; see :mod:`jepa_langchain.groups` for how the parts are found.

    ``narrative`` is None until one is asked for.
    """

    agents: tuple[PersonaSummary, ...]
    pairs: tuple[AgentPair, ...]
    communities: tuple[tuple[str, ...], ...]
    blocking: tuple[BlockingPair, ...]
    coalitions: tuple[Coalition, ...] = ()
    warnings: tuple[str, ...] = ()
    narrative: GroupNarrative | None = None
    model: ModelCard

    def pair(self, one: str, other: str) -> AgentPair:
        """The cell of two agents, in either order.

        Raises:
            KeyError: if there is no such pair.
        """
        for cell in self.pairs:
            if {cell.a, cell.b} == {one, other}:
                return cell
        raise KeyError(f"{one!r} and {other!r}: no such pair in the group")
