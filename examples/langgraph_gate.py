"""A gate in a LangGraph: cooperate, negotiate, decline, or ask a human, decided by code.

The gate compares what the caller (Ada) and a peer have said and takes one of four ways. About a stranger it knows
nothing, so the run stops with a question; the checkpoint waits until a human answers, in this process or another.

    python examples/langgraph_gate.py
"""

from __future__ import annotations

from common import town_index
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from jepa_langchain import AlignmentToolkit, Caller
from jepa_langchain.graph.gate import GateState, add_alignment_gate


class State(GateState, total=False):
    """The gate's state and one key of our own."""

    outcome: str


def cooperate(state: State) -> State:
    """Where an aligned peer leads."""
    return {"outcome": f"works with {state['peer']}"}


def negotiate(state: State) -> State:
    """Where a mixed verdict leads; the disputed rows are in the state."""
    disputed = [row["id"] for row in state["alignment"]["rows"] if row["relation"] == "disagree"]
    return {"outcome": f"talks to {state['peer']} about {', '.join(disputed)}"}


def decline(state: State) -> State:
    """Where a misaligned peer leads."""
    return {"outcome": f"declines to work with {state['peer']}"}


def main() -> None:
    """Send four peers through the gate."""
    builder = StateGraph(State)
    for node in (cooperate, negotiate, decline):
        builder.add_node(node)
        builder.add_edge(node.__name__, END)
    toolkit = AlignmentToolkit(index=town_index(), caller=Caller("ada"))
    builder.add_edge(START, add_alignment_gate(builder, toolkit))
    graph = builder.compile(checkpointer=InMemorySaver())

    for peer in ("rita", "leo", "max", "stranger"):
        config = {"configurable": {"thread_id": peer}}
        state = graph.invoke({"peer": peer}, config)
        if "__interrupt__" in state:
            asked = state["__interrupt__"][0].value
            print(f"{peer}: {asked['alignment'].get('reason', asked['alignment']['advice'])}")
            print(f"    the run waits: {asked['question']} A human answers: decline")
            state = graph.invoke(Command(resume="decline"), config)
        advice = state["alignment"]["advice"]
        print(f"{peer}: {advice}, decided by {state['decided_by']}: ada {state['outcome']}")
        for row in state["alignment"].get("rows", [])[:2]:
            print(f"    {row['relation']:8} {row['mine']['text']}  /  {row['theirs']['text']}")


if __name__ == "__main__":
    main()
