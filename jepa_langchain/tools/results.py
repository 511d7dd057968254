"""What the tools answer with, as frozen pydantic models: a tool's artifact, and MCP's structured output.

Plain data. Statements are named by the id that the index stores them under (``persona/statement``), so that an agent
can pass an id on instead of a text.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from jepa_langchain.group_schema import GroupReport
from jepa_langchain.schema import AlignmentReport, Frozen, Narrative, Probability, Relation, Verdict, WordWeight

#: How a narrative is told.
Style = Literal["brief", "standard", "detailed"]
SearchedRelation = Literal["agree", "disagree", "similar"]


class Quote(Frozen):
    """A statement, or the clause of it that counted; ``id`` is None for words that are in no index."""

    id: str | None
    text: str


class Evidence(Frozen):
    """A decided pair of statements: ``mine`` is the caller's side (or the first persona's), ``theirs`` the other's.

    ``id`` is that of the report's row: A1, A2, … agree, D1, D2, … disagree. ``near_verbatim``: one side repeats the
    other's words, which is no evidence that it means them.
    """

    id: str
    relation: Relation
    p: Probability | None
    margin: float
    mine: Quote
    theirs: Quote
    near_verbatim: bool = False


class AlignmentCheck(Frozen):
    """Whether to cooperate with a peer.

    Attributes:
        caller: who asked.
        peer: about whom.
        topic: what the comparison was narrowed to.
        topic_by: how each side's statements were chosen for it, the caller's first: "label", "nearest" or "all".
        verdict: of the whole comparison; see :class:`AlignmentReport` for it and ``score``.
        score: 0 to 1.
        advice: the verdict of the rows that count: as probable as was asked, and no mere repetition of the other's
            words.
        advice_score: their score.
        rows: the strongest rows, agreements and disagreements alike; repetitions of the other's words come last.
        agreements: how many rows agree.
        disagreements: how many disagree.
        mixed: how many pairs share a premise and contest a conclusion.
        near_verbatim: how many agreements repeat the other side's words.
        statements: how many statements of each side were compared.
        warnings: what a reader should know.
    """

    caller: str
    peer: str
    topic: str | None
    topic_by: tuple[str, str]
    verdict: Verdict
    score: Probability
    advice: Verdict
    advice_score: Probability
    rows: tuple[Evidence, ...]
    agreements: int
    disagreements: int
    mixed: int
    near_verbatim: int
    statements: tuple[int, int]
    warnings: tuple[str, ...] = ()


class FoundStatement(Frozen):
    """A statement that a search found; ``p`` is the probability of the relation asked, None where there is none."""

    id: str
    persona: str | None
    text: str
    p: Probability | None
    verdict: Relation | None
    similarity: float


class StatementMatches(Frozen):
    """Statements that stand in a relation to a text, best first."""

    text: str
    relation: SearchedRelation
    matches: tuple[FoundStatement, ...]


class PairComparison(Frozen):
    """Two personas: the report, and the narrative that was asked for."""

    report: AlignmentReport
    narrative: Narrative


class PersonaComparison(Frozen):
    """Every two of some personas."""

    personas: tuple[str, ...]
    style: Style
    comparisons: tuple[PairComparison, ...]


class PairExplanation(Frozen):
    """How two statements stand to each other, and which words carry it.

    ``words_a`` and ``words_b`` are the words with the largest share of the linear stage's ``linear_margin`` (positive:
    towards agreement), in reading order; ``completeness_error`` is how far all shares are from adding up to it. They
    are empty, and those two None, for an encoder that shows no tokens.
    """

    a: Quote
    b: Quote
    relation: Relation | None
    agree: Probability | None
    disagree: Probability | None
    margin: float
    decided_by: Literal["linear", "pair"]
    words_a: tuple[WordWeight, ...]
    words_b: tuple[WordWeight, ...]
    linear_margin: float | None
    completeness_error: float | None


class RecordedStatement(Frozen):
    """A statement of the caller's own that is in the index now; ``new`` is False if it was there before."""

    id: str
    persona: str
    topic: str | None
    new: bool


class PeerAffinity(Frozen):
    """How a peer stands to a goal.

    ``score`` = S_agree / (S_agree + S_disagree), S being the sum of the probabilities of its statements that were
    decided to agree (disagree) with the goal. ``supports`` and ``opposes`` are the strongest of them.
    """

    persona: str
    score: Probability
    agreeing: int
    disagreeing: int
    supports: FoundStatement | None
    opposes: FoundStatement | None


class PeerRanking(Frozen):
    """Peers for a goal, the best first; ``undecided`` are those of whom nothing was decided."""

    goal: str
    min_alignment: Probability
    peers: tuple[PeerAffinity, ...]
    below: int = Field(description="Peers who were decided but stand below min_alignment.")
    undecided: tuple[str, ...]


class CoalitionProposal(Frozen):
    """Who should work together: the group's report, and whom no coalition takes."""

    goal: str | None
    min_alignment: Probability
    group: GroupReport
    alone: tuple[str, ...]


ToolResult = (
    AlignmentCheck
    | StatementMatches
    | PersonaComparison
    | PairExplanation
    | RecordedStatement
    | PeerRanking
    | CoalitionProposal
)
