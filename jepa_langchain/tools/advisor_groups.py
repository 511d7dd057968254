"""What an advisor says of more than one peer: who fits a goal, who should work together, and how personas compare."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence

from jepa_langchain.errors import InputError
from jepa_langchain.groups import group_report
from jepa_langchain.narrative import write_narrative
from jepa_langchain.schema import AlignmentReport, Narrative
from jepa_langchain.tools.advisor import Advisor, found_statement
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.results import (
    CoalitionProposal,
    FoundStatement,
    PairComparison,
    PeerAffinity,
    PeerRanking,
    PersonaComparison,
    Style,
)

#: Statements nearest to a goal, for and against, that the pair stage reads.
GOAL_CANDIDATES = 100
#: Agents a proposal of coalitions takes: every two are compared.
MOST_AGENTS = 30


def find_peers(advisor: Advisor, caller: Caller, goal: str, k: int, min_alignment: float) -> PeerRanking:
    """Peers ranked by how what they said stands to a goal, the caller left out.

    A peer with much evidence goes before one with little and the same score: the order is that of
    (S_agree + 1/2) / (S_agree + S_disagree + 1).

    Raises:
        InputError: if the goal cannot be used or the model is uncalibrated.
    """
    roster = advisor.roster(caller)
    words, _ = roster.text_of(goal)
    said: dict[str, dict[str, FoundStatement]] = defaultdict(dict)
    where = {"persona": {"$exists": True}}
    others = [roster.own(caller)] if caller.persona else []
    for relation in ("agree", "disagree"):
        found = roster.index.search(
            words, relation, GOAL_CANDIDATES, where, others, min_probability=0.0, candidates=GOAL_CANDIDATES
        )
        for document in found:
            statement = found_statement(document)
            if statement.verdict == relation and statement.persona is not None:
                said[statement.persona][statement.id] = statement
    ranked = sorted((_affinity(name, list(found.values())) for name, found in said.items()), key=lambda peer: peer[0])
    kept = [peer for _, peer in ranked if peer.score >= min_alignment]
    undecided = tuple(name for name in roster.counts() if name not in said and name not in others)
    return PeerRanking(
        goal=words,
        min_alignment=min_alignment,
        peers=tuple(kept[:k]),
        below=len(ranked) - len(kept),
        undecided=undecided,
    )


def _affinity(name: str, said: Sequence[FoundStatement]) -> tuple[tuple[float, str], PeerAffinity]:
    sides = []
    for relation in ("agree", "disagree"):
        rows = [statement for statement in said if statement.verdict == relation]
        sides.append(sorted(rows, key=lambda statement: (-(statement.p or 0.0), statement.id)))
    agree, disagree = (sum(statement.p or 0.0 for statement in side) for side in sides)
    peer = PeerAffinity(
        persona=name,
        score=round(agree / (agree + disagree), 4),
        agreeing=len(sides[0]),
        disagreeing=len(sides[1]),
        supports=sides[0][0] if sides[0] else None,
        opposes=sides[1][0] if sides[1] else None,
    )
    return (-(agree + 0.5) / (agree + disagree + 1), name), peer


def propose_coalitions(
    advisor: Advisor, caller: Caller, goal: str | None, min_alignment: float, personas: Sequence[str] | None = None
) -> CoalitionProposal:
    """Who should work together: every two compared, all they said or what they said of a goal.

    Args:
        advisor: who answers.
        caller: whose index view counts.
        goal: what the comparison is narrowed to, as a topic is.
        min_alignment: the lowest score of any two in a coalition.
        personas: the agents; all of the index when None.

    Raises:
        InputError: if there are fewer than two agents, more than :data:`MOST_AGENTS`, or one is unknown.
    """
    roster = advisor.roster(caller)
    names = list(personas if personas is not None else roster.counts())
    if not 2 <= len(names) <= MOST_AGENTS:  # noqa: PLR2004
        raise InputError(f"{len(names)} personas here; coalitions are proposed among 2 to {MOST_AGENTS}")
    chosen = [roster.persona(name, goal).persona for name in names]
    group = group_report(
        [advisor.report(a, b) for a, b in itertools.combinations(chosen, 2)], min_alignment=min_alignment
    )
    taken = {name for coalition in group.coalitions for name in coalition.agents}
    return CoalitionProposal(
        goal=goal,
        min_alignment=min_alignment,
        group=group,
        alone=tuple(name for name in names if name not in taken),
    )


def compare_personas(
    advisor: Advisor, caller: Caller, personas: Sequence[str], style: Style, narrate: Narrator | None = None
) -> PersonaComparison:
    """Every two of some personas, told in a style.

    Args:
        advisor: who answers.
        caller: whose index view counts.
        personas: two or more, each once.
        style: how it is told.
        narrate: words a report in a style; the template when None.

    Raises:
        InputError: if a persona is unknown or named twice.
    """
    twice = sorted({name for name in personas if list(personas).count(name) > 1})
    if twice:
        raise InputError(f"persona {twice[0]!r} is named twice")
    roster = advisor.roster(caller)
    chosen = [roster.persona(name).persona for name in personas]
    reports = [advisor.report(a, b) for a, b in itertools.combinations(chosen, 2)]
    told = tuple(PairComparison(report=r, narrative=(narrate or tell)(r, style)) for r in reports)
    return PersonaComparison(personas=tuple(personas), style=style, comparisons=told)


#: Words a report in a style.
Narrator = Callable[[AlignmentReport, Style], Narrative]
#: Findings of each kind that a style tells; None for all.
TOLD: dict[Style, int | None] = {"brief": 2, "standard": 6, "detailed": None}


def tell(report: AlignmentReport, style: Style) -> Narrative:
    """The template's narrative of the strongest findings."""
    most = TOLD[style]
    names = (report.personas[0].id, report.personas[1].id)
    return write_narrative(names, report.agreements[:most], report.disagreements[:most], report.mixed)
