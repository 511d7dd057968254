"""Search by relation: who would agree with a claim, who would disagree, and what is merely similar.

Similarity finds what is about the same thing, whichever side it takes. Asking for a relation finds the side.

    python examples/search_aligned.py
    python examples/search_aligned.py "Nuclear plants are safe."
"""

from __future__ import annotations

import sys

from common import town_index

from jepa_langchain import JointIndex

CLAIM = "Medicines should not be tested on animals."


def show(index: JointIndex, claim: str, relation: str) -> None:
    """Print the three best statements for one relation."""
    print(f"\n{relation}:")
    for found in index.search(claim, relation, k=3):
        p = found.metadata.get("probability")
        score = f"p={p:.2f}" if p is not None else f"cosine={found.metadata['similarity']:.2f}"
        decided = "" if relation == "similar" or found.metadata["verdict"] else "  (undecided)"
        print(f"  {score}  {found.metadata['persona']:5} {found.page_content}{decided}")


def main(claim: str = CLAIM) -> None:
    """Ask one claim in three ways, then by a LangChain retriever with a filter."""
    index = town_index()
    print(f"claim: {claim}")
    for relation in ("similar", "agree", "disagree"):
        show(index, claim, relation)
    retriever = index.as_retriever(
        search_kwargs={"relation": "disagree", "k": 2, "filter": {"persona": {"$in": ["ivy", "max"]}}}
    )
    print("\nthe retriever, asked for what Ivy and Max would say against it:")
    for document in retriever.invoke(claim):
        print(f"  {document.metadata['persona']:5} {document.page_content}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
