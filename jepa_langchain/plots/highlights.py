"""Both texts of a pair with the words that the verdict hangs on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jepa_langchain.attribution.explanation_schema import Explanation
from jepa_langchain.plots.canvas import INK, PAPER, PLAIN, SOFT, diverging, ink_on, sheet, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jepa_langchain.report.evidence import MappedRow
    from jepa_langchain.schema import WordWeight

_SIZE, _LINE, _WIDTH = 13, 25.0, 520.0
_MARGIN = 16.0
#: Share of the largest effect from which a word is coloured.
_COLOURED = 0.15


def word_highlights(told: Explanation | MappedRow) -> Figure:
    """A picture of the words of one pair: blue pulls towards agreement, orange towards disagreement.

    The deeper the colour, the further keeping the word moves the margin. The last line is the deletion score of
    these very words: the margin without the half of them that supports the verdict most, and without random halves.

    Args:
        told: what :meth:`AlignmentModel.explain` returned, or one of the rows of an evidence.
    """
    row = told if isinstance(told, Explanation) else told.row
    sides = ((row.a, told.words.a), (row.b, told.words.b))
    largest = max((abs(word.weight) for _, words in sides for word in words), default=0.0)
    laid = [list(_laid(side.text, words)) for side, words in sides]
    lines = [1 + max((line for _, _, line, _ in pieces), default=0) for pieces in laid]
    height = _LINE * (sum(lines) + 3.6) + 2 * _MARGIN
    wide = _WIDTH + 2 * _MARGIN
    figure, (axis,) = sheet(wide / 72, height / 72)
    axis.set_xlim(0, _WIDTH + 2 * _MARGIN)
    axis.set_ylim(height, 0)
    axis.set_axis_off()
    title(
        axis,
        f"Margin {row.margin:+.2f}".replace("-", "\u2212"),
        "Blue pulls towards agreement, orange towards disagreement.",
    )
    y = 0.6 * _LINE
    for (side, _), pieces, count in zip(sides, laid, lines, strict=True):
        axis.text(0, y, side.id, fontsize=9, color=SOFT, va="center", **PLAIN)
        y += _LINE
        for text, x, line, weight in pieces:
            _piece(axis, text, (x, y + line * _LINE), weight / largest if largest else 0.0)
        y += (count + 0.4) * _LINE
    left = f"without the half that supports it most {told.deletion.without_top:+.2f}, without a random half "
    text = f"{left}{told.deletion.without_random:+.2f}".replace("-", "\u2212")
    axis.text(0, y, text, fontsize=9, color=SOFT, va="center")
    return figure


def _piece(axis: Axes, text: str, place: tuple[float, float], share: float) -> None:
    colour = diverging()((share + 1) / 2)
    coloured = abs(share) >= _COLOURED
    axis.text(
        *place,
        text,
        fontsize=_SIZE,
        va="center_baseline",
        color=ink_on(colour) if coloured else INK,
        bbox={"facecolor": colour if coloured else PAPER, "edgecolor": "none", "pad": 1.2} if coloured else None,
        **PLAIN,
    )


def _laid(text: str, words: Sequence[WordWeight]) -> Iterator[tuple[str, float, int, float]]:
    """(piece, x, line, weight of its word) of a text broken into lines, positions in points."""
    x, line = 0.0, 0
    for run in re.finditer(r"\s*(\S+)", text):
        parts = list(_parts(text, run.span(1), words))
        wide = sum(_wide(piece) for piece, _ in parts)
        gap = 1.3 * _wide(" ") if x else 0.0
        if x and x + gap + wide > _WIDTH:
            x, line, gap = 0.0, line + 1, 0.0
        x += gap
        for piece, weight in parts:
            yield piece, x, line, weight
            x += _wide(piece)


def _parts(text: str, span: tuple[int, int], words: Sequence[WordWeight]) -> Iterator[tuple[str, float]]:
    """A run between spaces cut into words and what stands between them."""
    at, stop = span
    for word in words:
        start, end = max(word.span[0], at), min(word.span[1], stop)
        if start < end:
            if at < start:
                yield text[at:start], 0.0
            yield text[start:end], word.weight
            at = end
    if at < stop:
        yield text[at:stop], 0.0


def _wide(piece: str) -> float:
    """Points that a piece of text is wide."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    # A space has no ink: it is measured between two letters.
    around = "" if piece.strip() else "nn"
    prop = FontProperties(size=_SIZE)
    width = text_to_path.get_text_width_height_descent(f"{around[:1]}{piece}{around[1:]}", prop, ismath=False)[0]
    return float(width - (text_to_path.get_text_width_height_descent(around, prop, ismath=False)[0] if around else 0.0))
