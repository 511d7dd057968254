"""The alignment gate: a LangGraph node that checks a peer, and edges that follow its advice.

    aligned -> cooperate      mixed -> negotiate      misaligned -> decline      insufficient -> a human is asked

What it writes into the state is plain data, so that any checkpointer keeps it, and a run that waits for its human goes
on in another process. Code decides which way is taken: no language model is asked, and nothing that a peer says can
change a verdict but what it says about the matter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from langchain_core.runnables import RunnableConfig

from jepa_langchain.errors import InputError
from jepa_langchain.schema import Verdict
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.roster import IncomparableError

try:
    from langgraph.runtime import Runtime
    from langgraph.types import interrupt
except ImportError:
    raise InputError("graphs need LangGraph: pip install 'jepa-langchain[langchain]'") from None

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from jepa_langchain.tools.toolkit import AlignmentToolkit

Route = Literal["cooperate", "negotiate", "decline"]
#: Which way an advice leads; what is not here is a human's decision.
ROUTES: dict[str, Route] = {
    Verdict.ALIGNED.value: "cooperate",
    Verdict.MIXED.value: "negotiate",
    Verdict.MISALIGNED.value: "decline",
}
GATE, HUMAN = "alignment_gate", "ask_human"


class GateState(TypedDict, total=False):
    """What the gate reads (``peer``, ``topic``) and writes (``alignment``, ``decision``); extend it with your own.

    ``alignment`` is an ``AlignmentCheck`` as plain data or, where there was nothing to
    compare, ``{"peer", "advice": "insufficient", "reason"}``. ``decided_by`` is "code" or "human".
    """

    peer: str
    topic: str | None
    alignment: dict[str, Any]
    decision: Route | None
    decided_by: Literal["code", "human"]


Node = Callable[..., dict[str, Any]]


def alignment_gate(toolkit: AlignmentToolkit, *, min_confidence: float = 0.0) -> Node:
    """A node that checks the state's ``peer`` on behalf of the run's caller.

    Args:
        toolkit: who answers; its ``caller`` counts where the run's context and config name nobody.
        min_confidence: findings below this probability do not count.

    Raises:
        InputError: when it runs, if the run names no caller, or its peer is the caller itself.
    """
    advisor, default = toolkit.advisor, toolkit.caller

    def gate(state: GateState, config: RunnableConfig, runtime: Runtime[Any]) -> dict[str, Any]:
        caller = Caller.of(runtime, config, default)
        try:
            check = advisor.check_alignment(caller, state["peer"], state.get("topic"), min_confidence)
            found = check.model_dump(mode="json")
        except IncomparableError as error:
            # A peer of whom nothing is known, or too much to be read, is no peer to trust, and no failure of the run.
            found = {"peer": state["peer"], "advice": Verdict.INSUFFICIENT.value, "reason": str(error)}
        return {"alignment": found, "decision": ROUTES.get(found["advice"]), "decided_by": "code"}

    return gate


def ask_human(state: GateState) -> dict[str, Any]:
    """A node that interrupts the run with what is known, and takes "cooperate", "negotiate" or "decline" for an answer.

    Any other answer is asked for again.
    """
    question = {"question": f"How to go on with {state['peer']}?", "choices": sorted(ROUTES.values())}
    answer: object = None
    while answer not in ROUTES.values():
        answer = interrupt({**question, "alignment": state["alignment"]})
    return {"decision": answer, "decided_by": "human"}


def route(state: GateState) -> str:
    """Where the gate leads: the decision, or the human if there is none."""
    return state.get("decision") or HUMAN


def add_alignment_gate(
    builder: StateGraph[Any, Any, Any, Any],
    toolkit: AlignmentToolkit,
    *,
    cooperate: str = "cooperate",
    negotiate: str = "negotiate",
    decline: str = "decline",
    min_confidence: float = 0.0,
) -> str:
    """Add the gate, the question to a human and the edges between them and your own nodes to a graph.

    Args:
        builder: a ``StateGraph`` whose state has the keys of :class:`GateState`. Compile it with a checkpointer, or
            nobody can answer the human's question.
        toolkit: as :func:`alignment_gate`.
        cooperate: your node (or END) for an aligned peer.
        negotiate: your node for a peer with whom something is settled and something disputed.
        decline: your node for a misaligned peer.
        min_confidence: as :func:`alignment_gate`.

    Returns:
        The name of the gate's node, for an edge into it.

    Example:
        >>> builder = StateGraph(GateState)  # doctest: +SKIP
        >>> builder.add_edge(START, add_alignment_gate(builder, toolkit))  # doctest: +SKIP
    """
    builder.add_node(GATE, alignment_gate(toolkit, min_confidence=min_confidence))
    builder.add_node(HUMAN, ask_human)
    ways: dict[Hashable, str] = {"cooperate": cooperate, "negotiate": negotiate, "decline": decline}
    builder.add_conditional_edges(GATE, route, ways | {HUMAN: HUMAN})
    builder.add_conditional_edges(HUMAN, route, ways)
    return GATE
