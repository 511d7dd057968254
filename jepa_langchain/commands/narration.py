"""What ``--llm`` does with a report: a language model adjudicates what is open, and words the ledger."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepa_langchain.commands.options import warn
from jepa_langchain.errors import InputError

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.chains.prices import Prices
    from jepa_langchain.chains.style import NarrativeStyle
    from jepa_langchain.group_schema import GroupNarrative, GroupReport
    from jepa_langchain.schema import AlignmentReport, Narrative, Usage

Llm = Annotated[
    str | None,
    typer.Option(
        help="A chat model that words the summary, e.g. openai:gpt-5-mini (OPENAI_API_KEY); verified by code."
    ),
]
Style = Annotated[
    str,
    typer.Option(
        help="brief, standard or detailed; neutral, formal, plain or friendly; en, de, fr or es. With commas."
    ),
]
Prompts = Annotated[Path | None, typer.Option(help="A folder of prompts that replace the package's.")]
Budget = Annotated[
    int,
    typer.Option(help="Calls that --llm may make to decide pairs the model abstains on, two a pair; 0: none.", min=0),
]
PriceIn = Annotated[
    float | None, typer.Option(help="What a million tokens sent to --llm cost, with --price-out.", min=0.0)
]
PriceOut = Annotated[
    float | None, typer.Option(help="What a million tokens of its answers cost, in the same currency.", min=0.0)
]


@dataclass(frozen=True)
class Narration:
    """What the options of the command line ask for; see :func:`narrate`.

    ``price_in`` and ``price_out`` are those of a million tokens.
    """

    llm: str | None = None
    style: str = "standard"
    prompts: Path | None = None
    budget: int = 0
    price_in: float | None = None
    price_out: float | None = None

    def how(self) -> NarrativeStyle:
        """The style, parsed.

        Raises:
            InputError: for a word that is no style.
        """
        from jepa_langchain.chains.style import NarrativeStyle

        return NarrativeStyle.parse(self.style)

    def check(self) -> None:
        """Refuse, before anything is compared, what could not be narrated afterwards; say what does nothing.

        Raises:
            InputError: for a style, prices, a prompt or a model's name that cannot be used.
        """
        how, prices = self.how(), self.prices()
        if self.llm is not None:
            from jepa_langchain.chains import adjudication_chain, narrative_chain

            narrative_chain(self.llm, style=how, prompts=self.prompts)
            adjudication_chain(None, prompts=self.prompts)
        if self.llm is None and (self.budget or self.prompts or prices):
            warn(("--budget, --prompts and prices do nothing without --llm",))
        if self.llm is None and (how.length, how.tone) != ("standard", "neutral"):
            warn(("--style: without --llm only the language counts",))

    def prices(self) -> Prices | None:
        """The prices, if both are given.

        Raises:
            InputError: if only one is, or if one is no finite number.
        """
        from jepa_langchain.chains.prices import Prices

        if self.price_in is None and self.price_out is None:
            return None
        if self.price_in is None or self.price_out is None:
            raise InputError("--price-in and --price-out go together")
        if not (math.isfinite(self.price_in) and math.isfinite(self.price_out)):
            raise InputError("--price-in and --price-out: no finite number")
        return Prices(input_per_million=self.price_in, output_per_million=self.price_out)


def _tell(narrative: Narrative | GroupNarrative, asked: Narration, *spent: Usage) -> None:
    """What became of the narrative, on stderr: its note, what was rejected, and its cost where prices were given."""
    warn((narrative.note,) if narrative.note else ())
    if narrative.rejected:
        warn((f"{narrative.rejected} sentences of {asked.llm} were not verified; the template tells their rows",))
    if asked.llm and asked.price_in is not None:
        _tell_usage(asked.llm, *spent, narrative.usage)


def _tell_usage(llm: str, *usages: Usage) -> None:
    """Calls, tokens and cost, on stderr."""
    if any(usage.calls for usage in usages):
        calls, came, went = (
            sum(getattr(usage, name) for usage in usages) for name in ("calls", "tokens_in", "tokens_out")
        )
        known = [usage.cost for usage in usages if usage.calls]
        cost = f"cost {sum(c or 0.0 for c in known):.6g}" if None not in known else "cost unknown: no count of tokens"
        typer.echo(f"{llm}: {calls} calls, {came} tokens in, {went} out, {cost}", err=True)


def narrate_group(report: GroupReport, model: AlignmentModel, asked: Narration) -> GroupReport:
    """The group with its narrative, if a language model or another language than English is asked for.

    Raises:
        InputError: as :func:`narrate`.
    """
    how, prices = asked.how(), asked.prices()
    if asked.llm is None and how.language == "en":
        return report
    from jepa_langchain.chains import group_narrative_chain

    chain = group_narrative_chain(asked.llm, model=model, style=how, prompts=asked.prompts, prices=prices)
    narrative = chain.invoke(report)
    _tell(narrative, asked)
    return report.model_copy(update={"narrative": narrative})


def narrate(report: AlignmentReport, model: AlignmentModel, asked: Narration) -> AlignmentReport:
    """The report with what a language model decided of its open pairs, and with its narrative; verdicts stay.

    Raises:
        InputError: for a style, a prompt or a model's name that cannot be used.
    """
    how, prices, llm = asked.how(), asked.prices(), asked.llm
    if llm is None and how.language == "en":
        return report
    from jepa_langchain.chains import adjudication_chain, narrative_chain

    spent = []
    if asked.budget and llm:
        judged = adjudication_chain(llm, budget=asked.budget, prompts=asked.prompts, prices=prices).invoke(report)
        report = judged.report
        spent.append(judged.usage)
        warn((f"adjudication: {judged.note}",) if judged.note else ())
    chain = narrative_chain(llm, model=model, style=how, prompts=asked.prompts, prices=prices)
    narrative = chain.invoke(report)
    _tell(narrative, asked, *spent)
    return report.model_copy(update={"narrative": narrative})
