"""A group report in, its narrative out: code tells who stands with whom, the pairs that matter are told as two are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from langchain_core.runnables import Runnable, RunnableConfig

from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.narrative import narrative_chain
from jepa_langchain.chains.prices import Prices, priced
from jepa_langchain.chains.style import NarrativeStyle
from jepa_langchain.errors import InputError
from jepa_langchain.group_schema import AgentPair, GroupNarrative, GroupReport, PairNarrative
from jepa_langchain.narrative import write_narrative
from jepa_langchain.prompts import load_wording
from jepa_langchain.schema import AlignmentReport, Narrative, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from jepa_langchain.alignment import AlignmentModel

#: Pairs of agents that are told; each costs one call, or two.
MOST_PAIRS = 6
#: Coalitions and blocking pairs that the overview names.
_MOST_NAMED = 5


def told_pairs(report: GroupReport, most: int) -> tuple[AgentPair, ...]:
    """The pairs that matter most: those that block a coalition, worst first, then the most one-sided; all with rows."""
    blocking = {frozenset((pair.a, pair.b)): place for place, pair in enumerate(report.blocking)}
    with_rows = [pair for pair in report.pairs if pair.agreements or pair.disagreements]
    order = sorted(
        with_rows,
        key=lambda p: (blocking.get(frozenset((p.a, p.b)), len(blocking)), -abs(2 * p.score - 1)),
    )
    return tuple(order[:most])


def overview(report: GroupReport, language: str = "en") -> tuple[str, ...]:
    """Communities, coalitions and blocking pairs in the template's words."""
    words = _words(language)
    lines = [
        Template(words["together"]).substitute(names=", ".join(group)) for group in report.communities if len(group) > 1
    ]
    lines += [
        Template(words["coalition"]).substitute(names=", ".join(c.agents), score=f"{c.weakest:.2f}")
        for c in report.coalitions[:_MOST_NAMED]
    ]
    lines += [
        Template(words["blocking"]).substitute(persona_a=b.a, persona_b=b.b, score=f"{b.score:.2f}")
        for b in report.blocking[:_MOST_NAMED]
    ]
    return tuple(lines)


def _words(language: str) -> dict[str, str]:
    body = load_wording(f"template_group_{language}").body
    return dict(line.split(": ", 1) for line in body.splitlines())


def as_report(report: GroupReport, pair: AgentPair) -> AlignmentReport:
    """The comparison behind one cell of the matrix, as far as a narrative needs it."""
    summaries = {agent.id: agent for agent in report.agents}
    return AlignmentReport(
        personas=(summaries[pair.a], summaries[pair.b]),
        score=pair.score,
        verdict=pair.verdict,
        agreements=pair.agreements,
        disagreements=pair.disagreements,
        mixed=pair.mixed,
        only_a=(),
        only_b=(),
        narrative=write_narrative((pair.a, pair.b), pair.agreements, pair.disagreements, pair.mixed),
        model=report.model,
    )


class GroupNarrativeRunnable(GrowingRunnable[GroupReport, GroupNarrative]):
    """See :func:`group_narrative_chain`."""

    def __init__(
        self, tell: Runnable[AlignmentReport, Narrative], language: str, most_pairs: int, prices: Prices | None
    ) -> None:
        self.name = "group_narrative_chain"
        self._tell, self._language, self._most, self._prices = tell, language, most_pairs, prices

    def run(self, given: GroupReport, config: RunnableConfig) -> GroupNarrative:
        """The narrative of a group."""
        pairs = told_pairs(given, self._most)
        return self._end(given, pairs, [self._tell.invoke(as_report(given, pair), config) for pair in pairs])

    async def arun(self, given: GroupReport, config: RunnableConfig) -> GroupNarrative:
        """The narrative of a group."""
        pairs = told_pairs(given, self._most)
        return self._end(given, pairs, [await self._tell.ainvoke(as_report(given, pair), config) for pair in pairs])

    def grow(self, given: GroupReport, config: RunnableConfig) -> Iterator[GroupNarrative]:
        """The narrative with each further pair."""
        pairs, told = told_pairs(given, self._most), list[Narrative]()
        yield self._end(given, pairs, told)
        for pair in pairs:
            told.append(self._tell.invoke(as_report(given, pair), config))
            yield self._end(given, pairs, told)

    async def agrow(self, given: GroupReport, config: RunnableConfig) -> AsyncIterator[GroupNarrative]:
        """As :meth:`grow`."""
        pairs, told = told_pairs(given, self._most), list[Narrative]()
        yield self._end(given, pairs, told)
        for pair in pairs:
            told.append(await self._tell.ainvoke(as_report(given, pair), config))
            yield self._end(given, pairs, told)

    def _end(self, report: GroupReport, pairs: Sequence[AgentPair], told: Sequence[Narrative]) -> GroupNarrative:
        words, lines = _words(self._language), overview(report, self._language)
        parts = ["\n".join(lines)] if lines else []
        for pair, narrative in zip(pairs, told, strict=False):
            heading = Template(words["pair"]).substitute(persona_a=pair.a, persona_b=pair.b)
            parts.append(f"{heading}\n\n{narrative.text}")
        left = len(report.pairs) - len(pairs)
        if left:
            parts.append(Template(words["further"]).substitute(number=left))
        total = Usage(
            **{name: sum(getattr(n.usage, name) for n in told) for name in ("calls", "tokens_in", "tokens_out")}
        )
        return GroupNarrative(
            text="\n\n".join(parts),
            overview=lines,
            pairs=tuple(PairNarrative(a=p.a, b=p.b, narrative=n) for p, n in zip(pairs, told, strict=False)),
            left_out=left,
            source="llm" if any(n.source == "llm" for n in told) else "template",
            rejected=sum(n.rejected for n in told),
            usage=priced(total, self._prices),
            note="; ".join(dict.fromkeys(n.note for n in told if n.note)),
        )


def group_narrative_chain(
    llm: BaseChatModel | str | None = None,
    *,
    model: AlignmentModel | None = None,
    style: NarrativeStyle | None = None,
    prompts: Path | str | None = None,
    prices: Prices | None = None,
    most_pairs: int = MOST_PAIRS,
) -> Runnable[GroupReport, GroupNarrative]:
    """A Runnable that words a group; sync, async, batch and streaming, traced as ``group_narrative_chain``.

    Who stands with whom is told by code. The pairs that matter most (:func:`told_pairs`) are told as
    :func:`jepa_langchain.chains.narrative_chain` tells two agents: a call a pair, every sentence verified against its
    row, the template where a sentence fails and without a model. ``stream`` yields one with each further pair.

    Args:
        llm: a chat model, or a name as ``init_chat_model`` takes it; the template when None.
        model: the alignment model, for words of a sentence's own.
        style: length, tone and language.
        prompts: a folder of prompts that replace the package's.
        prices: what the model's tokens cost, for ``usage.cost``.
        most_pairs: pairs that are told at the most.

    Raises:
        InputError: for a negative ``most_pairs``, and as :func:`jepa_langchain.chains.narrative_chain`.

    Example:
        >>> group_narrative_chain().invoke(compare_group(model, personas)).text
    """
    if most_pairs < 0:
        raise InputError(f"most_pairs: {most_pairs}; it is 0 or more")
    how = style or NarrativeStyle()
    tell = narrative_chain(llm, model=model, style=how, prompts=prompts)
    chain = GroupNarrativeRunnable(tell, how.language, most_pairs, prices)
    return chain.with_types(input_type=GroupReport, output_type=GroupNarrative).with_config(
        run_name="group_narrative_chain"
    )
