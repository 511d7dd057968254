"""What a person sees of an explanation in the terminal: both texts with their words coloured, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jepa_langchain.attribution.explanation_schema import DirectionWeights, Explanation, StageWords
from jepa_langchain.commands.render import estimate_view
from jepa_langchain.schema import WordWeight

_MOST = 6
#: Share of the largest weight from which a word is coloured, and from which it is bold as well.
_COLOURED, _BOLD = 0.2, 0.6


def highlighted(text: str, words: Sequence[WordWeight], largest: float) -> Text:
    """A text with the words that matter coloured: green pulls towards agreement, red towards disagreement."""
    out = Text(text)
    for word in words:
        share = abs(word.weight) / largest if largest else 0.0
        if share >= _COLOURED:
            style = f"{'bold ' if share >= _BOLD else ''}{'green' if word.weight > 0 else 'red'}"
            out.stylize(style, *word.span)
    return out


def _top(words: Sequence[WordWeight]) -> Text:
    chosen = sorted(words, key=lambda w: (-abs(w.weight), w.span))[:_MOST]
    return Text(", ".join(f"{w.word} {w.weight:+.3f}" for w in chosen) or "–")


def _stage(table: Table, stage: StageWords) -> None:
    name = f"{stage.stage} stage {stage.margin:+.3f}"
    rest = f"no word {stage.no_word:+.3f}, off by {stage.completeness_error:.0e}"
    table.add_row(Text(name, style="bold"), _top(stage.a), _top(stage.b), Text(rest))


def _directions(weights: DirectionWeights) -> list[RenderableType]:
    table = Table(title="The linear margin by direction of the relation maps", title_justify="left")
    for heading in ("map", "share of the map", "gain", "adds", "from", "to"):
        table.add_column(heading, justify="left" if heading in ("map", "from", "to") else "right")
    for one in weights.directions:
        numbers = f"{one.share:.1%}", f"{one.gain:+.2f}", f"{one.contribution:+.3f}"
        ends = (Text(end[0] if end else "–") for end in (one.low, one.high))
        table.add_row(f"{one.relation.value} {one.rank}", *numbers, *ends)
    rest = f"all others {weights.rest:+.3f}, copying the statement {weights.copied:+.3f}"
    return [table, Text(f"linear margin {weights.margin:+.3f}: {rest}, off by {weights.completeness_error:.0e}")]


def explanation_view(told: Explanation) -> RenderableType:
    """Verdict, highlighted texts, exact shares of each stage, and what the statements do to the score."""
    largest = max((abs(w.weight) for w in (*told.words.a, *told.words.b)), default=0.0)
    texts = [highlighted(s.text, w, largest) for s, w in ((told.a, told.words.a), (told.b, told.words.b))]
    legend = Text.assemble(("green", "green"), " pulls towards agreement, ", ("red", "red"), " towards disagreement")
    parts: list[RenderableType] = [estimate_view(told.estimate, *texts), legend]
    effects = Table(
        title="What the verdict hangs on: how much keeping a word moves the margin",
        title_justify="left",
        show_header=False,
    )
    effects.add_row(Text(told.a.id, style="bold"), _top(told.words.a))
    effects.add_row(Text(told.b.id, style="bold"), _top(told.words.b))
    left = f"without the half that supports the verdict most {told.deletion.without_top:+.3f}"
    parts += [
        effects,
        Text(f"margin {told.margin:+.3f}, {left}, without a random half {told.deletion.without_random:+.3f}"),
    ]
    if told.stages:
        shares = Table(title="Exact shares of the margin", title_justify="left")
        for heading in ("", told.a.id, told.b.id, "rest"):
            shares.add_column(Text(heading))
        for stage in told.stages:
            _stage(shares, stage)
        parts.append(shares)
    if told.directions is not None:
        parts += _directions(told.directions)
    for share in told.statements:
        left = "–" if share.score_without is None else f"{share.score_without:.2f}"
        line = f"{share.rows} rows, adds {share.contribution:+.3f} to the score of {told.score:.2f}; without it: {left}"
        parts.append(Text.assemble((f"{share.id} ", "bold"), line))
    return Group(*parts)
