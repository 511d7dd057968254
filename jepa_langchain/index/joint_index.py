"""JointIndex: statements searched by the relation asked, as a LangChain vector store."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError, StoreError
from jepa_langchain.index.batches import Row
from jepa_langchain.index.exchange import IndexExchange
from jepa_langchain.index.filters import Filter
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.namespaces import NamespaceStore
from jepa_langchain.index.rows import encode_batch, make_row, persona_rows
from jepa_langchain.index.storage import MANIFEST, Kind, ModelIdentity
from jepa_langchain.index.store import IndexStore, Store
from jepa_langchain.schema import Persona


class JointIndex(IndexExchange):
    """An index directory with the model that asks it. Make or open one with :meth:`open`.

    One FAISS index of target-side embeddings serves every relation: the query is ŝ(x, z), the context side's
    prediction for the relation asked, and the pair stage scores the candidates again. Any number of threads and
    processes may read while one writes; see :mod:`jepa_langchain.index.store`.

    Example:
        >>> index = JointIndex.open("statements")  # doctest: +SKIP
        >>> index.add_persona(load_persona("ann.txt").persona)  # doctest: +SKIP
        >>> index.search("Rents should be capped.", "disagree", k=3)  # doctest: +SKIP
    """

    def __init__(
        self,
        store: Store,
        model: AlignmentModel,
        *,
        temporary: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        super().__init__(store, model)
        self._temporary = temporary

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
            keep_states: of a new index: keep what re-scoring reads, some 14 kB a statement on disk (more for long
                ones); without it candidates are encoded again at every search.
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
        return cls(store, loaded, temporary=temporary)

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
            InputError: for another kind of embedding, which is no joint space, or one that asks for a relation, which
                an index is asked for at each search.
        """
        if not isinstance(embedding, JointEmbeddings):
            raise InputError(f"a JointIndex takes JointEmbeddings(model), not {type(embedding).__name__}")
        if embedding.relation != "similar":
            raise InputError(f"a JointIndex is asked for {embedding.relation!r} at each search, not by its embeddings")
        index = cls.open(path, model=embedding.model, **kwargs)
        index.add_texts(texts, metadatas, ids=ids)
        return index

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

    def add_rows(self, rows: list[Row]) -> None:
        """Encode and add rows of distinct ids."""
        if rows:
            keep = self.store.snapshot.manifest.keep_states
            self.store.commit(encode_batch(self.model.stages.encoder, rows, keep=keep))

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

    def delete(
        self,
        ids: Sequence[str] | None = None,
        *,
        filter: Filter | None = None,  # noqa: A002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> bool:
        """Delete by id, or what a filter keeps; with both, those ids that it keeps, with neither, everything.

        Ids that are not here are passed over.

        Raises:
            InputError: if the filter cannot be understood, or ``ids`` is a text, whose letters would be taken for ids.
            StoreError: if the index cannot be written.
        """
        if isinstance(ids, str):
            raise InputError("ids: a text given where a list of ids is needed")
        gone = list(ids or ())
        if ids is None or filter is not None:
            kept = [row.id for row in self.rows(filter)]
            gone = kept if ids is None else list(set(kept).intersection(gone))
        self.store.commit(remove=gone)
        return True

    def namespace(self, tenant: str) -> Self:
        """What one tenant sees: an index whose reads and writes reach that tenant's statements and no others.

        Ids are the tenant's own; two tenants may use the same. The statements of tenants are also this whole
        index's, for whoever runs it, under ``tenant U+001F id``. Whoever holds the view cannot leave it with a filter,
        an id or metadata, but can in Python through its ``store``: give other processes answers, not the object.

        Raises:
            InputError: if ``tenant`` is no name, or this is a tenant's view already.
        """
        if isinstance(self.store, NamespaceStore):
            raise InputError("namespace: this is a tenant's view already")
        return type(self)(NamespaceStore(self.store, tenant), self.model, temporary=self._temporary)

    def retrain(self, kind: Kind | None = None) -> None:
        """Write everything as one segment, its structure trained on all of it, as another kind if given.

        Raises:
            InputError: in a tenant's view; a segment is written anew for all tenants at once.
            StoreError: if the index cannot be written.
        """
        if not isinstance(self.store, IndexStore):
            raise InputError("a namespace is not retrained by itself; do so with the whole index")
        self.store.rewrite(kind=kind)
