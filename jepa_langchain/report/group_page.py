"""The page of several agents: who aligns with whom, communities, who blocks a coalition, and the rows behind a cell."""

from __future__ import annotations

from pathlib import Path

from jepa_langchain.group_schema import AgentPair, GroupReport
from jepa_langchain.report.page import Cell, level, render, write_page
from jepa_langchain.schema import Verdict

#: Agents up to which all pairs' rows stand on the page; beyond, only the matrix and the groups.
MOST_DETAILED = 12
#: Rows of each kind that a pair lists.
MOST_ROWS = 10


def write_group_report(report: GroupReport, path: Path) -> None:
    """Write the page of a group; an existing file is replaced in one step.

    Raises:
        OSError: if the file cannot be written.
    """
    write_page(render_group_report(report), path)


def render_group_report(report: GroupReport) -> str:
    """The page of a group as one HTML document; the same report gives the same bytes."""
    names = [agent.id for agent in report.agents]
    # Agents of a community stand together.
    order = [name for part in report.communities for name in part]
    order += [name for name in names if name not in set(order)]
    cells = {frozenset((pair.a, pair.b)): pair for pair in report.pairs}
    rows = [
        (one, [_cell(None if one == other else cells[frozenset((one, other))]) for other in order]) for one in order
    ]
    detailed = len(names) <= MOST_DETAILED
    return render(
        "group.html.j2",
        title=f"{len(names)} agents",
        report=report,
        order=order,
        rows=rows,
        pairs=sorted(report.pairs, key=lambda pair: pair.score) if detailed else [],
        detailed=detailed,
        most=MOST_DETAILED,
        most_rows=MOST_ROWS,
    )


def _cell(pair: AgentPair | None) -> Cell:
    """Score of two agents; nothing for an agent with itself or an undecided pair."""
    if pair is None:
        return Cell("off", "", found=False)
    if pair.verdict is Verdict.INSUFFICIENT:
        return Cell("off", "–", found=False)
    return Cell(level(2 * pair.score - 1, 1.0), f"{pair.score:.2f}", found=False)
