"""Functions that return LangChain Runnables over the alignment model.

``comparison_chain(model)`` takes two personas to a report; ``narrative_chain()`` words a report. Both word with the
template of ``prompts/``; a chain that lets a language model word the rows takes the same place.
"""

from jepa_langchain.chains.comparison import ComparisonInput, comparison_chain
from jepa_langchain.chains.narrative import narrative_chain

__all__ = ["ComparisonInput", "comparison_chain", "narrative_chain"]
