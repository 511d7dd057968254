"""The alignment sense of LLM agents: who agrees with whom, where they do not, and why, with evidence.

``import jepa_langchain`` is fast: torch, sentence-transformers and faiss load at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.encoder import EmbeddingsEncoder, TransformerEncoder
    from jepa_langchain.errors import InputError, JepaLangchainError, ModelError, StoreError
    from jepa_langchain.group_schema import GroupReport
    from jepa_langchain.groups import compare_group
    from jepa_langchain.index.joint_embeddings import JointEmbeddings
    from jepa_langchain.index.joint_index import JointIndex
    from jepa_langchain.index.joint_retriever import JointRetriever
    from jepa_langchain.personas import load_persona, persona_from_messages
    from jepa_langchain.schema import (
        AlignmentReport,
        LedgerRow,
        Narrative,
        Persona,
        Relation,
        RelationEstimate,
        Statement,
        Verdict,
    )
    from jepa_langchain.tools.callers import Caller
    from jepa_langchain.tools.toolkit import AlignmentToolkit

_HOME = {
    "AlignmentModel": "alignment",
    "AlignmentReport": "schema",
    "AlignmentToolkit": "tools.toolkit",
    "Caller": "tools.callers",
    "EmbeddingsEncoder": "encoder",
    "GroupReport": "group_schema",
    "InputError": "errors",
    "JepaLangchainError": "errors",
    "JointEmbeddings": "index.joint_embeddings",
    "JointIndex": "index.joint_index",
    "JointRetriever": "index.joint_retriever",
    "LedgerRow": "schema",
    "ModelError": "errors",
    "Narrative": "schema",
    "Persona": "schema",
    "Relation": "schema",
    "RelationEstimate": "schema",
    "Statement": "schema",
    "StoreError": "errors",
    "TransformerEncoder": "encoder",
    "Verdict": "schema",
    "compare_group": "groups",
    "load_persona": "personas",
    "persona_from_messages": "personas",
}

__all__ = [
    "AlignmentModel",
    "AlignmentReport",
    "AlignmentToolkit",
    "Caller",
    "EmbeddingsEncoder",
    "GroupReport",
    "InputError",
    "JepaLangchainError",
    "JointEmbeddings",
    "JointIndex",
    "JointRetriever",
    "LedgerRow",
    "ModelError",
    "Narrative",
    "Persona",
    "Relation",
    "RelationEstimate",
    "Statement",
    "StoreError",
    "TransformerEncoder",
    "Verdict",
    "compare_group",
    "load_persona",
    "persona_from_messages",
]


__getattr__ = exports(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
