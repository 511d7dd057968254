"""Two personas in, an alignment report out, as a LangChain Runnable."""

from __future__ import annotations

from typing import TypedDict

from langchain_core.runnables import Runnable, RunnableLambda

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.schema import AlignmentReport, Persona


class ComparisonInput(TypedDict):
    """The two personas to compare."""

    a: Persona
    b: Persona


def comparison_chain(model: AlignmentModel) -> Runnable[ComparisonInput, AlignmentReport]:
    """A Runnable that compares two personas; sync, async and batch, traced as ``comparison_chain``.

    Args:
        model: a loaded model.

    Example:
        >>> report = comparison_chain(model).invoke({"a": alice, "b": bob})
    """

    def run(pair: ComparisonInput) -> AlignmentReport:
        return model.compare(pair["a"], pair["b"])

    return RunnableLambda(run, name="comparison_chain")
