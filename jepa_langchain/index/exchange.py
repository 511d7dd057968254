"""Copying an index into any other vector store that holds the same joint space, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.queries import IndexQueries
from jepa_langchain.index.storage import ModelIdentity


class IndexExchange(IndexQueries):
    """What an index gives to another vector store, and takes from it."""

    def export_to(self, vectorstore: VectorStore, *, batch_size: int = 500) -> list[str]:
        """Copy every statement, under its id and with its vector as it is, into another vector store.

        Args:
            vectorstore: any LangChain store made with :class:`JointEmbeddings` of the same encoder.
            batch_size: documents a call.

        Returns:
            The ids that the store gave them.

        Raises:
            InputError: if the store's embeddings are not this joint space.
        """
        embeddings = vectorstore.embeddings
        if not isinstance(embeddings, JointEmbeddings):
            raise InputError(f"{type(vectorstore).__name__}: its embeddings are no JointEmbeddings")
        if not ModelIdentity.of(embeddings.model.files).same_encoder(self.store.snapshot.manifest.model):
            raise InputError(f"{type(vectorstore).__name__}: its embeddings are those of another encoder")
        ids: list[str] = []
        for segment in self.store.snapshot.segments:
            alive = segment.alive()
            for start in range(0, len(alive), batch_size):
                places = alive[start : start + batch_size]
                rows, vectors = segment.rows(places.tolist()), segment.structure.vectors[places]
                known = {row.text: vector for row, vector in zip(rows, vectors, strict=True)}
                with embeddings.knowing(known):
                    ids += vectorstore.add_documents([row.document() for row in rows], ids=[row.id for row in rows])
        return ids

    def import_from(
        self,
        vectorstore: VectorStore,
        ids: Sequence[str],
        *,
        fetch: Callable[[list[str]], list[Document]] | None = None,
        batch_size: int = 500,
    ) -> int:
        """Add another store's documents by id; their texts are encoded here.

        Args:
            vectorstore: where the documents are.
            ids: which of them, for example what :meth:`export_to` returned.
            fetch: how documents are had by their ids; the store's ``get_by_ids`` when None.
            batch_size: documents a call.

        Returns:
            How many the store still had.

        Raises:
            InputError: if the store cannot give documents by id, or one cannot be kept.
            StoreError: if the index cannot be written.
        """
        get = fetch or vectorstore.get_by_ids
        documents: list[Document] = []
        try:
            for start in range(0, len(ids), batch_size):
                documents += get(list(ids[start : start + batch_size]))
        except NotImplementedError:
            name = type(vectorstore).__name__
            raise InputError(f"{name}: gives no documents by their ids; pass fetch=, which does") from None
        self.add_documents(documents)
        return len(documents)
