"""LangChain's standard suites, with a model small enough to need no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import EmbeddingsUnitTests

from jepa_langchain.alignment import SHIPPED, AlignmentModel
from jepa_langchain.index.joint_embeddings import MODEL_VARIABLE, JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.joint_retriever import JointRetriever
from tests.unit_tests.conftest import make_model


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> VectorStore:
        return JointIndex.open(tmp_path / "index", model=make_model())


class TestVectorStoreInMemory(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> VectorStore:
        return JointIndex.open(model=make_model(), keep_states=False)


class TestVectorStoreOfATenant(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> VectorStore:
        index = JointIndex.open(tmp_path / "index", model=make_model(), keep_states=False)
        index.add_texts(["foo", "bar"], ids=["1", "2"])
        index.namespace("other").add_texts(["foo", "baz"], ids=["1", "3"])
        return index.namespace("tenant")


def filled() -> JointIndex:
    index = JointIndex.open(model=make_model())
    index.add_documents([Document(f"taxes on item{i} help towns") for i in range(5)])
    return index


class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return JointRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"vectorstore": filled(), "relation": "disagree"}

    @property
    def retriever_query_example(self) -> str:
        return "taxes on item2 help"


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return JointEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": make_model(), "relation": "agree"}


class TestEmbeddingsUnit(EmbeddingsUnitTests):
    @pytest.fixture(autouse=True)
    def _no_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(AlignmentModel, "load", lambda path: make_model())

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return JointEmbeddings

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {MODEL_VARIABLE: str(SHIPPED)}, {"relation": "agree"}, {"model_path": str(SHIPPED)}
