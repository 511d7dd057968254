"""A report in, its narrative out, as a LangChain Runnable."""

from __future__ import annotations

from langchain_core.runnables import Runnable, RunnableLambda

from jepa_langchain.narrative import write_narrative
from jepa_langchain.schema import AlignmentReport, Narrative


def narrative_chain() -> Runnable[AlignmentReport, Narrative]:
    """A Runnable that words the ledger of a report with the template; traced as ``narrative_chain``.

    The narrative says ``source: "template"``; every sentence quotes and cites both sides.
    """

    def run(report: AlignmentReport) -> Narrative:
        names = (report.personas[0].id, report.personas[1].id)
        return write_narrative(names, report.agreements, report.disagreements, report.mixed)

    return RunnableLambda(run, name="narrative_chain")
