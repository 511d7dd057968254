"""A segment: some statements with their vectors, in files that never change once they are written.

    N.sqlite              statements (position, id, text, metadata) and what filters ask for
    N.vectors.faiss       (n, d) target-side joint embeddings of unit length, exact
    N.states.safetensors  what re-scoring needs of each statement, half precision; optional
    N.structure.faiss     a trained structure, for segments that are not flat
    N.dead.safetensors    positions of deleted statements; M.dead… replaces it when more are deleted

A statement's position in its segment is its row in SQLite and in FAISS.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from jepa_langchain.errors import InputError, StoreError
from jepa_langchain.index.batches import MARK, Batch, Integers, Row, States
from jepa_langchain.index.filters import Filter, filter_key, matching, of_namespace
from jepa_langchain.index.kinds import Floats, Selection, Structure
from jepa_langchain.index.repeated import Filters, Gathered, Rows, nothing
from jepa_langchain.index.segment_files import open_statements, read_dead
from jepa_langchain.index.storage import SegmentEntry, check_file

_CHUNK = 500
#: Statements asked for at once that are remembered for the next search; more are a pass over the segment.
_REMEMBERED = 1_000


@dataclass(frozen=True)
class Segment:
    """An open segment. Nothing in it changes, so any number of threads may read it."""

    entry: SegmentEntry
    structure: Structure
    dead: Integers
    connection: sqlite3.Connection
    states_path: Path | None
    namespace: str | None = None
    _states: Any = None
    _bounds: Integers | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)
    _filters: Filters = field(default_factory=Filters, compare=False)
    _rows: Rows = field(default_factory=Rows, compare=False)

    @classmethod
    def open(cls, folder: Path, entry: SegmentEntry, *, verified: bool, mapped: bool, gpu: bool | None) -> Segment:
        """Open a segment whose files were ``verified``, or verify them first.

        Raises:
            StoreError: naming the file that is missing, damaged, or does not fit the manifest.
        """
        paths = {
            role: (folder / file.name if verified else check_file(folder, file)) for role, file in entry.files.items()
        }
        statements = open_statements(paths["statements"], entry.count)
        try:
            structure = Structure.read(
                paths["vectors"], paths.get("structure"), kind=entry.kind, mapped=mapped, gpu=gpu
            )
        except RuntimeError as error:
            raise StoreError(f"{paths['vectors']}: FAISS cannot read it ({error})") from None
        if len(structure) != entry.count:
            raise StoreError(f"{paths['vectors']}: holds {len(structure):,} vectors, not {entry.count:,}")
        dead = read_dead(folder, entry)
        states = bounds = None
        if "states" in paths:
            states = safe_open(paths["states"], framework="np")
            bounds = states.get_tensor("bounds")  # type: ignore[no-untyped-call]
        return cls(entry, structure, dead, statements, paths.get("states"), None, states, bounds)

    def with_dead(self, entry: SegmentEntry, dead: Integers) -> Segment:
        """The same files with more statements deleted."""
        return replace(self, entry=entry, dead=dead, _filters=Filters())

    def within(self, namespace: str) -> Segment:
        """The same as one tenant sees it: its statements alone, under their ids without the namespace."""
        return replace(self, namespace=namespace)

    @property
    def live(self) -> int:
        """Number of statements that are not deleted."""
        return self.entry.count - self.entry.dead if self.namespace is None else len(self.alive())

    def alive(self) -> Integers:
        """Positions of the statements that are not deleted, ascending."""
        kept = self.selection(None)
        return np.arange(self.entry.count) if kept is None else kept.positions

    def selection(self, wanted: Filter | None) -> Selection | None:
        """What a filter keeps, None for everything; the last filters are remembered.

        Raises:
            InputError: if the filter cannot be understood.
        """
        return None if self._whole(wanted) else self._selected(wanted)[1]

    def _whole(self, wanted: Filter | None) -> bool:
        return not wanted and not len(self.dead) and self.namespace is None

    def _selected(self, wanted: Filter | None) -> tuple[object, Selection, bool]:
        """(key, what it keeps, whether it was asked before) of a filter, the deleted and other tenants left out."""
        key = self.namespace, filter_key(wanted or {})

        def make() -> Selection:
            with self._lock:
                mask = matching(wanted or {}, self.connection, self.entry.count)
                mask[self.dead] = False
                if self.namespace is not None:
                    mask &= of_namespace(self.namespace, self.connection, self.entry.count)
            return Selection.of(mask)

        return key, *self._filters.selection(key, make)

    def search(self, queries: Floats, k: int, wanted: Filter | None) -> tuple[Floats, Integers]:
        """Cosines and positions, best first, as :meth:`Structure.search` gives them, among what a filter keeps.

        Raises:
            InputError: if the filter cannot be understood.
        """
        if self._whole(wanted):
            return self.structure.search(queries, k, None)
        key, kept, again = self._selected(wanted)
        if not kept.count:
            return nothing(queries)
        if again and kept.few:
            return self._filters.gathered(key, lambda: self._gather(kept)).search(queries, k)
        return self.structure.search(queries, k, kept)

    def _gather(self, kept: Selection) -> Gathered:
        if kept.count <= _REMEMBERED:
            # One pass over the statements here, or a query to SQLite for each search.
            self.rows(kept.positions.tolist())
        return Gathered.of(kept, self.structure)

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """Statements by position, in the order asked."""
        wanted = [int(p) for p in positions]
        found = self._rows.get(wanted)
        missing = [p for p in wanted if p not in found]
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            sql = f"SELECT pos, id, text, metadata FROM statements WHERE pos IN ({','.join('?' * len(chunk))})"  # noqa: S608
            with self._lock:
                found |= {pos: Row(*rest) for pos, *rest in self.connection.execute(sql, chunk).fetchall()}
        if 0 < len(missing) <= _REMEMBERED:
            self._rows.add({p: found[p] for p in missing})
        if self._prefix:
            found = {pos: row._replace(id=row.id.removeprefix(self._prefix)) for pos, row in found.items()}
        return [found[p] for p in wanted]

    @property
    def _prefix(self) -> str:
        return "" if self.namespace is None else f"{self.namespace}{MARK}"

    def positions(self, ids: Sequence[str]) -> dict[str, int]:
        """Positions of those ids that are here and not deleted.

        Raises:
            InputError: if an id is no text that could be written.
        """
        found: dict[str, int] = {}
        prefix = self._prefix
        for start in range(0, len(ids), _CHUNK):
            chunk = [f"{prefix}{id_}" for id_ in ids[start : start + _CHUNK]]
            sql = f"SELECT id, pos FROM statements WHERE id IN ({','.join('?' * len(chunk))})"  # noqa: S608
            try:
                with self._lock:
                    found |= dict(self.connection.execute(sql, chunk).fetchall())
            except UnicodeEncodeError as error:
                bad = error.object.rpartition(MARK)[2]
                raise InputError(f"id {bad!r}: holds a lone surrogate, which is no text") from None
        gone = set(self.dead.tolist())
        return {id_.removeprefix(prefix): pos for id_, pos in found.items() if pos not in gone}

    def values(self, name: str) -> list[str | int | float]:
        """A metadata field of every statement that has it and is seen here, by position."""
        kept = self.selection(None)
        with self._lock:
            sql = "SELECT pos, value FROM fields WHERE name = ? ORDER BY pos"
            found: list[tuple[int, str | int | float]] = self.connection.execute(sql, (name,)).fetchall()
        seen = None if kept is None else set(kept.positions.tolist())
        return [value for pos, value in found if seen is None or pos in seen]

    def states(self, positions: Sequence[int]) -> States | None:
        """Kept states of some statements, read from disk; None if this segment keeps none."""
        if self._states is None or self._bounds is None:
            return None
        with self._lock:
            context, tokens = (self._states.get_slice(name) for name in ("context", "tokens"))
            rows = [context[int(p) : int(p) + 1] for p in positions]
            parts = [tokens[int(self._bounds[p]) : int(self._bounds[p + 1])] for p in positions]
        return States.of(np.concatenate(rows), parts)

    def batch(self, positions: Integers) -> Batch:
        """Everything of some statements, to be written into another segment."""
        states = None
        if self._states is not None:
            whole = States(*(self._states.get_tensor(name) for name in ("context", "tokens", "bounds")))
            states = whole if len(positions) == self.entry.count else whole.take(positions)
        return Batch(self.rows(positions.tolist()), self.structure.vectors[positions], states)
