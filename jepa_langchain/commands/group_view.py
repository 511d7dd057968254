"""What a person sees of a group in the terminal: the matrix of scores, coalitions, and who stands in the way."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from jepa_langchain.commands.render import VERDICT_COLOUR
from jepa_langchain.group_schema import AgentPair, BlockingPair, GroupReport
from jepa_langchain.schema import LedgerRow, Verdict

_REASONS = 2


def _cell(pair: AgentPair) -> Text:
    if pair.verdict is Verdict.INSUFFICIENT:
        return Text("?", style=VERDICT_COLOUR[pair.verdict])
    rows = f"+{len(pair.agreements)} -{len(pair.disagreements)}"
    return Text.assemble((f"{pair.score:.2f}", f"bold {VERDICT_COLOUR[pair.verdict]}"), f" {rows}")


def _matrix(report: GroupReport) -> RenderableType:
    title = "Alignment of every two: score, rows of agreement and of disagreement"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    names = [agent.id for agent in report.agents]
    for name in names:
        table.add_column(Text(name), justify="right")
    cells = {frozenset((pair.a, pair.b)): _cell(pair) for pair in report.pairs}
    for name in names:
        row = [cells.get(frozenset((name, other)), Text("·", style="bright_black")) for other in names]
        table.add_row(Text(name, style="bold"), *row)
    return table


def _row(row: LedgerRow) -> Text:
    p = "" if row.p is None else f" (p {row.p:.2f})"
    return Text.assemble((f"{row.a.id} ", "bold"), row.a.text, (f"  /  {row.b.id} ", "bold"), row.b.text, p)


def _coalitions(report: GroupReport) -> list[RenderableType]:
    if not report.coalitions:
        return [Text("Coalitions: none", style="bold")]
    lines: list[RenderableType] = [Text("Coalitions, in which every two align", style="bold")]
    for found in report.coalitions:
        head = f"{', '.join(found.agents)}   weakest pair {found.weakest:.2f}, mean {found.mean:.2f}"
        lines.append(Padding(Text(head, style="green"), (0, 0, 0, 2)))
        inside = [pair for pair in report.pairs if {pair.a, pair.b} <= set(found.agents)]
        rows = sorted((row for pair in inside for row in pair.agreements), key=lambda row: -(row.p or 0.0))
        lines += [Padding(_row(row), (0, 0, 0, 4)) for row in rows[:_REASONS]]
    return lines


def _blocking(pair: BlockingPair) -> list[RenderableType]:
    through = f", though {', '.join(pair.through)} would connect them" if pair.through else ""
    head = Text(f"{pair.a} and {pair.b}: score {pair.score:.2f}{through}", style="red")
    lines: list[RenderableType] = [Padding(head, (0, 0, 0, 2))]
    return [*lines, Padding(_row(pair.row), (0, 0, 0, 4))] if pair.row else lines


def group_view(report: GroupReport) -> RenderableType:
    """A whole group: the matrix, communities, coalitions with their strongest agreements, blocking pairs."""
    parts: list[RenderableType] = [Text(f"warning: {line}", style="yellow") for line in report.warnings]
    parts.append(_matrix(report))
    together = "  |  ".join(", ".join(group) for group in report.communities)
    parts.append(Text.assemble(("Communities  ", "bold"), together))
    parts += _coalitions(report)
    if report.blocking:
        parts.append(Text("In the way of a larger coalition", style="bold"))
        parts += [line for pair in report.blocking for line in _blocking(pair)]
    if report.narrative:
        told = report.narrative
        by = f"worded by a language model, verified; {told.rejected} rejected" if told.source == "llm" else "template"
        parts.append(Panel(Text(told.text), title=f"Summary ({by})", title_align="left"))
    card = report.model
    parts.append(Text(f"model {card.name} {card.version}, encoder {card.encoder}", style="bright_black"))
    return Group(*parts)
