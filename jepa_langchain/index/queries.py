"""The reading side of an index: every way in which LangChain asks a vector store, and the search by relation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.runnables import run_in_executor
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError
from jepa_langchain.index.batches import Row
from jepa_langchain.index.filters import Filter
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.relation_search import (
    CANDIDATES,
    Hit,
    RelationQuery,
    nearest,
    related,
    require_one,
    without_personas,
)
from jepa_langchain.index.store import Store


class IndexQueries(VectorStore):
    """What can be asked of an open index directory with a model."""

    def __init__(self, store: Store, model: AlignmentModel) -> None:
        self.store, self.model = store, model
        self._embeddings = JointEmbeddings(model)

    @property
    def embeddings(self) -> JointEmbeddings:
        """The same space for another vector store; its queries are plain embeddings."""
        return self._embeddings

    def __len__(self) -> int:
        return self.store.snapshot.manifest.count

    # The base's second argument is a kind of search; those are taken too.
    def search(  # type: ignore[override]  # noqa: PLR0917
        self,
        query: str,
        relation: str = "similar",
        k: int = 10,
        filter: Filter | None = None,  # noqa: A002
        exclude_personas: Sequence[str] = (),
        min_probability: float | None = None,
        *,
        candidates: int = CANDIDATES,
        rescore: bool = True,
        search_type: str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """Statements that stand in a relation to a text, best first (:func:`.relation_search.ranked` says how).

        Args:
            query: what is asked about.
            relation: "agree", "disagree", or "similar" (plain cosine). The base class's kinds of search
                ("similarity", "mmr", "similarity_score_threshold") are taken too.
            k: how many at the most.
            filter: metadata filter, see :mod:`jepa_langchain.index.filters`.
            exclude_personas: personas whose statements are left out.
            min_probability: calibrated probability of the relation below which a candidate is left out.
            candidates: statements that the pair stage scores, at least k.
            rescore: whether it does; without it the order is FAISS's.
            search_type: the base class's word for one of its kinds of search, or for the relation.
            kwargs: for the base class's kinds of search.

        Returns:
            Documents. Beside their own metadata they carry ``relation``, ``probability`` of it, ``energy`` under it,
            ``energies`` and ``probabilities`` of all, ``verdict`` (None inside the abstain band) and ``similarity``.

        Raises:
            InputError: if the text, the relation or the filter cannot be used, or there are no probabilities.
        """
        asked = search_type or relation
        options = {
            "exclude_personas": exclude_personas,
            "min_probability": min_probability,
            "candidates": candidates,
            "rescore": rescore,
        }
        if asked in VectorStoreRetriever.allowed_search_types:
            beside = None if relation in (asked, "similar") else relation
            return super().search(query, asked, k=k, filter=filter, relation=beside, **options, **kwargs)
        if relation not in (asked, "similar"):
            raise InputError(f"search_type {asked!r} and relation {str(relation)!r}: give one of the two")
        found = self._related(_question(query, asked, k, filter, options))
        return [hit.row.document(extra) for hit, extra in found]

    async def asearch(self, query: str, search_type: str | None = None, **kwargs: Any) -> list[Document]:  # noqa: ANN401
        """:meth:`search` without blocking the event loop; ``search_type`` may be the relation."""
        return await run_in_executor(None, self.search, query, search_type=search_type, **kwargs)

    def _related(self, query: RelationQuery) -> list[tuple[Hit, dict[str, Any]]]:
        return related(self.model.stages, self.store.snapshot, query)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:  # noqa: ANN401
        """Documents nearest to a text; with ``relation=`` those that stand in it, as :meth:`search` gives them.

        ``filter`` and the other options of :meth:`search` are taken too.
        """
        if kwargs.get("relation") is not None:
            return self.search(query, k=k, **kwargs)
        return [doc for doc, _ in self.similarity_search_with_score(query, k, **kwargs)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002
        relation: str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[tuple[Document, float]]:
        """Documents with their cosine or, with ``relation=``, the probability of it (the cosine if uncalibrated).

        With ``relation=`` the order is that of :meth:`search`, which counts more than the probability.
        """
        if relation is None:
            plain = _plain(filter, kwargs)
            return self.similarity_search_with_score_by_vector(self._embeddings.embed_query(query), k, plain)
        found = self.search(query, relation, k, filter, **kwargs)
        return [(doc, _score(doc.metadata)) for doc in found]

    def similarity_search_with_score_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002
    ) -> list[tuple[Document, float]]:
        """Documents with their cosine to a vector of this space."""
        return [(hit.row.document(), hit.similarity) for hit in self._nearest(embedding, k, filter)]

    def similarity_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """Documents nearest to a vector of this space, for example one of :class:`JointEmbeddings`."""
        return [hit.row.document() for hit in self._nearest(embedding, k, _plain(filter, kwargs))]

    def _nearest(self, embedding: Sequence[float], k: int, wanted: Filter | None) -> list[Hit]:
        require_one(k)
        vector = np.asarray(embedding, dtype=np.float32)
        snapshot = self.store.snapshot
        if vector.shape != (snapshot.manifest.dimension,):
            raise InputError(f"a vector of shape {vector.shape}; this index has {snapshot.manifest.dimension} numbers")
        norm = math.sqrt(vector @ vector)
        return nearest(snapshot, vector / norm if norm else vector, k, wanted)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        # Cosines and probabilities both grow with relevance; opposite vectors are as irrelevant as unrelated ones.
        return lambda score: min(1.0, max(0.0, score))

    def max_marginal_relevance_search(  # noqa: PLR0917
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,  # noqa: A002
        relation: str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """Documents that are near and unlike each other (Carbonell & Goldstein, 1998), chosen from ``fetch_k``.

        With ``relation=`` they are chosen from the ``fetch_k`` that :meth:`search` finds for it.
        """
        embeddings = JointEmbeddings(self.model, relation or "similar")
        vector = embeddings.embed_query(query)
        if relation is None:
            return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter, **kwargs)
        question = _question(query, relation, max(k, fetch_k), filter, kwargs)
        return _diverse(vector, self._related(question), k, lambda_mult)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """As :meth:`max_marginal_relevance_search`, for a vector of this space."""
        hits = self._nearest(embedding, max(k, fetch_k), _plain(filter, kwargs))
        return _diverse(embedding, [(hit, {}) for hit in hits], k, lambda_mult)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Documents of those ids that are here, in the order asked."""
        found: dict[str, Document] = {}
        for segment in self.store.snapshot.segments:
            places = segment.positions(list(ids))
            found |= {row.id: row.document() for row in segment.rows(list(places.values()))}
        return [found[id_] for id_ in ids if id_ in found]

    def rows(self, wanted: Filter | None = None) -> list[Row]:
        """Statements as they are stored, all or those that a filter keeps.

        Raises:
            InputError: if the filter cannot be understood.
        """
        out: list[Row] = []
        for segment in self.store.snapshot.segments:
            kept = segment.selection(wanted)
            out += segment.rows((segment.alive() if kept is None else kept.positions).tolist())
        return out


