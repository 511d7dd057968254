"""The heat map of two personas: every statement of one with every statement of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jepa_langchain.plots.canvas import (
    CARD,
    INK,
    PAPER,
    PLAIN,
    diverging,
    ink_on,
    require_matplotlib,
    sheet,
    short,
    signed,
    title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jepa_langchain.report.evidence import Evidence

#: Statements a side up to which the numbers stand in the cells.
_NUMBERED = 24
#: How much of its colour a cell keeps whose statements are not held against each other.
_PALE = 0.4


def heat_map(evidence: Evidence) -> Figure:
    """Weighed balance of every pair: nearness * (P(agree) - P(disagree)), -1 to 1; margins if uncalibrated.

    The pair stage knows who contradicts whom but not who speaks of the same thing; the linear stage does. Their
    product is strong where both say so. Framed cells are counterparts, which the ledger holds against each other, the
    others are paler; a bold number has a row in the ledger.

    Args:
        evidence: what :func:`jepa_langchain.report.evidence.gather_evidence` found.

    Raises:
        InputError: if matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.colors import Normalize, to_rgb
    from matplotlib.patches import Rectangle

    report, values = evidence.report, evidence.weighed
    high, wide = values.shape
    cell = 0.62 if max(high, wide) <= _NUMBERED else 0.26
    figure, (axis,) = sheet(max(5.5, 2.0 + cell * wide), max(3.4, 1.9 + cell * high))
    scale = 1.0 if report.model.calibrated else max(1e-9, float(abs(values).max()))
    found = {(row.a.id, row.b.id) for row in (*report.agreements, *report.disagreements)}
    ids = [[(a.id, b.id) for b in evidence.b] for a in evidence.a]
    held = np.array([[pair in evidence.counterparts or pair in found for pair in line] for line in ids])
    colours = diverging()(Normalize(-scale, scale)(values))[..., :3]
    colours = np.where(held[..., None], colours, _PALE * colours + (1 - _PALE) * np.array(to_rgb(PAPER)))
    axis.imshow(colours, aspect="auto", interpolation="nearest")
    for (i, j), value in np.ndenumerate(values):
        if held[i, j]:
            axis.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=INK, linewidth=1.6))
        if cell > 0.5:  # noqa: PLR2004
            text = signed(value) if report.model.calibrated else f"{value:+.1f}".replace("-", "\u2212")
            weight = "bold" if ids[i][j] in found else "normal"
            axis.text(
                j, i, text, ha="center", va="center", fontsize=9, fontweight=weight, color=ink_on(tuple(colours[i, j]))
            )
    axis.set_xticks(range(wide), [short(s.id) for s in evidence.b], rotation=0 if wide <= _NUMBERED else 90, **PLAIN)
    axis.set_yticks(range(high), [short(s.id) for s in evidence.a], **PLAIN)
    axis.tick_params(labeltop=True, labelbottom=False)
    axis.set_xticks(np.arange(wide + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(high + 1) - 0.5, minor=True)
    axis.grid(which="minor", color=CARD, linewidth=1.5)
    axis.tick_params(which="minor", length=0)
    axis.spines[:].set_visible(False)
    names = [short(persona.id) for persona in report.personas]
    title(
        axis,
        f"{names[0]} (rows) and {names[1]} (columns)",
        "Balance of agreement, weighed by how near the two statements are.\n"
        "Framed: about the same thing. Bold: a row in the ledger.\n",
    )
    _legend(figure, scale)
    return figure


def _legend(figure: Figure, scale: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(
        ScalarMappable(Normalize(-scale, scale), diverging()),
        ax=figure.axes,
        location="bottom",
        fraction=0.05,
        aspect=36,
    )
    bar.outline.set_visible(False)
    bar.set_ticks([-scale, 0, scale], labels=["disagree", "nothing to say", "agree"])
    bar.ax.tick_params(labelsize=9, length=0, labelcolor=INK)
    first, _, last = bar.ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
