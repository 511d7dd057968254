"""A LangGraph for many agents: every two compared at once, disputed rows negotiated, then coalitions proposed.

    start -> compare (one task a pair) -> gather -> negotiate (one task a disputed pair) -> gather ... -> propose

Only rows of disagreement are negotiated, at most ``max_rounds`` times. A side may put a statement of its own in a
disputed row otherwise; the model then judges that row again. The index is left as it is. All state is plain data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig

from jepa_langchain.errors import InputError
from jepa_langchain.group_schema import AgentPair
from jepa_langchain.groups import blocking_pairs, coalitions, signed_graph
from jepa_langchain.schema import Relation, Verdict
from jepa_langchain.statements import clean_text
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.ledger_advice import advise, evidence, near_verbatim
from jepa_langchain.tools.results import Evidence
from jepa_langchain.tools.roster import IncomparableError

try:
    from langgraph.channels import EphemeralValue
    from langgraph.graph import END, START, StateGraph
    from langgraph.runtime import Runtime
    from langgraph.types import Send
except ImportError:
    raise InputError("graphs need LangGraph: pip install 'jepa-langchain[langchain]'") from None

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

    from jepa_langchain.tools.advisor import Advisor
    from jepa_langchain.tools.roster import Roster
    from jepa_langchain.tools.toolkit import AlignmentToolkit

Cell = dict[str, Any]
#: Puts disputed statements otherwise. It is given ``{"a", "b", "round", "rows"}``, rows of disagreement as plain
#: :class:`Evidence`, and answers with new texts by the ids of statements in those rows; what it leaves out stands.
Negotiator = Callable[[dict[str, Any]], Mapping[str, str]]
_UNSETTLED = (Verdict.MIXED.value, Verdict.MISALIGNED.value)


def merge_cells(old: list[Cell], new: list[Cell] | None) -> list[Cell]:
    """Cells by their pair of agents; a newer one replaces its elder, and None all of them."""
    if new is None:
        return []
    by_pair = {(cell["a"], cell["b"]): cell for cell in [*old, *new]}
    return [by_pair[pair] for pair in sorted(by_pair)]


class CoalitionState(TypedDict, total=False):
    """``agents`` and ``goal`` go in; ``proposal`` comes out, with the ``cells`` that it rests on.

    Both count for one run and are not kept: a later run on the same thread that names none compares all, on everything.
    A cell is ``{"a", "b", "verdict", "score", "rows", "revised", "stuck", "note"}``: the advice to the pair, its rows,
    the statements that were put otherwise by their ids, whether the last negotiation changed nothing, and why nothing
    could be compared (empty otherwise). ``agents`` left out are all of the index; ``compared`` are those of them who
    have said something, ``silent`` the others.
    """

    agents: Annotated[list[str], EphemeralValue]
    goal: Annotated[str | None, EphemeralValue]
    compared: list[str]
    silent: list[str]
    cells: Annotated[list[Cell], merge_cells]
    round: int
    proposal: dict[str, Any]


def coalition_graph(
    toolkit: AlignmentToolkit,
    *,
    negotiator: Negotiator | None = None,
    max_rounds: int = 2,
    min_alignment: float = 0.5,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph.

    Args:
        toolkit: who compares.
        negotiator: see :data:`Negotiator`; nothing is negotiated when None.
        max_rounds: rounds of negotiation at most.
        min_alignment: the lowest score of any two in a coalition.
        checkpointer: keeps the run; None keeps nothing.

    Example:
        >>> coalition_graph(toolkit).invoke({"agents": ["ann", "bob", "cleo"]})["proposal"]  # doctest: +SKIP
    """
    advisor, default = toolkit.advisor, toolkit.caller

    def start(state: CoalitionState, config: RunnableConfig, runtime: Runtime[Any]) -> dict[str, Any]:
        known = advisor.roster(Caller.of(runtime, config, default)).counts()
        asked = state.get("agents") or list(known)
        compared = [name for name in dict.fromkeys(asked) if name in known]
        silent = [name for name in dict.fromkeys(asked) if name not in known]
        # Cells of an earlier run on this thread are of other agents, or of another goal.
        return {"compared": compared, "silent": silent, "cells": None, "round": 0}

    def compare(task: Cell, config: RunnableConfig, runtime: Runtime[Any]) -> dict[str, Any]:
        roster = advisor.roster(Caller.of(runtime, config, default))
        return {"cells": [_compared(advisor, roster, task)]}

    def negotiate(task: dict[str, Any]) -> dict[str, Any]:
        return {"cells": [_negotiated(advisor, task["cell"], task["round"], negotiator)]}

    def gather(state: CoalitionState) -> dict[str, Any]:
        return {"round": state["round"] + 1}

    def disputes(state: CoalitionState) -> list[Send] | str:
        # The first gathering follows the comparison, so this is also how many rounds have begun.
        if negotiator is None or state["round"] > max_rounds:
            return "propose"
        tasks = [
            Send("negotiate", {"cell": cell, "round": state["round"]})
            for cell in state.get("cells", [])
            if cell["verdict"] in _UNSETTLED and not cell["stuck"]
        ]
        return tasks or "propose"

    def pairs(state: CoalitionState) -> list[Send] | str:
        couples = itertools.combinations(state["compared"], 2)
        return [Send("compare", {"a": a, "b": b, "goal": state.get("goal")}) for a, b in couples] or "propose"

    def propose(state: CoalitionState) -> dict[str, Any]:
        return {"proposal": _proposal(state, min_alignment)}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(CoalitionState)
    nodes: dict[str, Any] = {"start": start, "compare": compare, "gather": gather, "negotiate": negotiate}
    for name, node in (nodes | {"propose": propose}).items():
        builder.add_node(name, node)
    builder.add_edge(START, "start")
    builder.add_conditional_edges("start", pairs, ["compare", "propose"])
    builder.add_edge("compare", "gather")
    builder.add_conditional_edges("gather", disputes, ["negotiate", "propose"])
    builder.add_edge("negotiate", "gather")
    builder.add_edge("propose", END)
    return builder.compile(checkpointer=checkpointer, name="coalition_graph")


