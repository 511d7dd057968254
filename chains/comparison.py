"""Two personas in, an alignment report out, as a LangChain Runnable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from langchain_core.runnables import Runnable, RunnableConfig, run_in_executor

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.narrative import narrative_chain
from jepa_langchain.chains.prices import Prices
from jepa_langchain.chains.style import NarrativeStyle
from jepa_langchain.schema import AlignmentReport, Narrative, Persona

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ComparisonInput(TypedDict):
    """The two personas to compare."""

    a: Persona
    b: Persona


class ComparisonRunnable(GrowingRunnable[ComparisonInput, AlignmentReport]):
    """See :func:`comparison_chain`."""

    def __init__(self, model: AlignmentModel, tell: Runnable[AlignmentReport, Narrative] | None) -> None:
        self.name = "comparison_chain"
        self._model, self._tell = model, tell

    def run(self, given: ComparisonInput, config: RunnableConfig) -> AlignmentReport:
        """The report of two personas."""
        report = self._model.compare(given["a"], given["b"])
        return report if self._tell is None else _told(report, self._tell.invoke(report, config))

    async def arun(self, given: ComparisonInput, config: RunnableConfig) -> AlignmentReport:
        """The report of two personas."""
        report = await run_in_executor(None, self._model.compare, given["a"], given["b"])
        return report if self._tell is None else _told(report, await self._tell.ainvoke(report, config))

    def grow(self, given: ComparisonInput, config: RunnableConfig) -> Iterator[AlignmentReport]:
        """The report, first in the template's words, then with each further verified sentence."""
        report = self._model.compare(given["a"], given["b"])
        yield report
        if self._tell is not None:
            for narrative in self._tell.stream(report, config):
                yield _told(report, narrative)

    async def agrow(self, given: ComparisonInput, config: RunnableConfig) -> AsyncIterator[AlignmentReport]:
        """As :meth:`grow`."""
        report = await run_in_executor(None, self._model.compare, given["a"], given["b"])
        yield report
        if self._tell is not None:
            async for narrative in self._tell.astream(report, config):
                yield _told(report, narrative)


def _told(report: AlignmentReport, narrative: Narrative) -> AlignmentReport:
    return report.model_copy(update={"narrative": narrative})


def comparison_chain(
    model: AlignmentModel,
    llm: BaseChatModel | str | None = None,
    *,
    style: NarrativeStyle | None = None,
    prompts: Path | str | None = None,
    prices: Prices | None = None,
) -> Runnable[ComparisonInput, AlignmentReport]:
    """A Runnable that compares two personas; sync, async, batch and streaming, traced as ``comparison_chain``.

    The verdicts are the model's and are computed before a language model is asked for anything; it words the
    narrative alone. ``stream`` yields the report as the model decided it, told by the template, then the same report
    with each further verified sentence; the last one is complete.

    Args:
        model: a loaded model.
        llm: who words the narrative, as for :func:`narrative_chain`; the template when None.
        style: length, tone and language of the narrative.
        prompts: a folder of prompts that replace the package's.
        prices: what the model's tokens cost, for the narrative's ``usage.cost``.

    Raises:
        InputError: as :func:`narrative_chain`.

    Example:
        >>> report = comparison_chain(model).invoke({"a": alice, "b": bob})
    """
    tell = narrative_chain(llm, model=model, style=style, prompts=prompts, prices=prices)
    english = style is None or style.language == "en"
    return (
        ComparisonRunnable(model, None if llm is None and english else tell)
        .with_types(output_type=AlignmentReport)
        .with_config(run_name="comparison_chain")
    )
