"""Statements kept in a directory and searched by relation; :class:`JointIndex` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.index.joint_embeddings import JointEmbeddings
    from jepa_langchain.index.joint_index import JointIndex
    from jepa_langchain.index.joint_retriever import JointRetriever

__all__ = ["JointEmbeddings", "JointIndex", "JointRetriever"]
__getattr__ = exports(
    __name__, {"JointEmbeddings": "joint_embeddings", "JointIndex": "joint_index", "JointRetriever": "joint_retriever"}
)
