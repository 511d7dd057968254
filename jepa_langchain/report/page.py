"""One offline HTML file of a comparison or of a group: no script, no request, every untrusted string escaped.

The same input gives the same bytes. The page's policy allows the one style sheet in it, by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from jepa_langchain.report.charts import MOST_BARS, bars_svg, calibration_svg
from jepa_langchain.report.evidence import MOST_SHOWN, Evidence, MappedRow
from jepa_langchain.report.svg import map_svg, score_bar
from jepa_langchain.schema import Verdict, WordWeight
from jepa_langchain.writing import replacing

if TYPE_CHECKING:
    from jinja2 import Environment

_LEVELS = 4
#: Share of the largest effect from which a word is coloured.
_COLOURED = 0.15
_LINES = {
    Verdict.ALIGNED: "They agree on most of what both speak about.",
    Verdict.MIXED: "They agree on some of what both speak about and disagree on some.",
    Verdict.MISALIGNED: "They disagree on most of what both speak about.",
    Verdict.INSUFFICIENT: "Nothing they said could be decided either way.",
}


#: Rows of each kind that a page lists; the rest is in the JSON document.
MOST_ROWS = 100


class Cell(NamedTuple):
    """One cell of the matrix: colour class, number, and whether the ledger has a row of it."""

    level: str
    text: str
    found: bool


def write_report(evidence: Evidence, path: Path) -> None:
    """Write the report of a comparison; an existing file is replaced in one step.

    Raises:
        OSError: if the file cannot be written.
    """
    write_page(render_report(evidence), path)


def render_report(evidence: Evidence) -> str:
    """The report of a comparison as one HTML document."""
    report = evidence.report
    names = (report.personas[0].id, report.personas[1].id)
    found = {(row.a.id, row.b.id) for row in (*report.agreements, *report.disagreements)}
    listed = {row.id for row in (*report.agreements[:MOST_ROWS], *report.disagreements[:MOST_ROWS])}
    held, values = evidence.counterparts | found, evidence.weighed
    scale = 1.0 if report.model.calibrated else max(1e-9, float(abs(values).max()))
    rows = []
    for one, line in zip(evidence.a, values.tolist(), strict=True):
        cells = []
        for other, value in zip(evidence.b, line, strict=True):
            pair = (one.id, other.id)
            colour = level(value, scale) if pair in held else "off"
            number = f"{value:+.2f}".replace("0.", ".").replace("-", "\u2212")
            cells.append(Cell(colour, number, pair in found))
        rows.append((one, cells))
    return render(
        "report.html.j2",
        title=f"{names[0]} and {names[1]}: {report.verdict.value}",
        names=names,
        report=report,
        agreements=report.agreements[:MOST_ROWS],
        disagreements=report.disagreements[:MOST_ROWS],
        told=[s for s in report.narrative.sentences if not s.rows or listed & set(s.rows)],
        bars=bars_svg(report.disagreements, report.agreements, evidence.reliability),
        most_bars=MOST_BARS,
        rows_cut=max(len(report.disagreements), len(report.agreements)) > MOST_BARS,
        directions=evidence.directions,
        curve=evidence.reliability,
        calibration_svg=calibration_svg(evidence.reliability),
        verdict_line=_LINES[report.verdict],
        score_bar=score_bar(report.score),
        heat={"columns": evidence.b, "rows": rows},
        scale=scale,
        most=MOST_SHOWN,
        cut=any(p.statements > MOST_SHOWN for p in report.personas),
        shares=evidence.shares,
        mapped=[_mapped(row) for row in evidence.rows],
        map_svg=map_svg(evidence.points),
        variance=evidence.variance,
        calibration=evidence.calibration,
    )


def level(value: float, scale: float) -> str:
    """Colour class of a signed value: n near zero, a1 to a4 above, d1 to d4 below."""
    step = min(_LEVELS, int(abs(value) / scale * (_LEVELS + 1)))
    return f"{'a' if value > 0 else 'd'}{step}" if step else "n"


def pieces(text: str, words: Sequence[WordWeight], largest: float) -> list[tuple[str, str]]:
    """A text cut into (piece, colour class); the pieces join to the text."""
    out, end = [], 0
    for word in words:
        share = abs(word.weight) / largest if largest else 0.0
        if share < _COLOURED:
            continue
        start, stop = word.span
        step = min(_LEVELS, 1 + int((share - _COLOURED) / (1 - _COLOURED) * _LEVELS))
        out += [(text[end:start], ""), (text[start:stop], f"{'a' if word.weight > 0 else 'd'}{step}")]
        end = stop
    return [*out, (text[end:], "")]


def _mapped(mapped: MappedRow) -> dict[str, Any]:
    largest = max((abs(w.weight) for w in (*mapped.words.a, *mapped.words.b)), default=0.0)
    return {
        "row": mapped.row,
        "deletion": mapped.deletion,
        "a": pieces(mapped.row.a.text, mapped.words.a, largest),
        "b": pieces(mapped.row.b.text, mapped.words.b, largest),
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("jepa_langchain"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def render(template: str, **values: object) -> str:
    """A template of the package, with the style sheet and its hash."""
    style = files("jepa_langchain").joinpath("templates", "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style sheet is the package's own.
    trusted = Markup(style)  # noqa: S704
    return _environment().get_template(template).render(style=trusted, style_hash=Markup(digest), **values)  # noqa: S704


def write_page(page: str, path: Path) -> None:
    """Write one HTML document; a file of that name is replaced in one step.

    Raises:
        OSError: if the file cannot be written.
    """
    with replacing(path) as out:
        out.write(page.encode("utf-8"))
