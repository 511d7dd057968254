"""JointRetriever: the same search by relation over any vector store that holds the joint space.

An agent that holds a retriever need not change when its index moves from FAISS to a distributed engine: candidates come
from the store, by vector, and the pair stage scores them again from their texts.
"""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field

from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_embeddings import JointEmbeddings, SearchRelation, query_vector
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.relation_search import CANDIDATES, RelationQuery, described, ranked, rescore_texts
from jepa_langchain.schema import Relation


class JointRetriever(BaseRetriever):
    """Statements that stand in a relation to the query; options as :meth:`JointIndex.search`.

    Raises:
        InputError: when asked, if the store's ``embeddings`` are no :class:`JointEmbeddings`.

    Example:
        >>> JointRetriever(vectorstore=index, relation="disagree", k=3).invoke("Cap the rents.")  # doctest: +SKIP
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    vectorstore: VectorStore
    relation: SearchRelation = "similar"
    k: int = Field(default=10, ge=1)
    min_probability: float | None = None
    candidates: int = CANDIDATES
    #: Passed to the store: a :class:`JointIndex` takes ``filter`` and ``exclude_personas``, others their own words.
    search_kwargs: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        options: dict[str, Any] = {
            "k": self.k,
            "relation": self.relation,
            "min_probability": self.min_probability,
            "candidates": self.candidates,
            **self.search_kwargs,
            **kwargs,
        }
        if isinstance(self.vectorstore, JointIndex):
            return self.vectorstore.search(query, **options)
        return search_elsewhere(self.vectorstore, query, **options)


def search_elsewhere(
    store: VectorStore,
    text: str,
    *,
    relation: str,
    k: int = 10,
    min_probability: float | None = None,
    candidates: int = CANDIDATES,
    rescore: bool = True,
    **kwargs: Any,  # noqa: ANN401
) -> list[Document]:
    """What :meth:`JointIndex.search` does, with another store's vector search in place of FAISS.

    Raises:
        InputError: if the store does not hold the joint space, or as :meth:`JointIndex.search`.
    """
    if kwargs.get("exclude_personas"):
        raise InputError(f"exclude_personas: {type(store).__name__} takes filters in its own words; say it in those")
    embeddings = store.embeddings
    if not isinstance(embeddings, JointEmbeddings):
        raise InputError(f"{type(store).__name__}: its embeddings are no JointEmbeddings, so it holds no joint space")
    asked = {"min_probability": min_probability, "candidates": candidates, "rescored": rescore}
    query = RelationQuery.of(text, relation, k, None, (), **asked)
    stages = embeddings.model.stages
    encoded = stages.encoder.encode([query.text])
    vector = query_vector(stages, encoded, query.relation)[0]
    wide = max(k, candidates) if query.scored else k
    documents = store.similarity_search_by_vector(vector.tolist(), k=wide, **kwargs)
    if not query.scored:
        return [_with(doc, {"relation": query.relation}) for doc in documents]
    if not documents:
        return []
    texts = [doc.page_content for doc in documents]
    states = stages.encoder.encode(texts)
    estimates = rescore_texts(stages, query.text, encoded, texts, states)
    found = [
        (doc, described(Relation(query.relation), e) | {"similarity": near})
        for doc, e, near in zip(documents, estimates, (states.embeddings @ vector).tolist(), strict=True)
    ]
    return [_with(doc, extra) for doc, extra in ranked(found, query)]


def _with(document: Document, found: dict[str, Any]) -> Document:
    return Document(id=document.id, page_content=document.page_content, metadata={**document.metadata, **found})
