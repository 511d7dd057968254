"""Two personas in, an alignment report out, as a LangChain Runnable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.narrative import narrative_chain
from jepa_langchain.chains.style import NarrativeStyle
from jepa_langchain.schema import AlignmentReport, Persona

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ComparisonInput(TypedDict):
    """The two personas to compare."""

    a: Persona
    b: Persona


def comparison_chain(
    model: AlignmentModel,
    llm: BaseChatModel | str | None = None,
    *,
    style: NarrativeStyle | None = None,
    prompts: Path | str | None = None,
) -> Runnable[ComparisonInput, AlignmentReport]:
    """A Runnable that compares two personas; sync, async and batch, traced as ``comparison_chain``.

    The verdicts are the model's and are computed before a language model is asked for anything; it words the
    narrative alone.

    Args:
        model: a loaded model.
        llm: who words the narrative, as for :func:`narrative_chain`; the template when None.
        style: length and tone of the narrative.
        prompts: a folder of prompts that replace the package's.

    Raises:
        InputError: as :func:`narrative_chain`.

    Example:
        >>> report = comparison_chain(model).invoke({"a": alice, "b": bob})
    """
    tell = narrative_chain(llm, model=model, style=style, prompts=prompts)

    def run(pair: ComparisonInput, config: RunnableConfig) -> AlignmentReport:
        report = model.compare(pair["a"], pair["b"])
        return report if llm is None else report.model_copy(update={"narrative": tell.invoke(report, config)})

    async def arun(pair: ComparisonInput, config: RunnableConfig) -> AlignmentReport:
        report = model.compare(pair["a"], pair["b"])
        return report if llm is None else report.model_copy(update={"narrative": await tell.ainvoke(report, config)})

    chain: Runnable[ComparisonInput, AlignmentReport] = RunnableLambda(run, arun, name="comparison_chain")
    return chain.with_types(output_type=AlignmentReport).with_config(run_name="comparison_chain")
