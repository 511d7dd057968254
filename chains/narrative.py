"""A report in, its narrative out, as a LangChain Runnable; worded by a language model that a verifier checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.runnables import Runnable, RunnableConfig, run_in_executor

from jepa_langchain.chains.asking import Question, chat_model
from jepa_langchain.chains.consent import judge_of
from jepa_langchain.chains.drafts import Draft, DraftReader, DraftSentence, longest_output, read_draft
from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.hearing import Hearing
from jepa_langchain.chains.marking import ledger_lines, mark_for, quoted
from jepa_langchain.chains.prices import Prices, priced
from jepa_langchain.chains.style import NarrativeStyle
from jepa_langchain.chains.telling import Telling
from jepa_langchain.prompts.chat import load_chat_prompt
from jepa_langchain.schema import AlignmentReport, Narrative

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from jepa_langchain.alignment import AlignmentModel

#: Rows of each area that a brief narrative tells.
BRIEF_ROWS = 5


@dataclass(frozen=True)
class NarrativeOptions:
    """What a narrative chain is made with."""

    model: BaseChatModel | None
    note: str
    predictor: AlignmentModel | None
    style: NarrativeStyle
    prompts: Path | str | None
    prices: Prices | None = None


class NarrativeRunnable(GrowingRunnable[AlignmentReport, Narrative]):
    """See :func:`narrative_chain`."""

    def __init__(self, options: NarrativeOptions) -> None:
        self.name = "narrative_chain"
        self._options = options
        self._prompt = load_chat_prompt("narrative", options.prompts).template()
        self._repair = load_chat_prompt("repair", options.prompts).template()

    def _telling(self, report: AlignmentReport) -> Telling:
        predictor = self._options.predictor
        brief = BRIEF_ROWS if self._options.style.length == "brief" and self._options.model else None
        return Telling(report, None if predictor is None else judge_of(predictor), brief, self._options.style.language)

    def _messages(self, telling: Telling) -> list[BaseMessage]:
        ledger = ledger_lines(telling.rows, weights=self._options.style.length == "detailed")
        names = " and ".join(quoted(name) for name in telling.names)
        variables = {**self._options.style.variables(), "names": names, "ledger": ledger}
        return self._prompt.format_messages(**variables, mark=mark_for([ledger, names]))

    def _question(self, telling: Telling) -> Question[list[DraftSentence]]:
        rows = len(telling.rows)
        return Question(self._messages(telling), Draft, lambda text: read_draft(text, rows) or None, self._repair)

    def run(self, given: AlignmentReport, config: RunnableConfig) -> Narrative:
        """The narrative of a report."""
        telling, model = self._telling(given), self._options.model
        if model is None or not telling.rows:
            return telling.narrative(note=self._options.note)
        question = self._question(telling)
        telling.hear(question.ask(model, config) or ())
        return telling.narrative(usage=priced(question.meter.usage(), self._options.prices), note=question.meter.note)

    async def arun(self, given: AlignmentReport, config: RunnableConfig) -> Narrative:
        """The narrative of a report."""
        # The verifier holds every sentence against the predictor: not on the event loop.
        telling, model = await run_in_executor(None, self._telling, given), self._options.model
        if model is None or not telling.rows:
            return telling.narrative(note=self._options.note)
        question = self._question(telling)
        await run_in_executor(None, telling.hear, await question.aask(model, config) or ())
        return telling.narrative(usage=priced(question.meter.usage(), self._options.prices), note=question.meter.note)

    def grow(self, given: AlignmentReport, config: RunnableConfig) -> Iterator[Narrative]:
        """The narrative with each further verified sentence."""
        telling, model = self._telling(given), self._options.model
        if model is None or not telling.rows:
            yield telling.narrative(note=self._options.note)
            return
        hearing = Hearing(DraftReader(), longest_output(len(telling.rows)))
        for found in hearing.listen(model.stream(self._messages(telling), config)):
            if telling.hear(found):
                yield telling.narrative(complete=False)
        yield telling.narrative(usage=priced(hearing.meter.usage(), self._options.prices), note=hearing.end())

    async def agrow(self, given: AlignmentReport, config: RunnableConfig) -> AsyncIterator[Narrative]:
        """As :meth:`grow`."""
        telling, model = await run_in_executor(None, self._telling, given), self._options.model
        if model is None or not telling.rows:
            yield telling.narrative(note=self._options.note)
            return
        hearing = Hearing(DraftReader(), longest_output(len(telling.rows)))
        async for found in hearing.alisten(model.astream(self._messages(telling), config)):
            if await run_in_executor(None, telling.hear, found):
                yield telling.narrative(complete=False)
        yield telling.narrative(usage=priced(hearing.meter.usage(), self._options.prices), note=hearing.end())


def narrative_chain(
    llm: BaseChatModel | str | None = None,
    *,
    model: AlignmentModel | None = None,
    style: NarrativeStyle | None = None,
    prompts: Path | str | None = None,
    prices: Prices | None = None,
) -> Runnable[AlignmentReport, Narrative]:
    """A Runnable that words the ledger of a report; sync, async, batch and streaming, traced as ``narrative_chain``.

    Code has decided the rows; a language model may only word them. Every sentence of it is verified against its row
    (:mod:`jepa_langchain.chains.verifier`); one that fails is counted and the template tells its row. Nothing that the
    model returns changes a row, a number or a citation.

    Args:
        llm: a chat model, or a name as ``init_chat_model`` takes it ("openai:gpt-5-mini"); the template when None, or
            when the named model has no key (the narrative's ``note`` says so).
        model: the alignment model: its energies let a sentence pass that has a word of its own. Without it none does.
        style: length, tone and language.
        prompts: a folder whose ``narrative.txt`` and ``repair.txt`` replace the package's.
        prices: what the model's tokens cost, for ``usage.cost``.

    ``stream`` yields the narrative as it grows, one with each further verified sentence; the last one is complete.

    Raises:
        InputError: for a name without the extra ``langchain``, an unknown name, or a prompt file that cannot be used.

    Example:
        >>> narrative_chain("openai:gpt-5-mini", model=model).invoke(model.compare(alice, bob)).text
    """
    chat, note = chat_model(llm)
    chain = NarrativeRunnable(NarrativeOptions(chat, note, model, style or NarrativeStyle(), prompts, prices))
    return chain.with_types(input_type=AlignmentReport, output_type=Narrative).with_config(run_name="narrative_chain")