def _plain(wanted: Filter | None, options: Mapping[str, Any]) -> Filter | None:
    """The filter of a search by vector, with the other options of :meth:`IndexQueries.search` that it can keep.

    Raises:
        InputError: for one that it cannot.
    """
    for name in ("relation", "min_probability"):
        if options.get(name) is not None:
            raise InputError(f"{name}: this search asks for no relation and gives no probabilities")
    return without_personas(wanted, options.get("exclude_personas") or ())


def _question(text: str, relation: str, k: int, wanted: Filter | None, options: Mapping[str, Any]) -> RelationQuery:
    """A query with the options of :meth:`IndexQueries.search`."""
    return RelationQuery.of(
        text,
        relation,
        k,
        wanted,
        options.get("exclude_personas") or (),
        min_probability=options.get("min_probability"),
        candidates=options.get("candidates", CANDIDATES),
        rescored=options.get("rescore", True),
    )


def _score(found: Mapping[str, Any]) -> float:
    value = found.get("probability")
    return float(found["similarity"] if value is None else value)


def _diverse(
    vector: Sequence[float], found: list[tuple[Hit, dict[str, Any]]], k: int, lambda_mult: float
) -> list[Document]:
    require_one(k)
    if not found:
        return []
    query, vectors = np.asarray(vector, dtype=np.float32), [hit.vector.tolist() for hit, _ in found]
    chosen = maximal_marginal_relevance(query, vectors, lambda_mult=lambda_mult, k=k)
    return [found[i][0].row.document(found[i][1]) for i in chosen]
