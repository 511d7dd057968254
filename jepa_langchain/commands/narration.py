"""What ``compare --llm`` does with a report: a language model adjudicates what is open, and words the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepa_langchain.commands.options import warn

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.schema import AlignmentReport

Llm = Annotated[
    str | None,
    typer.Option(
        help="A chat model that words the summary, e.g. openai:gpt-5-mini (OPENAI_API_KEY); verified by code."
    ),
]
Style = Annotated[str, typer.Option(help="brief, standard or detailed; and neutral, formal, plain or friendly.")]
Prompts = Annotated[Path | None, typer.Option(help="A folder of prompts that replace the package's.")]
Budget = Annotated[
    int,
    typer.Option(help="Calls that --llm may make to decide pairs the model abstains on, two a pair; 0: none.", min=0),
]


def narrate(
    report: AlignmentReport, model: AlignmentModel, *, llm: str | None, style: str, prompts: Path | None, budget: int
) -> AlignmentReport:
    """The report with what a language model decided of its open pairs, and with its narrative; verdicts stay.

    Raises:
        InputError: for a style, a prompt or a model's name that cannot be used.
    """
    from jepa_langchain.chains.style import NarrativeStyle

    how = NarrativeStyle.parse(style)
    if llm is None:
        if budget or prompts:
            warn(("--budget and --prompts do nothing without --llm",))
        return report
    from jepa_langchain.chains import adjudication_chain, narrative_chain

    if budget:
        judged = adjudication_chain(llm, budget=budget, prompts=prompts).invoke(report)
        report = judged.report
        warn((f"adjudication: {judged.note}",) if judged.note else ())
    narrative = narrative_chain(llm, model=model, style=how, prompts=prompts).invoke(report)
    warn((narrative.note,) if narrative.note else ())
    if narrative.rejected:
        warn((f"{narrative.rejected} sentences of {llm} were not verified; the template tells their rows",))
    return report.model_copy(update={"narrative": narrative})
