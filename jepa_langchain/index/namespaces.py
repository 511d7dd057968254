"""Namespaces: one index, many tenants, each of whom reads and writes its own statements and no others.

A statement's namespace is the first part of the id that it is stored under, ``namespace U+001F id``, and a field of
its own in SQLite, ``$namespace``, which neither metadata nor a filter can name. The view below puts the tenant's
namespace on every id on its way in and takes it off on its way out, and FAISS is given the tenant's
statements as the selection to search, together with the caller's filter. Every way of asking an index goes through
the segments of a snapshot, so there is one place where a tenant's view is cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from jepa_langchain.errors import InputError
from jepa_langchain.index.batches import MARK, Batch
from jepa_langchain.index.store import Snapshot, Store


def namespace_of(tenant: str) -> str:
    """A tenant's name as ids hold it: quoted, so that it holds no mark and no two tenants share one.

    Raises:
        InputError: if it is empty, no text, or cannot be written.
    """
    if not isinstance(tenant, str) or not tenant:
        raise InputError("namespace: give the tenant's name, a text of one character at least")
    try:
        return quote(tenant, safe=" ")
    except UnicodeEncodeError:
        raise InputError("namespace: holds a lone surrogate, which is no text") from None


class NamespaceStore:
    """What one tenant sees of an open index directory, and may change in it.

    Args:
        store: the whole index.
        tenant: whose view this is.

    Raises:
        InputError: if ``tenant`` cannot be a namespace.
    """

    def __init__(self, store: Store, tenant: str) -> None:
        self.store, self.namespace = store, namespace_of(tenant)
        self._seen: tuple[Snapshot, Snapshot] | None = None

    @property
    def folder(self) -> Path:
        """The index directory, shared by all."""
        return self.store.folder

    @property
    def snapshot(self) -> Snapshot:
        """The last committed state, of this tenant's statements alone."""
        whole, seen = self.store.snapshot, self._seen
        if seen is None or seen[0] is not whole:
            segments = tuple(segment.within(self.namespace) for segment in whole.segments)
            count = sum(segment.live for segment in segments)
            seen = self._seen = whole, Snapshot(whole.manifest.model_copy(update={"count": count}), segments)
        return seen[1]

    def commit(self, batch: Batch | None = None, remove: Iterable[str] = ()) -> int:
        """As :meth:`IndexStore.commit`, for ids of this tenant."""
        own = None
        if batch is not None:
            own = replace(batch, rows=[row._replace(id=self._inside(row.id)) for row in batch.rows])
        return self.store.commit(own, [self._inside(id_) for id_ in remove])

    def _inside(self, id_: str) -> str:
        return f"{self.namespace}{MARK}{id_}"
