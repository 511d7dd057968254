"""A language model on the pairs that the alignment model abstains on, and on nothing else; asked in both orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel

from jepa_langchain.chains.asking import Manner, Meter, Question, chat_model
from jepa_langchain.chains.drafts import read_object
from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.marking import mark_for, quoted
from jepa_langchain.chains.prices import Prices, priced
from jepa_langchain.errors import InputError
from jepa_langchain.narrative import write_narrative
from jepa_langchain.prompts.chat import load_chat_prompt
from jepa_langchain.schema import (
    AbstainedPair,
    AlignmentReport,
    Frozen,
    LedgerRow,
    Relation,
    RowWeights,
    Usage,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Calls that an adjudication makes at most; a pair needs two.
BUDGET = 40
#: Characters of a reason that are kept.
_REASON = 500


class Answer(BaseModel):
    """How the second statement stands to the first, and why."""

    relation: Literal["agree", "disagree", "unrelated", "unsure"]
    reason: str


class Adjudicated(Frozen):
    """One pair as a language model saw it. ``relation`` is None where its two orders differ or it is unsure.

    ``reasons`` are the language model's words, one an order: not verified, for the reader to judge.
    """

    id: str
    a: str
    b: str
    relation: Relation | None
    reasons: tuple[str, str]


class Adjudication(Frozen):
    """A report with the rows that a language model decided, and what it said of every pair it was asked about.

    The report's score, verdict and every row of the alignment model are as they were.
    """

    report: AlignmentReport
    pairs: tuple[Adjudicated, ...] = ()
    usage: Usage = Usage()
    note: str = ""


def _merge(pair: AbstainedPair, answers: Sequence[Answer | None]) -> Adjudicated:
    said = {answer.relation for answer in answers if answer}
    agreed = len(said) == 1 and None not in answers and "unsure" not in said
    reasons = tuple(answer.reason[:_REASON] if answer else "" for answer in answers)
    relation = Relation(said.pop()) if agreed else None
    return Adjudicated(id=pair.id, a=pair.a.id, b=pair.b.id, relation=relation, reasons=(reasons[0], reasons[1]))


def with_rows(report: AlignmentReport, pairs: Sequence[Adjudicated]) -> AlignmentReport:
    """A report with decided pairs as rows, after the model's own; what was found unrelated is no longer open."""
    decided = {pair.id: pair.relation for pair in pairs if pair.relation}
    rows = {Relation.AGREE: list(report.agreements), Relation.DISAGREE: list(report.disagreements)}
    for pair in report.abstained:
        relation = decided.get(pair.id, Relation.UNRELATED)
        if relation is not Relation.UNRELATED:
            kind = "A" if relation is Relation.AGREE else "D"
            row = LedgerRow(
                id=f"{kind}{len(rows[relation]) + 1}",
                a=pair.a,
                b=pair.b,
                relation=relation,
                p=pair.probabilities.of(relation),
                margin=pair.margin,
                energies=pair.energies,
                decided_by="llm",
                weights=RowWeights(a=(), b=()),
            )
            rows[relation].append(row)
    names = (report.personas[0].id, report.personas[1].id)
    agreements, disagreements = tuple(rows[Relation.AGREE]), tuple(rows[Relation.DISAGREE])
    return report.model_copy(
        update={
            "agreements": agreements,
            "disagreements": disagreements,
            "abstained": tuple(pair for pair in report.abstained if pair.id not in decided),
            "narrative": write_narrative(names, agreements, disagreements, report.mixed),
        }
    )


#: A pair and the two questions about it, one an order.
_Asked = tuple[AbstainedPair, tuple[Question[Answer], Question[Answer]]]


