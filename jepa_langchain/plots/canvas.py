"""What all pictures share: a sheet to draw on, the colours, and text that is drawn as it is written.

Blue agrees and orange disagrees, as in the report: the two stay apart for every common kind of colour blindness.
Figures are made without pyplot, so that drawing in a server keeps no global state and opens no window.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jepa_langchain.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

AGREE, DISAGREE = "#1f5fa8", "#b8500b"
INK, SOFT, LINE, PAPER, CARD = "#1c1b19", "#5d5a54", "#dedad2", "#fbfaf7", "#ffffff"
#: From sure disagreement over nothing to sure agreement: the report's colours.
DIVERGING = (
    "#9c3f02",
    "#b8500b",
    "#e39a63",
    "#f1c4a1",
    "#f8e3d3",
    "#efede8",
    "#dbe7f3",
    "#b3cde6",
    "#7fabd4",
    "#2f6fb3",
    "#174d8a",
)
#: Channel weights of relative luminance (WCAG 2), and the luminance below which text on a colour is white.
_LUMINANCE, _DARK = (0.2126, 0.7152, 0.0722), 0.42
#: Untrusted text is never read as mathematics.
PLAIN: dict[str, Any] = {"parse_math": False}
#: Characters of an id that a picture shows.
_MOST_CHARACTERS = 18


def require_matplotlib() -> None:
    """Refuse to draw without it.

    Raises:
        InputError: if matplotlib is not installed.
    """
    try:
        import_module("matplotlib.figure")
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'jepa-langchain[plot]'") from None


def sheet(
    width: float, height: float, *, rows: int = 1, heights: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches with its axes below one another, of relative ``heights``.

    Raises:
        InputError: if matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, facecolor=PAPER, layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, height_ratios=heights)
    for axis in axes.ravel():
        axis.set_facecolor(PAPER)
        axis.tick_params(colors=SOFT, labelcolor=INK, labelsize=9, length=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(LINE)
    return figure, list(axes.ravel())


def title(axis: Axes, text: str, note: str = "") -> None:
    """A headline at the left, and a line below it that says how to read the picture."""
    lines = note.count("\n") + 1 if note else 0
    axis.set_title(text, loc="left", fontsize=13, fontweight="bold", color=INK, pad=12 + 13 * lines, **PLAIN)
    if note:
        axis.annotate(
            note,
            (0, 1),
            xytext=(0, 9),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            color=SOFT,
            va="bottom",
            **PLAIN,
        )


def short(text: str) -> str:
    """An id or name as it stands beside an axis."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def diverging() -> Colormap:
    """Orange below zero, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("alignment", DIVERGING)


def ink_on(colour: tuple[float, ...]) -> str:
    """Black or white, whichever is easier to read on a colour (r, g, b, ...) of numbers from 0 to 1."""
    luminance = sum(w * c**2.2 for w, c in zip(_LUMINANCE, colour, strict=False))
    return CARD if luminance**0.5 < _DARK + 0.1 else INK


def signed(value: float) -> str:
    """A number between -1 and 1 in few characters: "+.25", "0", or ".40" after a minus sign."""
    text = f"{value:+.2f}".replace("+0.", "+.").replace("-0.", "\u2212.")
    return "0" if text in ("+.00", "\u2212.00") else text.replace("-", "\u2212")
