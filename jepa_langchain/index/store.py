"""The committed state of an index directory, and how it changes: adding, deleting, merging, all or nothing.

Readers hold a :class:`Snapshot`, which never changes; a writer makes the next one beside it and swaps it in, on
disk by the manifest and in memory by a reference. Adding writes a new segment and leaves the others alone. Two
neighbours become one when the newer is more than half as large as the older, so that n additions write each statement
about log2(n) times and leave about log2(n) segments to search.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jepa_langchain.errors import StoreError
from jepa_langchain.index.batches import Batch, join
from jepa_langchain.index.change import Change
from jepa_langchain.index.segment_files import read_dead
from jepa_langchain.index.segments import Segment
from jepa_langchain.index.storage import (
    FORMAT,
    MANIFEST,
    RETRIES,
    Kind,
    Manifest,
    ModelIdentity,
    SegmentEntry,
    check_place,
    locked,
    read_manifest,
    remove_unnamed,
    write_manifest,
    writing,
)

#: Of a manifest: inode, time of change in nanoseconds, size.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Snapshot:
    """One committed state."""

    manifest: Manifest
    segments: tuple[Segment, ...]


class Store(Protocol):
    """Where an index keeps its statements: a whole directory, or what a tenant sees of it."""

    @property
    def folder(self) -> Path:
        """The index directory."""

    @property
    def namespace(self) -> str | None:
        """The tenant's, None for the whole directory."""

    @property
    def snapshot(self) -> Snapshot:
        """The last committed state."""

    def commit(self, batch: Batch | None = None, remove: Iterable[str] = ()) -> int:
        """See :meth:`IndexStore.commit`."""


