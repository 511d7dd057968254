"""Inline charts of the report: the probability of every row with its interval, and the calibration curve."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from jepa_langchain.reliability import ReliabilityBin, bin_of
from jepa_langchain.schema import LedgerRow, Relation

#: Rows of each kind that stand in the chart, the strongest ones.
MOST_BARS = 25
_CENTRE, _HALF, _STEP, _TOP = 400.0, 230.0, 24.0, 30.0
#: Characters of a statement's id beside a bar.
_ID = 10
_SIDE, _LEFT, _UP = 280.0, 46.0, 14.0


def bars_svg(
    disagreements: Sequence[LedgerRow], agreements: Sequence[LedgerRow], curve: Sequence[ReliabilityBin]
) -> Markup:
    """Every row's probability, disagreement to the left; on it how often such a probability was right; ids escaped.

    Empty if there is no row, or rows have no probability.
    """
    rows = [*disagreements[:MOST_BARS], *reversed(agreements[:MOST_BARS])]
    if not rows or any(row.p is None for row in rows):
        return Markup("")
    height = _TOP + _STEP * len(rows) + 34
    parts = [
        Markup(
            '<svg class="wide" viewBox="0 0 720 {:.0f}" role="img" '
            'aria-label="Probabilities of the rows; the ledger says the same in words">'
        ).format(height)
    ]
    foot = _TOP + _STEP * len(rows)
    for share, word in ((-1, "1"), (-0.5, ".5"), (0, "0"), (0.5, ".5"), (1, "1")):
        x = _CENTRE + share * _HALF
        parts.append(
            Markup(
                '<path class="ln" d="M{:.1f} {:.0f}V{:.0f}"/>'
                '<text class="soft" x="{:.1f}" y="{:.0f}" font-size="13" text-anchor="middle">{}</text>'
            ).format(x, _TOP - 4, foot, x, foot + 18, word)
        )
    words = ((-0.5, "disagree"), (0.5, "agree"))
    place = Markup('<text class="soft" x="{:.1f}" y="14" font-size="14" text-anchor="middle">{}</text>')
    parts += [place.format(_CENTRE + at * _HALF, word) for at, word in words]
    for number, row in enumerate(rows):
        parts.append(_bar(row, _TOP + _STEP * number, bin_of(curve, row.p or 0.0)))
    return Markup("").join([*parts, Markup("</svg>")])


def _bar(row: LedgerRow, y: float, within: ReliabilityBin | None) -> Markup:
    sign, colour = (1, "fa") if row.relation is Relation.AGREE else (-1, "fd")
    p = row.p or 0.0
    middle, end = y + _STEP / 2, _CENTRE + sign * p * _HALF
    name = " – ".join(side.id[:_ID] + ("\u2032" if side.span else "") for side in (row.a, row.b))
    out = Markup('<text x="0" y="{:.1f}" font-size="13">{}</text>').format(middle + 4.5, name)
    out += Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        colour, min(_CENTRE, end), y + 3, p * _HALF, _STEP - 6
    )
    out += Markup('<text x="{:.1f}" y="{:.1f}" font-size="13" text-anchor="{}">{:.2f}</text>').format(
        _CENTRE + sign * (_HALF + 8), middle + 4.5, "start" if sign > 0 else "end", p
    )
    if within is None:
        return out
    ends = [_CENTRE + sign * value * _HALF for value in (within.least, within.most)]
    line = f"M{ends[0]:.1f} {middle - 5:.1f}v10m0 -5H{ends[1]:.1f}m0 -5v10"
    return out + Markup('<path class="halo" d="{}"/><path class="whisker" d="{}"/>').format(line, line)


def calibration_svg(curve: Sequence[ReliabilityBin]) -> Markup:
    """Observed share over stated probability with 95 % intervals; empty if nothing was measured."""
    if not curve:
        return Markup("")

    def at(x: float, y: float) -> str:
        return f"{_LEFT + x * _SIDE:.1f} {_UP + (1 - y) * _SIDE:.1f}"

    parts = [
        '<svg class="small" viewBox="0 0 340 346" role="img" aria-label="Calibration curve; the table says the same">'
    ]
    for value in (0.0, 0.5, 1.0):
        x, y = (float(v) for v in at(value, value).split())
        parts.append(f'<path class="ln" d="M{at(0, value)}H{_LEFT + _SIDE:.1f}M{at(value, 0)}V{_UP:.1f}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{_UP + _SIDE + 16:.1f}" font-size="12" text-anchor="middle">')
        parts.append(f'{value:g}</text><text class="soft" x="{_LEFT - 8:.1f}" y="{y + 4:.1f}" font-size="12" ')
        parts.append(f'text-anchor="end">{value:g}</text>')
    parts.append(f'<path class="stated" d="M{at(0, 0)}L{at(1, 1)}"/>')
    whiskers = "".join(f"M{at(b.stated, b.least)}m-4 0h8m-4 0L{at(b.stated, b.most)}m-4 0h8" for b in curve)
    line = "L".join(at(b.stated, b.observed) for b in curve)
    parts.append(f'<path class="curve" d="{whiskers}"/><path class="curve" d="M{line}"/>')
    for b in curve:
        cx, cy = at(b.stated, b.observed).split()
        parts.append(f'<circle class="fa" cx="{cx}" cy="{cy}" r="4"/>')
    parts.append(f'<text class="soft" x="{_LEFT + _SIDE / 2:.1f}" y="338" font-size="13" text-anchor="middle">')
    parts.append("stated probability</text>")
    parts.append(f'<text class="soft" transform="rotate(-90 12 {_UP + _SIDE / 2:.1f})" x="12" ')
    parts.append(f'y="{_UP + _SIDE / 2:.1f}" font-size="13" text-anchor="middle">observed share</text></svg>')
    return Markup("".join(parts))  # noqa: S704 - numbers and fixed words only