class AdjudicationRunnable(GrowingRunnable[AlignmentReport, Adjudication]):
    """See :func:`adjudication_chain`."""

    def __init__(
        self,
        model: BaseChatModel | None,
        note: str,
        *,
        budget: int,
        prompts: Path | str | None,
        prices: Prices | None,
    ) -> None:
        self.name = "adjudication_chain"
        self._model, self._note, self._budget = model, note, budget
        self._prices = prices
        self._prompt = load_chat_prompt("adjudication", prompts).template()

    def _question(self, first: str, second: str, manner: Manner) -> Question[Answer]:
        texts = {"first": quoted(first), "second": quoted(second)}
        messages = self._prompt.format_messages(**texts, mark=mark_for(texts.values()))
        # No repair: an answer that cannot be read leaves the pair open, and every call counts.
        return Question(messages, Answer, lambda text: read_object(text, Answer), manner=manner)

    def _questions(self, report: AlignmentReport) -> list[_Asked]:
        """Both orders of as many pairs as the budget allows, the most related first."""
        manner = Manner()
        return [
            (p, (self._question(p.a.text, p.b.text, manner), self._question(p.b.text, p.a.text, manner)))
            for p in report.abstained[: self._budget // 2]
        ]

    def _end(self, report: AlignmentReport, asked: Sequence[_Asked], pairs: Sequence[Adjudicated]) -> Adjudication:
        """Everything together, ``pairs`` being the first of those that are asked about."""
        meters = [question.meter for _, questions in asked for question in questions]
        total = Meter(*(sum(getattr(m, name) for m in meters) for name in ("calls", "tokens_in", "tokens_out")))
        failed = next((m.note.partition(";")[0] for m in meters if m.note), "")
        left = len(report.abstained) - len(asked)
        notes = [f"{failed}; its pairs stay open"] if failed else []
        notes += [f"{left} pairs were not asked about: the budget is {self._budget} calls"] if left else []
        return Adjudication(
            report=with_rows(report, pairs),
            pairs=tuple(pairs),
            usage=priced(total.usage(), self._prices),
            note="; ".join(notes),
        )

    def run(self, given: AlignmentReport, config: RunnableConfig) -> Adjudication:
        """The report with what a language model decided."""
        *_, last = self.grow(given, config)
        return last

    async def arun(self, given: AlignmentReport, config: RunnableConfig) -> Adjudication:
        """The report with what a language model decided."""
        last = Adjudication(report=given, note=self._note)
        async for grown in self.agrow(given, config):
            last = grown
        return last

    def grow(self, given: AlignmentReport, config: RunnableConfig) -> Iterator[Adjudication]:
        """The report with each further decided pair."""
        if self._model is None or not given.abstained:
            yield Adjudication(report=given, note=self._note)
            return
        asked, pairs = self._questions(given), list[Adjudicated]()
        for pair, questions in asked:
            pairs.append(_merge(pair, [question.ask(self._model, config) for question in questions]))
            if pairs[-1].relation and len(pairs) < len(asked):
                yield self._end(given, asked, pairs)
        yield self._end(given, asked, pairs)

    async def agrow(self, given: AlignmentReport, config: RunnableConfig) -> AsyncIterator[Adjudication]:
        """As :meth:`grow`; the two orders of a pair are asked at once."""
        if self._model is None or not given.abstained:
            yield Adjudication(report=given, note=self._note)
            return
        asked, pairs = self._questions(given), list[Adjudicated]()
        for pair, questions in asked:
            answers = await asyncio.gather(*(question.aask(self._model, config) for question in questions))
            pairs.append(_merge(pair, answers))
            if pairs[-1].relation and len(pairs) < len(asked):
                yield self._end(given, asked, pairs)
        yield self._end(given, asked, pairs)


def adjudication_chain(
    llm: BaseChatModel | str | None,
    *,
    budget: int = BUDGET,
    prompts: Path | str | None = None,
    prices: Prices | None = None,
) -> Runnable[AlignmentReport, Adjudication]:
    """A Runnable that has a language model decide what the alignment model left open; sync, async, batch and streaming.

    Only the pairs of ``report.abstained`` are sent, each in both orders. A pair becomes a row, marked ``decided_by:
    "llm"``, when both orders get the same answer; else it stays open. Score and verdict do not change. ``stream``
    yields the adjudication with each further decided pair, the last one complete.

    Args:
        llm: a chat model, or a name as ``init_chat_model`` takes it. Without a model or its key nothing is decided.
        budget: calls at the most, two a pair. A server that refuses to be asked for structured output is asked again
            in words alone; what it refused comes on top.
        prompts: a folder whose ``adjudication.txt`` replaces the package's.
        prices: what the model's tokens cost, for ``usage.cost``.

    Raises:
        InputError: for a negative budget, and as :func:`jepa_langchain.chains.narrative_chain`.
    """
    if budget < 0:
        raise InputError(f"budget: {budget} calls; it is 0 or more")
    chain = AdjudicationRunnable(*chat_model(llm), budget=budget, prompts=prompts, prices=prices)
    return chain.with_types(input_type=AlignmentReport, output_type=Adjudication).with_config(
        run_name="adjudication_chain"
    )
