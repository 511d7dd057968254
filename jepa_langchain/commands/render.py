"""What a person sees in the terminal: rich tables, plain when piped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from jepa_langchain.schema import (
    AlignmentReport,
    Cited,
    LedgerRow,
    Relation,
    RelationEstimate,
    Statement,
    Verdict,
)

_COLOUR = {Relation.AGREE: "green", Relation.DISAGREE: "red", Relation.UNRELATED: "bright_black"}
VERDICT_COLOUR = {
    Verdict.ALIGNED: "green",
    Verdict.MIXED: "yellow",
    Verdict.MISALIGNED: "red",
    Verdict.INSUFFICIENT: "bright_black",
}
_PIPED_WIDTH = 120


def stdout() -> Console:
    """The console for people: as wide as the terminal, a fixed width when piped."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def _quote(side: Cited) -> Text:
    clause = " (clause)" if side.span else ""
    return Text.assemble((f"{side.id}{clause} ", "bold"), side.text)


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _rows(title: str, colour: str, rows: Sequence[LedgerRow], names: tuple[str, str]) -> RenderableType:
    if not rows:
        return Text(f"{title}: none found", style=colour)
    table = Table(
        title=f"{title} ({len(rows)})",
        title_style=f"bold {colour}",
        title_justify="left",
        expand=True,
        show_lines=True,
    )
    for name in names:
        table.add_column(Text(name), ratio=1)
    for heading in ("p", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(_quote(row.a), _quote(row.b), _number(row.p), f"{row.margin:+.2f}")
    return table


def _only(name: str, statements: Sequence[Statement]) -> list[RenderableType]:
    lines = [Text.assemble((f"{s.id} ", "bold"), s.text) for s in statements]
    return (
        [Text(f"Only {name} speaks of", style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]
        if lines
        else []
    )


def report_view(report: AlignmentReport, *, summary: bool = True) -> RenderableType:
    """A whole comparison: verdict, ledger, what only one side speaks of and, if wanted, the summary."""
    names = (report.personas[0].id, report.personas[1].id)
    filled = round(report.score * 30)
    bar = Text.assemble(("█" * filled, "green"), ("█" * (30 - filled), "red"))
    agreed, contested, mixed = (len(rows) for rows in (report.agreements, report.disagreements, report.mixed))
    counts = f"{agreed} agreements, {contested} disagreements, {mixed} mixed pairs"
    head = Text.assemble(
        (report.verdict.upper(), f"bold {VERDICT_COLOUR[report.verdict]}"),
        f"   score {report.score:.2f}  ",
        bar,
        f"   {counts}",
    )
    parts: list[RenderableType] = [Panel(head, title=Text(f"{names[0]} and {names[1]}"), title_align="left")]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in report.warnings]
    parts.append(_rows("Disagreements", "red", report.disagreements, names))
    parts.append(_rows("Agreements", "green", report.agreements, names))
    for name, statements in zip(names, (report.only_a, report.only_b), strict=True):
        parts += _only(name, statements)
    if summary:
        told = report.narrative
        by = f"worded by a language model, verified; {told.rejected} rejected" if told.source == "llm" else "template"
        title = f"Summary ({by})"
        parts.append(Panel(Text(report.narrative.text), title=title, title_align="left"))
    card = report.model
    parts.append(Text(f"model {card.name} {card.version}, encoder {card.encoder}", style="bright_black"))
    return Group(*parts)


def estimate_view(estimate: RelationEstimate, text_a: str | Text, text_b: str | Text) -> RenderableType:
    """One pair: verdict, probabilities, energies; a text may come with its styles."""
    if estimate.probabilities is None:
        verdict = Text("uncalibrated: no probabilities", style="yellow")
    elif estimate.relation is None:
        verdict = Text("abstains", style="bold yellow")
    else:
        verdict = Text(estimate.relation.upper(), style=f"bold {_COLOUR[estimate.relation]}")
    table = Table.grid(padding=(0, 2))
    for name, text in (("a", text_a), ("b", text_b)):
        table.add_row(name, Text(text) if isinstance(text, str) else text)
    table.add_row("verdict", verdict)
    for relation in Relation if estimate.probabilities else ():
        p = estimate.probabilities.of(relation) if estimate.probabilities else 0.0
        table.add_row(f"p({relation.value})", Text(f"{p:.3f}  " + "█" * round(p * 30), style=_COLOUR[relation]))
    if estimate.truncated:
        table.add_row(
            "warning", Text("a text is longer than the model reads; its beginning was compared", style="yellow")
        )
    energies = f"agree {estimate.energies.agree:.3f}, disagree {estimate.energies.disagree:.3f}"
    table.add_row("energies", f"{energies}, margin {estimate.margin:+.3f} ({estimate.decided_by} stage)")
    return table


def evaluation_view(result: dict[str, Any]) -> RenderableType:
    """Metrics a file, and the peers' on the same pairs."""
    title = Text(f"{result['model']} on split {result['split']}: {result['n']:,} pairs")
    table = Table(title=title, title_justify="left")
    table.add_column("file")
    heads = ("AUROC", "cosine", "pair feat.", "related", "macro-F1", "ECE", "coverage", "accuracy")
    for heading in ("n", *heads):
        table.add_column(heading, justify="right")
    rows = {**result["files"], "mean over files": result}
    if 0 < (new := result["new_topics"])["n"] < result["n"]:
        rows["mean, new topics"] = {**new, "baselines": {}}
    for name, row in rows.items():
        peers = [row["baselines"].get(peer, {}).get("auroc_agree_vs_disagree") for peer in ("cosine", "pair_features")]
        own = [row[key] for key in ("auroc_related", "macro_f1", "ece", "coverage", "accuracy_at_coverage")]
        numbers = [_number(v, 3) for v in (row["auroc_agree_vs_disagree"], *peers, *own)]
        table.add_row(Text(name.rsplit("/", 1)[-1]), f"{row['n']:,}", *numbers, end_section=name in result["files"])
    return table
