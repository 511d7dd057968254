"""Functions that return LangChain Runnables over the alignment model.

``comparison_chain(model, llm)`` takes two personas to a report; ``narrative_chain(llm)`` words a report. Without a
language model both word with the template of ``prompts/``; with one, every sentence is verified against its row.
"""

from jepa_langchain.chains.comparison import ComparisonInput, comparison_chain
from jepa_langchain.chains.narrative import narrative_chain
from jepa_langchain.chains.style import NarrativeStyle

__all__ = ["ComparisonInput", "NarrativeStyle", "comparison_chain", "narrative_chain"]
