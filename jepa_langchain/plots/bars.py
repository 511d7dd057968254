"""What is predicted of each pair, as bars, and how often such predictions were right on held-out pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.plots.canvas import AGREE, DISAGREE, INK, LINE, PLAIN, SOFT, sheet, short, title
from jepa_langchain.reliability import bin_of
from jepa_langchain.schema import LedgerRow, Relation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jepa_langchain.report.evidence import Evidence

#: Rows of each kind that are drawn, the strongest ones.
MOST_BARS = 20


def prediction_bars(evidence: Evidence) -> Figure:
    """A bar for every row of the ledger: its probability, disagreement to the left and agreement to the right.

    The line on a bar is the interval of :class:`jepa_langchain.reliability.ReliabilityBin`: how often held-out pairs
    with such a stated probability were labelled so, a 95 % bootstrap over sources and pairs. A model that was not
    measured has no lines, an uncalibrated one shows margins.

    Args:
        evidence: what :func:`jepa_langchain.report.evidence.gather_evidence` found.
    """
    report = evidence.report
    rows = [*report.disagreements[:MOST_BARS], *reversed(report.agreements[:MOST_BARS])]
    figure, (axis,) = sheet(7.5, max(2.4, 1.9 + 0.3 * len(rows)))
    measured = False
    for place, row in enumerate(rows):
        sign, colour = (1, AGREE) if row.relation is Relation.AGREE else (-1, DISAGREE)
        axis.barh(place, abs(row.margin) * sign if row.p is None else row.p * sign, height=0.62, color=colour)
        within = None if row.p is None else bin_of(evidence.reliability, row.p)
        if within is not None:
            measured = True
            ends = sign * within.least, sign * within.most
            axis.plot(ends, (place, place), color="white", linewidth=4.2, solid_capstyle="butt")
            axis.plot(ends, (place, place), color=INK, linewidth=1.6, marker="|", markersize=8, markeredgewidth=1.6)
        if row.p is not None:
            number = f"{row.p:.2f}".replace("0.", ".")
            axis.text(
                sign * 1.03, place, number, ha="left" if sign > 0 else "right", va="center", fontsize=9, color=INK
            )
    axis.axvline(0, color=SOFT, linewidth=1)
    calibrated = report.model.calibrated
    if calibrated:
        axis.set_xlim(-1.15, 1.15)
        axis.set_xticks([-1, -0.5, 0, 0.5, 1], ["1", ".5", "0", ".5", "1"])
        axis.grid(axis="x", color=LINE, linewidth=0.8)
        axis.set_axisbelow(True)
    axis.set_yticks(range(len(rows)), [_name(row) for row in rows], **PLAIN)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel("disagreement      " + ("probability" if calibrated else "margin") + "      agreement", color=SOFT)
    note = "The probability of every row of the ledger." if calibrated else "The margin of every row of the ledger."
    if measured:
        note += "\nLines: how often such a probability was right on held-out pairs, 95 % interval over sources."
    title(axis, " and ".join(short(persona.id) for persona in report.personas), note)
    if not rows:
        axis.text(0, 0, "no row", ha="center", va="center", color=SOFT)
    return figure


def _name(row: LedgerRow) -> str:
    """The two statements of a row; an apostrophe marks a clause."""
    return " – ".join(short(side.id) + ("\u2032" if side.span else "") for side in (row.a, row.b))