def _cell(
    a: str, b: str, rows: tuple[Evidence, ...], revised: Mapping[str, str], *, stuck: bool, note: str = ""
) -> Cell:
    verdict, score = advise(rows)
    return {
        "a": a,
        "b": b,
        "verdict": verdict.value,
        "score": score,
        "rows": [row.model_dump(mode="json") for row in rows],
        "revised": dict(revised),
        "stuck": stuck,
        "note": note,
    }


def _compared(advisor: Advisor, roster: Roster, task: Cell) -> Cell:
    rows, note = tuple[Evidence, ...](), ""
    try:
        a, b = (roster.persona(task[side], task["goal"]).persona for side in ("a", "b"))
        rows = evidence(advisor.ledger(a, b), a, b)
    except IncomparableError as error:
        # One agent that said too much to be compared ends no run of the others.
        note = str(error)
    return _cell(task["a"], task["b"], rows, {}, stuck=False, note=note)


def _negotiated(advisor: Advisor, cell: Cell, round_: int, negotiator: Negotiator | None) -> Cell:
    """A cell after one round: its disputed rows judged again where a side put its statement otherwise."""
    rows = [Evidence.model_validate(row) for row in cell["rows"]]
    disputed = [row for row in rows if row.relation is Relation.DISAGREE]
    task = {"a": cell["a"], "b": cell["b"], "round": round_, "rows": [row.model_dump(mode="json") for row in disputed]}
    # What is offered for anything but a disputed statement, or is no statement, is passed over.
    open_ids = {quote.id for row in disputed for quote in (row.mine, row.theirs)}
    offered = negotiator(task) if negotiator else {}
    new = {i: text for i, raw in offered.items() if i in open_ids and (text := _usable(raw)) is not None}
    after = [judged for row in rows if (judged := _judged(advisor, row, new)) is not None]
    revised = {**cell["revised"], **new}
    return _cell(cell["a"], cell["b"], tuple(after), revised, stuck=after == rows)


def _usable(raw: object) -> str | None:
    try:
        return clean_text(raw, where="revised statement").text if isinstance(raw, str) else None
    except InputError:
        return None


def _judged(advisor: Advisor, row: Evidence, new: Mapping[str, str]) -> Evidence | None:
    """A row as it stands with revised statements; None if nothing decided is left of it."""
    if row.relation is not Relation.DISAGREE or not {row.mine.id, row.theirs.id} & new.keys():
        return row
    mine, theirs = (q.model_copy(update={"text": new.get(q.id or "", q.text)}) for q in (row.mine, row.theirs))
    estimate = advisor.model.relate(mine.text, theirs.text)
    if estimate.relation not in (Relation.AGREE, Relation.DISAGREE):
        return None
    p = None if estimate.probabilities is None else round(estimate.probabilities.of(estimate.relation), 4)
    update = {
        "relation": estimate.relation,
        "p": p,
        "margin": round(estimate.margin, 4),
        "mine": mine,
        "theirs": theirs,
    }
    # A side that gives way by saying the other's words after it is no more aligned than one that said them first.
    return row.model_copy(update={**update, "near_verbatim": near_verbatim(estimate.relation, mine.text, theirs.text)})


def _proposal(state: CoalitionState, min_alignment: float) -> dict[str, Any]:
    cells = state.get("cells", [])
    pairs = [
        AgentPair(a=c["a"], b=c["b"], score=c["score"], verdict=c["verdict"], agreements=(), disagreements=(), mixed=())
        for c in cells
    ]
    against = {(c["a"], c["b"]): next((r for r in c["rows"] if r["relation"] == "disagree"), None) for c in cells}
    found = coalitions(state["compared"], pairs, min_alignment=min_alignment)
    blocking = blocking_pairs(signed_graph(state["compared"], pairs), pairs)
    taken = {name for coalition in found for name in coalition.agents}
    return {
        "coalitions": [coalition.model_dump(mode="json") for coalition in found],
        "blocking": [
            {"a": p.a, "b": p.b, "score": p.score, "through": list(p.through), "row": against[p.a, p.b]}
            for p in blocking
        ],
        "alone": [name for name in state["compared"] if name not in taken],
        "silent": state["silent"],
        "rounds": max(0, state.get("round", 0) - 1),
    }
