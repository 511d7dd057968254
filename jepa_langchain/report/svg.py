"""Small inline drawings of the report: the score on its scale, and the map. Colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from jepa_langchain.ledger import ALIGNED_FROM, MISALIGNED_TO
from jepa_langchain.report.evidence import Point

_WIDTH, _HEIGHT, _EDGE = 720.0, 430.0, 34.0
#: Statements a side up to which the map names its points.
_NAMED = 24


def score_bar(score: float) -> Markup:
    """The score on the scale from disagreement to agreement, with the two thresholds of the verdict."""
    x = 10 + 480 * score
    cuts = [10 + 480 * cut for cut in (MISALIGNED_TO, ALIGNED_FROM)]
    bands = (("fd", 10.0, cuts[0]), ("fn", cuts[0], cuts[1]), ("fa", cuts[1], 490.0))
    parts = [
        f'<svg viewBox="0 -20 500 82" role="img" aria-label="Score {score:.2f}, from 0, disagreement, to 1, agreement">'
    ]
    parts += [f'<rect class="{c}" x="{a:.1f}" y="26" width="{b - a:.1f}" height="10" rx="2"/>' for c, a, b in bands]
    parts.append(f'<path class="ink" d="M{x:.1f} 24l-8 -14h16z"/>')
    anchor = "start" if score < 0.1 else "end" if score > 0.9 else "middle"  # noqa: PLR2004
    parts.append(f'<text x="{x:.1f}" y="2" font-size="20" font-weight="600" text-anchor="{anchor}">{score:.2f}</text>')
    words = (("start", 10, "disagree"), ("middle", 250, "mixed"), ("end", 490, "agree"))
    parts += [
        f'<text class="soft" x="{at}" y="56" font-size="14" text-anchor="{anchor}">{w}</text>'
        for anchor, at, w in words
    ]
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - numbers and fixed words only


def map_svg(points: Sequence[Point]) -> Markup:
    """Both personas' statements and the predicted places; ids are escaped."""
    xs, ys = [p.x for p in points], [p.y for p in points]
    left, top = min(xs), max(ys)
    wide, high = max(max(xs) - left, 1e-9), max(top - min(ys), 1e-9)
    named = max(sum(p.kind == side for p in points) for side in ("a", "b")) <= _NAMED
    parts = [
        Markup(
            '<svg viewBox="0 0 720 430" role="img" aria-label="Map of the statements; the figures above say the same">'
        )
    ]
    # Predictions first, so that the statements stand on top of them.
    for point in sorted(points, key=lambda p: p.kind in ("a", "b")):
        x = _EDGE + (point.x - left) / wide * (_WIDTH - 2 * _EDGE)
        y = _EDGE + (top - point.y) / high * (_HEIGHT - 2 * _EDGE)
        parts.append(_mark(point.kind, x, y))
        if named and point.kind in ("a", "b"):
            at, anchor = (x - 9, "end") if x > _WIDTH - 90 else (x + 9, "start")
            place = Markup('<text x="{:.1f}" y="{:.1f}" font-size="13" text-anchor="{}">{}</text>')
            parts.append(place.format(at, y + 4.5, anchor, point.id[:24]))
    return Markup("").join([*parts, Markup("</svg>")])


def _mark(kind: str, x: float, y: float) -> Markup:
    at = f'x="{x - 5:.1f}" y="{y - 5:.1f}"'
    plus = f"M{x - 4.5:.1f} {y - 1:.1f}h3.5v-3.5h2v3.5h3.5v2h-3.5v3.5h-2v-3.5h-3.5z"
    shapes = {
        "a": f'<circle class="ink" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>',
        "b": f'<rect {at} width="10" height="10" fill="none" stroke="currentColor" stroke-width="2"/>',
        "agree": f'<path class="fa" d="{plus}"/>',
        "disagree": f'<path class="fd" transform="rotate(45 {x:.1f} {y:.1f})" d="{plus}"/>',
    }
    return Markup(shapes[kind])  # noqa: S704 - numbers only
