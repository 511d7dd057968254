"""JointIndex: statements searched by the relation asked, as a LangChain vector store."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.runnables import run_in_executor
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.encoder import Encoded
from jepa_langchain.errors import InputError, StoreError
from jepa_langchain.filters import Filter
from jepa_langchain.index_rows import make_batch, make_row, persona_rows
from jepa_langchain.index_store import IndexStore
from jepa_langchain.joint_embeddings import JointEmbeddings
from jepa_langchain.relation_search import CANDIDATES, Hit, RelationQuery, nearest, related
from jepa_langchain.schema import Persona
from jepa_langchain.segments import Row
from jepa_langchain.storage import MANIFEST, Kind, ModelIdentity


class JointIndex(VectorStore):
    """An index directory with the model that asks it. Make or open one with :meth:`open`.

    One FAISS index of target-side embeddings serves every relation: the query is ŝ(x, z), the context side's
    prediction for the relation asked, and the pair stage scores the candidates again. Any number of threads and
    processes may read while one writes; see :mod:`jepa_langchain.index_store`.

    Example:
        >>> index = JointIndex.open("statements")  # doctest: +SKIP
        >>> index.add_persona(load_persona("ann.txt").persona)  # doctest: +SKIP
        >>> index.search("Rents should be capped.", "disagree", k=3)  # doctest: +SKIP
    """

    def __init__(self, store: IndexStore, model: AlignmentModel) -> None:
        self.store, self.model = store, model
        self._embeddings = JointEmbeddings(model)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        model: AlignmentModel | Path | str | None = None,
        kind: Kind = "auto",
        keep_states: bool = True,
        read_only: bool = False,
        gpu: bool | None = None,
        adopt: bool = False,
    ) -> Self:
        """Open an index directory, or make one where there is none.

        Args:
            path: the directory; None for an index that lasts as long as the object.
            model: a model or its directory; the shipped model when None.
            kind: of a new index: "flat", "ivf", "sq8", or "auto", which decides by size.
            keep_states: of a new index: keep what re-scoring reads, some 18 kB a statement of 20 words on disk;
                without it candidates are encoded again at every search.
            read_only: never write, and leave vectors memory-mapped on disk.
            gpu: search on a GPU: True, False, or None for "if FAISS finds one".
            adopt: take over an index that another predictor over the same encoder made.

        Raises:
            StoreError: if the directory is damaged, of another model, or holds something else; names the file.
            ModelError: if the model cannot be loaded.
            InputError: without FAISS.
        """
        loaded = model if isinstance(model, AlignmentModel) else AlignmentModel.load(model)
        identity = ModelIdentity.of(loaded.files)
        temporary = tempfile.TemporaryDirectory(prefix="jepa-langchain-") if path is None else None
        folder = Path(temporary.name) / "index" if temporary else Path(str(path))
        if (folder / MANIFEST).is_file() or read_only:
            store = IndexStore(folder, read_only=read_only, gpu=gpu)
            found = store.snapshot.manifest.model
            if adopt and not read_only and found.same_encoder(identity) and found != identity:
                store.relabel(identity)
            elif not found.same_model(identity):
                what = "predictor" if found.same_encoder(identity) else "encoder"
                hint = " or open it with adopt=True" if what == "predictor" else ""
                raise StoreError(
                    f"{folder / MANIFEST}: made with model {found.name!r}, whose {what} is not that of "
                    f"{identity.name!r}; give that model, rebuild the index{hint}"
                )
        else:
            width = loaded.stages.encoder.identity.dimension
            store = IndexStore.create(folder, identity, width, kind=kind, keep_states=keep_states, gpu=gpu)
        index = cls(store, loaded)
        index._temporary = temporary
        return index

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Any,  # noqa: ANN401
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: Path | str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Self:
        """An index with some texts in it; ``embedding`` is a :class:`JointEmbeddings`, ``kwargs`` go to :meth:`open`.

        Raises:
            InputError: for another kind of embedding, which is no joint space.
        """
        if not isinstance(embedding, JointEmbeddings):
            raise InputError(f"a JointIndex takes JointEmbeddings(model), not {type(embedding).__name__}")
        index = cls.open(path, model=embedding.model, **kwargs)
        index.add_texts(texts, metadatas, ids=ids)
        return index

    @property
    def embeddings(self) -> JointEmbeddings:
        """The same space for another vector store; its queries are plain embeddings."""
        return self._embeddings

    def __len__(self) -> int:
        return self.store.snapshot.manifest.count

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> list[str]:
        """Add texts, replacing those of the same id; all of them or, if anything fails, none.

        Returns:
            Their ids, new ones where none were given.

        Raises:
            InputError: if lengths differ, or a text or its metadata cannot be kept.
            StoreError: if the index cannot be written.
        """
        texts = list(texts)
        metadatas = metadatas if metadatas is not None else [{}] * len(texts)
        named = [str(i) if i is not None else str(uuid.uuid4()) for i in (ids or [None] * len(texts))]
        if not len(texts) == len(metadatas) == len(named):
            raise InputError(f"{len(texts)} texts, {len(metadatas)} metadatas and {len(named)} ids")
        rows = [make_row(id_, t, m) for id_, t, m in zip(named, texts, metadatas, strict=True)]
        self.add_rows(list({row.id: row for row in rows}.values()))
        return named

    def add_rows(self, rows: list[Row], encoded: Encoded | None = None) -> None:
        """Add rows of distinct ids, encoded here unless their states are given."""
        if rows:
            encoded = encoded or self.model.stages.encoder.encode([row.text for row in rows])
            self.store.commit(make_batch(rows, encoded, keep=self.store.snapshot.manifest.keep_states))

    def add_persona(
        self,
        persona: Persona,
        *,
        metadata: Mapping[str, Any] | None = None,
        statements: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[str]:
        """Add what a persona said; a statement that is there already is replaced.

        Args:
            persona: the persona; texts are cleaned as :func:`load_persona` cleans them.
            metadata: of all its statements, for example a topic or a time.
            statements: metadata of some statements, by their id.

        Returns:
            Ids of the documents: ``persona/statement``.

        Raises:
            InputError: if a statement or its metadata cannot be kept.
            StoreError: if the index cannot be written.
        """
        rows = persona_rows(persona, metadata=metadata, statements=statements)
        self.add_rows(rows)
        return [row.id for row in rows]

    def search(  # type: ignore[override]  # the base's second argument is a kind of search; those are taken too
        self,
        text: str,
        relation: str = "similar",
        k: int = 10,
        filter: Filter | None = None,  # noqa: A002
        exclude_personas: Sequence[str] = (),
        min_probability: float | None = None,
        *,
        candidates: int = CANDIDATES,
        rescore: bool = True,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """Statements that stand in a relation to a text, best first.

        Args:
            text: what is asked about.
            relation: "agree", "disagree", or "similar" (plain cosine). The base class's kinds of search
                ("similarity", "mmr", "similarity_score_threshold") are taken too.
            k: how many at the most.
            filter: metadata filter, see :mod:`jepa_langchain.filters`.
            exclude_personas: personas whose statements are left out.
            min_probability: calibrated probability of the relation below which a candidate is left out.
            candidates: statements that the pair stage scores, at least k.
            rescore: whether it does; without it the order is FAISS's.
            kwargs: for the base class's kinds of search.

        Returns:
            Documents. Beside their own metadata they carry ``relation``, ``probability`` of it, ``energy`` under it,
            ``energies`` and ``probabilities`` of all, ``verdict`` (None inside the abstain band) and ``similarity``.

        Raises:
            InputError: if the text, the relation or the filter cannot be used, or there are no probabilities to filter by.
        """
        if relation in VectorStoreRetriever.allowed_search_types:
            return super().search(text, relation, k=k, filter=filter, **kwargs)
        query = RelationQuery.of(
            text,
            relation,
            k,
            filter,
            exclude_personas,
            min_probability=min_probability,
            candidates=candidates,
            rescored=rescore,
        )
        return [hit.document(found) for hit, found in self._related(query)]

    async def asearch(self, query: str, search_type: str = "similar", **kwargs: Any) -> list[Document]:  # noqa: ANN401
        """:meth:`search` without blocking the event loop; ``search_type`` is the relation."""
        return await run_in_executor(None, self.search, query, search_type, **kwargs)

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
        """Documents with their cosine or, with ``relation=``, the probability of it (its similarity if uncalibrated)."""
        if relation is None:
            return self.similarity_search_with_score_by_vector(self._embeddings.embed_query(query), k, filter)
        found = self.search(query, relation, k, filter, **kwargs)
        return [(doc, _score(doc.metadata)) for doc in found]

    def similarity_search_with_score_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002
    ) -> list[tuple[Document, float]]:
        """Documents with their cosine to a vector of this space."""
        return [(hit.document(), hit.similarity) for hit in self._nearest(embedding, k, filter)]

    def similarity_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> list[Document]:
        """Documents nearest to a vector of this space, for example one of :class:`JointEmbeddings`."""
        return [hit.document() for hit in self._nearest(embedding, k, filter)]

    def _nearest(self, embedding: Sequence[float], k: int, wanted: Filter | None) -> list[Hit]:
        vector = np.asarray(embedding, dtype=np.float32)
        snapshot = self.store.snapshot
        if vector.shape != (snapshot.manifest.dimension,):
            raise InputError(f"a vector of shape {vector.shape}; this index has {snapshot.manifest.dimension} numbers")
        norm = float(np.linalg.norm(vector))
        return nearest(snapshot, vector / norm if norm else vector, k, wanted)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        # Cosines and probabilities both grow with relevance; opposite vectors are as irrelevant as unrelated ones.
        return lambda score: min(1.0, max(0.0, score))

    def max_marginal_relevance_search(
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
            return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter)
        asked = RelationQuery.of(query, relation, fetch_k, filter, kwargs.pop("exclude_personas", ()), **kwargs)
        return _diverse(vector, self._related(asked), k, lambda_mult)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> list[Document]:
        """As :meth:`max_marginal_relevance_search`, for a vector of this space."""
        hits = self._nearest(embedding, max(k, fetch_k), filter)
        return _diverse(embedding, [(hit, {}) for hit in hits], k, lambda_mult)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Documents of those ids that are here, in the order asked."""
        found: dict[str, Document] = {}
        for segment in self.store.snapshot.segments:
            places = segment.positions(list(ids))
            for position, row in zip(places.values(), segment.rows(list(places.values())), strict=True):
                found[row.id] = Hit(row, segment, position, 1.0).document()
        return [found[id_] for id_ in ids if id_ in found]

    def delete(
        self,
        ids: Sequence[str] | None = None,
        *,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> bool:
        """Delete by id, or what a filter keeps; with neither, everything. Ids that are not here are passed over.

        Raises:
            InputError: if the filter cannot be understood.
            StoreError: if the index cannot be written.
        """
        gone = list(ids) if ids is not None else []
        if ids is None:
            gone = [row.id for row in self.rows(filter)]
        self.store.commit(remove=gone)
        return True

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

    def retrain(self, kind: Kind | None = None) -> None:
        """Write everything as one segment, its structure trained on all of it, as another kind if given."""
        self.store.rewrite(self.store.live_batches(), kind=kind)


def _score(found: Mapping[str, Any]) -> float:
    value = found.get("probability")
    return float(found["similarity"] if value is None else value)


def _diverse(
    vector: Sequence[float], found: list[tuple[Hit, dict[str, Any]]], k: int, lambda_mult: float
) -> list[Document]:
    if not found:
        return []
    query, vectors = np.asarray(vector, dtype=np.float32), [hit.vector for hit, _ in found]
    chosen = maximal_marginal_relevance(query, vectors, lambda_mult=lambda_mult, k=k)
    return [found[i][0].document(found[i][1]) for i in chosen]
