"""Functions that return LangChain Runnables over the alignment model.

``comparison_chain(model, llm)`` takes two personas to a report; ``narrative_chain(llm)`` words a report. Without a
language model both word with the template of ``prompts/``; with one, every sentence is verified against its row.
``statement_chain(llm)`` finds what the speakers of a conversation hold; ``adjudication_chain(llm)`` has a language
model decide the pairs that the alignment model abstains on; ``group_narrative_chain(llm)`` words a whole group.
"""

from jepa_langchain.chains.adjudication import Adjudication, adjudication_chain
from jepa_langchain.chains.comparison import ComparisonInput, comparison_chain
from jepa_langchain.chains.conversation import Conversation
from jepa_langchain.chains.extraction import statement_chain
from jepa_langchain.chains.group import group_narrative_chain
from jepa_langchain.chains.narrative import narrative_chain
from jepa_langchain.chains.prices import Prices
from jepa_langchain.chains.style import NarrativeStyle

__all__ = [
    "Adjudication",
    "ComparisonInput",
    "Conversation",
    "NarrativeStyle",
    "Prices",
    "adjudication_chain",
    "comparison_chain",
    "group_narrative_chain",
    "narrative_chain",
    "statement_chain",
]