class IndexStore:
    """An open index directory.

    Args:
        folder: the directory, with a manifest in it.
        read_only: never write, keep vectors memory-mapped.
        gpu: True, False, or None for "if there is one"; see :mod:`jepa_langchain.index.kinds`.

    Raises:
        StoreError: naming the file that is missing or damaged.
    """

    namespace: None = None

    def __init__(self, folder: Path, *, read_only: bool = False, gpu: bool | None = None) -> None:
        self.folder, self.read_only, self.gpu = folder, read_only, gpu
        self._manifest = str(folder / MANIFEST)
        self._loading, self._writing = threading.Lock(), threading.Lock()
        # One tuple, read and replaced whole: a snapshot with another's stamp would pass for the newest.
        self._state = self._load(None)

    @classmethod
    def create(
        cls,
        folder: Path,
        model: ModelIdentity,
        dimension: int,
        *,
        kind: Kind,
        keep_states: bool,
        gpu: bool | None = None,
    ) -> IndexStore:
        """Make an empty index, or open the one that another process made meanwhile.

        Raises:
            StoreError: if foreign files stand there.
        """
        if not (folder / MANIFEST).is_file():
            check_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            if not (folder / MANIFEST).is_file():
                remove_unnamed(folder, None)
                manifest = Manifest(
                    format=FORMAT,
                    generation=0,
                    model=model,
                    dimension=dimension,
                    metric="cosine",
                    count=0,
                    kind=kind,
                    keep_states=keep_states,
                    next_number=1,
                    segments=(),
                )
                write_manifest(folder, manifest)
        return cls(folder, gpu=gpu)

    @property
    def snapshot(self) -> Snapshot:
        """The last committed state, also if another process committed it.

        Raises:
            StoreError: if another process damaged the directory, or rebuilt it with another encoder: whoever opened
                this index would ask with vectors of another space.
        """
        snapshot, seen = self._state
        if self._stamp() == seen:
            return snapshot
        with self._loading:
            snapshot, seen = self._state
            if self._stamp() != seen:
                self._state = self._load(snapshot)
            return self._state[0]

    def _stamp(self) -> Stamp:
        try:
            found = os.stat(self._manifest)  # noqa: PTH116  # Asked before every search: a path object costs thrice this.
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(f"{self.folder / MANIFEST}: missing; there is no index here") from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self, before: Snapshot | None) -> tuple[Snapshot, Stamp]:
        """Open what the manifest names; what is open already is not read again."""
        known = {s.entry.number: s for s in before.segments} if before else {}
        for attempt in range(RETRIES):
            stamp = self._stamp()
            manifest = read_manifest(self.folder / MANIFEST)
            if before and not manifest.model.same_encoder(before.manifest.model):
                raise StoreError(
                    f"{self.folder / MANIFEST}: rebuilt with model {manifest.model.name!r}, whose encoder is not that "
                    f"of {before.manifest.model.name!r}; open the index again, with that model"
                )
            try:
                segments = tuple(self._segment(entry, known.get(entry.number)) for entry in manifest.segments)
            except (StoreError, FileNotFoundError):
                # A writer may have merged files away between the two reads; then there is a newer manifest.
                if self._stamp() == stamp or attempt == RETRIES - 1:
                    raise
                continue
            if sum(s.live for s in segments) != manifest.count:
                raise StoreError(f"{self.folder / MANIFEST}: field count: {manifest.count}, but its segments differ")
            return Snapshot(manifest, segments), stamp
        raise StoreError(f"{self.folder}: writers change it faster than it can be read")

    def _segment(self, entry: SegmentEntry, known: Segment | None) -> Segment:
        if known is not None and known.entry == entry:
            return known
        if known is not None and known.entry.same_but_for_dead(entry):
            return known.with_dead(entry, read_dead(self.folder, entry))
        return Segment.open(self.folder, entry, verified=False, mapped=self.read_only, gpu=self.gpu)

    def commit(self, batch: Batch | None = None, remove: Iterable[str] = ()) -> int:
        """Delete ids, then add statements (replacing those of the same id), as one step.

        Args:
            batch: statements with distinct ids.
            remove: ids; those that are not here are passed over.

        Returns:
            How many of ``remove`` were here.

        Raises:
            StoreError: if the index is read-only, locked, or cannot be written; nothing has changed then.
        """
        gone = list(dict.fromkeys(remove))
        added = [row.id for row in batch.rows] if batch else []
        with self._locked():
            before = self.snapshot
            change = Change(self.folder, before.manifest)
            removed = 0
            for segment in before.segments:
                here = segment.positions([*gone, *added])
                removed += sum(id_ in here for id_ in gone)
                change.keep(segment, sorted(here.values()))
            if batch and batch.rows:
                change.add(batch)
            if change.changed:
                self._swap(change)
        return removed

    def rewrite(self, *, kind: Kind | None = None) -> None:
        """Replace everything that is not deleted by one segment, of another kind if given.

        Raises:
            StoreError: as :meth:`commit`.
        """
        with self._locked():
            # Read under the lock: what is committed between reading and replacing would be lost.
            before = self.snapshot
            change = Change(self.folder, before.manifest.model_copy(update={"kind": kind or before.manifest.kind}))
            parts = [segment.batch(segment.alive()) for segment in before.segments]
            if parts:
                change.add(join(parts))
            self._swap(change)

    def relabel(self, model: ModelIdentity) -> None:
        """Say that another predictor over the same encoder asks this index from now on; vectors stay as they are."""
        with self._locked():
            before = self.snapshot
            change = Change(self.folder, before.manifest.model_copy(update={"model": model}))
            for segment in before.segments:
                change.keep(segment, [])
            self._swap(change)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self.read_only:
            raise StoreError(f"{self.folder}: opened read-only")
        with self._writing, locked(self.folder), writing(self.folder):
            yield

    def _swap(self, change: Change) -> None:
        manifest, entries = change.finish()
        with self._loading:
            write_manifest(self.folder, manifest)
            segments = tuple(
                kept or Segment.open(self.folder, entry, verified=True, mapped=False, gpu=self.gpu)
                for entry, kept in entries
            )
            self._state = Snapshot(manifest, segments), self._stamp()
        remove_unnamed(self.folder, manifest)
