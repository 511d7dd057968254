"""Five agents with different goals form coalitions: who should work with whom, and why.

Every two agents are compared. A coalition is a group in which every two agree more than they disagree; the example
prints the matrix, each coalition with the statements it rests on, who stands in the way of a larger one, and whom it
leaves alone, and writes the same as a page, coalition.html.

    python examples/coalition.py
"""

from __future__ import annotations

from pathlib import Path

from common import town_index

from jepa_langchain import AlignmentToolkit
from jepa_langchain.group_schema import AgentPair, GroupReport
from jepa_langchain.report import write_group_report
from jepa_langchain.schema import LedgerRow, Verdict
from jepa_langchain.tools.advisor_groups import propose_coalitions
from jepa_langchain.tools.callers import Caller


def matrix(group: GroupReport) -> None:
    """Print every two agents' score: 1 is nothing but agreement, 0 nothing but disagreement."""
    names = [agent.id for agent in group.agents]
    print("How much every two agree (1 agreement only, 0 disagreement only, ? nothing decided):\n")
    print("        " + "".join(f"{name:>7}" for name in names))
    for one in names:
        cells = ["      -" if one == other else _score(group.pair(one, other)) for other in names]
        print(f"{one:>7} " + "".join(cells))


def _score(pair: AgentPair) -> str:
    return "      ?" if pair.verdict is Verdict.INSUFFICIENT else f"{pair.score:7.2f}"


def said(pair: AgentPair, row: LedgerRow) -> str:
    """A finding as a sentence."""
    verb = "agrees with" if row in pair.agreements else "contradicts"
    return f"{pair.a} “{row.a.text}” {verb} {pair.b} “{row.b.text}”"


def main() -> None:
    """Propose coalitions among the five agents of the town."""
    toolkit = AlignmentToolkit(index=town_index())
    proposal = propose_coalitions(toolkit.advisor, Caller(), None, min_alignment=0.6)
    group = proposal.group
    matrix(group)
    print("\nWho should work together:")
    for coalition in group.coalitions:
        print(f"\n  {' + '.join(coalition.agents)}  (the weakest pair scores {coalition.weakest:.2f})")
        for pair in group.pairs:
            if {pair.a, pair.b} <= set(coalition.agents):
                for row in pair.agreements[:2]:
                    print(f"    because {said(pair, row)}")
                for row in pair.disagreements[:1]:
                    print(f"    although {said(pair, row)}")
    if group.blocking:
        print("\nWho cannot be in one coalition, although allies link them:")
    for block in group.blocking:
        print(f"\n  {block.a} and {block.b}, who are linked only through {' and '.join(block.through)}")
        if block.row:
            print(f"    {said(group.pair(block.a, block.b), block.row)}")
    if proposal.alone:
        print(f"\nIn no coalition: {', '.join(proposal.alone)}")
    write_group_report(group, Path("coalition.html"))
    print("\nThe same as a page, with the rows behind every cell: coalition.html")


if __name__ == "__main__":
    main()
