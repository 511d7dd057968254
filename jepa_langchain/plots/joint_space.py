"""The map: both personas' statements on the two main axes of their embeddings, and what the predictor expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jepa_langchain.plots.canvas import AGREE, DISAGREE, INK, LINE, PAPER, PLAIN, SOFT, sheet, short, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jepa_langchain.report.evidence import Evidence

#: Statements a side up to which points are named and joined to their predictions.
_NAMED = 24
_MARKS: dict[str, dict[str, Any]] = {
    "a": {"marker": "o", "s": 58, "color": INK, "zorder": 4},
    "b": {"marker": "s", "s": 52, "facecolor": PAPER, "edgecolor": INK, "linewidth": 1.7, "zorder": 4},
    "agree": {"marker": "P", "s": 62, "color": AGREE, "edgecolor": PAPER, "linewidth": 0.6, "zorder": 3},
    "disagree": {"marker": "X", "s": 62, "color": DISAGREE, "edgecolor": PAPER, "linewidth": 0.6, "zorder": 3},
}


def embedding_map(evidence: Evidence) -> Figure:
    """Principal axes of the joint space: both personas' statements and the places predicted from those of the first.

    An illustration: two axes hold a part of the variance only, which the picture states, and no verdict rests on it.

    Args:
        evidence: what :func:`jepa_langchain.report.evidence.gather_evidence` found.
    """
    figure, (axis,) = sheet(7.5, 6.2)
    names = [short(persona.id) for persona in evidence.report.personas]
    labels = {
        "a": names[0],
        "b": names[1],
        "agree": f"expected to agree with {names[0]}",
        "disagree": f"expected to disagree with {names[0]}",
    }
    places = {kind: [p for p in evidence.points if p.kind == kind] for kind in labels}
    few = max(len(places["a"]), len(places["b"])) <= _NAMED
    if few:
        for expected in ("agree", "disagree"):
            for start, end in zip(places["a"], places[expected], strict=True):
                axis.plot((start.x, end.x), (start.y, end.y), color=LINE, linewidth=1, zorder=1)
    for kind, points in places.items():
        axis.scatter([p.x for p in points], [p.y for p in points], label=labels[kind], **_MARKS[kind])
        for point in points if few and kind in ("a", "b") else ():
            axis.annotate(
                short(point.id),
                (point.x, point.y),
                xytext=(-6, -13) if kind == "a" else (7, 4),
                ha="right" if kind == "a" else "left",
                textcoords="offset points",
                fontsize=9,
                color=INK,
                zorder=5,
                **PLAIN,
            )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel("first axis", color=SOFT, fontsize=9)
    axis.set_ylabel("second axis", color=SOFT, fontsize=9)
    axis.margins(0.08)
    legend = axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.05), ncols=2, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    title(
        axis,
        "A map, for illustration",
        f"Statements on the two main axes of their embeddings, {100 * evidence.variance:.0f} % of the variance.",
    )
    return figure
