"""A segment: some statements with their vectors, in files that never change once they are written.

    N.sqlite              statements (position, id, text, metadata) and what filters ask for
    N.vectors.faiss       (n, d) target-side joint embeddings of unit length, exact
    N.states.safetensors  what re-scoring needs of each statement, half precision; optional
    N.structure.faiss     a trained structure, for segments that are not flat
    N.dead.safetensors    positions of deleted statements; M.dead… replaces it when more are deleted

A statement's position in its segment is its row in SQLite and in FAISS.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from jepa_langchain.errors import StoreError
from jepa_langchain.filters import Filter, fields_of, filter_key, matching
from jepa_langchain.index_kinds import Selection, Structure, kind_for, write_flat, write_inverted
from jepa_langchain.storage import Kind, Role, SegmentEntry, StoredFile, check_file, stored

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Integers = npt.NDArray[np.int64]
_CHUNK = 500
_FILTERS_KEPT = 64
_SCHEMA = """
CREATE TABLE statements (pos INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE fields (name TEXT NOT NULL, value NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY (name, value, pos))
WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A stored statement; ``metadata`` is JSON."""

    id: str
    text: str
    metadata: str

    def document(self, found: Mapping[str, Any] | None = None) -> Document:
        """The statement with its own metadata, and with what a search found of it."""
        return Document(id=self.id, page_content=self.text, metadata={**json.loads(self.metadata), **(found or {})})


@dataclass(frozen=True)
class States:
    """What the pair stage reads of n statements, so that they need not be encoded again.

    Attributes:
        context: (n, c) context states.
        tokens: (t_1 + … + t_n, d) token states.
        bounds: (n + 1,) where each statement's tokens start and end.
    """

    context: Halves
    tokens: Halves
    bounds: Integers

    @classmethod
    def of(cls, context: npt.NDArray[np.floating], tokens: Sequence[npt.NDArray[np.floating]]) -> States:
        """From what an encoder gives, to half precision."""
        bounds = np.concatenate([[0], np.cumsum([len(t) for t in tokens])]).astype(np.int64)
        return cls(context.astype(np.float16), np.concatenate(tokens).astype(np.float16), bounds)

    @classmethod
    def join(cls, parts: Sequence[States]) -> States:
        """One after the other."""
        ends = np.cumsum([0, *(part.bounds[-1] for part in parts)])
        bounds = [part.bounds[1:] + start for part, start in zip(parts, ends, strict=False)]
        return cls(
            np.concatenate([part.context for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([[0], *bounds]).astype(np.int64),
        )

    def take(self, positions: Integers) -> States:
        """Those of some statements."""
        tokens = [self.tokens[self.bounds[p] : self.bounds[p + 1]] for p in positions]
        return States.of(self.context[positions], tokens)


@dataclass(frozen=True)
class Batch:
    """n statements with their (n, d) vectors, and their states where an index keeps them."""

    rows: list[Row]
    vectors: Floats
    states: States | None = None


def write_segment(folder: Path, number: int, batch: Batch, *, kind: Kind) -> SegmentEntry:
    """Write a segment's files and flush them; they count once a manifest names the entry."""
    stem, count = folder / f"{number:08d}", len(batch.rows)
    chosen = kind_for(kind, count)
    files: dict[Role, StoredFile] = {"statements": _write_statements(Path(f"{stem}.sqlite"), batch.rows)}
    vectors = Path(f"{stem}.vectors.faiss")
    write_flat(vectors, batch.vectors)
    files["vectors"] = stored(vectors)
    if batch.states is not None:
        path = Path(f"{stem}.states.safetensors")
        save_file({"context": batch.states.context, "tokens": batch.states.tokens, "bounds": batch.states.bounds}, path)
        files["states"] = stored(path)
    if chosen != "flat":
        path = Path(f"{stem}.structure.faiss")
        write_inverted(path, batch.vectors, chosen)
        files["structure"] = stored(path)
    return SegmentEntry(number=number, count=count, dead=0, kind=chosen, files=files)


def write_dead(folder: Path, number: int, entry: SegmentEntry, positions: Integers) -> SegmentEntry:
    """The entry with ``positions`` (ascending, all that are deleted so far) as its dead ones."""
    path = folder / f"{number:08d}.dead.safetensors"
    save_file({"positions": positions}, path)
    return entry.model_copy(update={"dead": len(positions), "files": {**entry.files, "dead": stored(path)}})


def read_dead(folder: Path, entry: SegmentEntry) -> Integers:
    """Positions of a segment's deleted statements.

    Raises:
        StoreError: if the file is damaged or does not fit the manifest.
    """
    if "dead" not in entry.files:
        return np.zeros(0, np.int64)
    path = check_file(folder, entry.files["dead"])
    positions: Integers = load_file(path)["positions"]
    if len(positions) != entry.dead:
        raise StoreError(f"{path}: names {len(positions):,} deleted statements, not {entry.dead:,}")
    return positions


def _write_statements(path: Path, rows: Sequence[Row]) -> StoredFile:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Neither journal nor flush: the file counts only once it is finished, flushed and named.
        connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA}")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO statements VALUES (?, ?, ?, ?)", ((p, r.id, r.text, r.metadata) for p, r in enumerate(rows))
        )
        connection.executemany(
            "INSERT OR IGNORE INTO fields VALUES (?, ?, ?)",
            ((*found, p) for p, r in enumerate(rows) for found in fields_of(json.loads(r.metadata))),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
    return stored(path)


@dataclass(frozen=True)
class Segment:
    """An open segment. Nothing in it changes, so any number of threads may read it."""

    entry: SegmentEntry
    structure: Structure
    dead: Integers
    connection: sqlite3.Connection
    states_path: Path | None
    _states: Any = None
    _bounds: Integers | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)
    _selections: OrderedDict[str, Selection] = field(default_factory=OrderedDict, compare=False)

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
        return cls(entry, structure, dead, statements, paths.get("states"), states, bounds)

    def with_dead(self, entry: SegmentEntry, dead: Integers) -> Segment:
        """The same files with more statements deleted."""
        return Segment(
            entry, self.structure, dead, self.connection, self.states_path, self._states, self._bounds, self._lock
        )

    @property
    def live(self) -> int:
        """Number of statements that are not deleted."""
        return self.entry.count - self.entry.dead

    def alive(self) -> Integers:
        """Positions of the statements that are not deleted, ascending."""
        return np.setdiff1d(np.arange(self.entry.count), self.dead, assume_unique=True)

    def selection(self, wanted: Filter | None) -> Selection | None:
        """What a filter keeps, None for everything; the last filters are remembered.

        Raises:
            InputError: if the filter cannot be understood.
        """
        if not wanted and not len(self.dead):
            return None
        key = filter_key(wanted or {})
        with self._lock:
            known = self._selections.get(key)
            if known is None:
                mask = matching(wanted or {}, self.connection, self.entry.count)
                mask[self.dead] = False
                known = self._selections[key] = Selection.of(mask)
                if len(self._selections) > _FILTERS_KEPT:
                    self._selections.popitem(last=False)
        return known

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """Statements by position, in the order asked."""
        found: dict[int, Row] = {}
        for start in range(0, len(positions), _CHUNK):
            chunk = [int(p) for p in positions[start : start + _CHUNK]]
            sql = f"SELECT pos, id, text, metadata FROM statements WHERE pos IN ({','.join('?' * len(chunk))})"  # noqa: S608
            with self._lock:
                found |= {pos: Row(*rest) for pos, *rest in self.connection.execute(sql, chunk).fetchall()}
        return [found[int(p)] for p in positions]

    def positions(self, ids: Sequence[str]) -> dict[str, int]:
        """Positions of those ids that are here and not deleted."""
        found: dict[str, int] = {}
        for start in range(0, len(ids), _CHUNK):
            chunk = list(ids[start : start + _CHUNK])
            sql = f"SELECT id, pos FROM statements WHERE id IN ({','.join('?' * len(chunk))})"  # noqa: S608
            with self._lock:
                found |= dict(self.connection.execute(sql, chunk).fetchall())
        gone = set(self.dead.tolist())
        return {id_: pos for id_, pos in found.items() if pos not in gone}

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


def join(parts: Sequence[Batch]) -> Batch:
    """One batch of several; states are kept if all have them."""
    states = [part.states for part in parts if part.states is not None]
    return Batch(
        [row for part in parts for row in part.rows],
        np.concatenate([part.vectors for part in parts]),
        States.join(states) if len(states) == len(parts) else None,
    )


def open_statements(path: Path, count: int) -> sqlite3.Connection:
    """A read-only connection to a verified statements file.

    Raises:
        StoreError: if it does not hold ``count`` statements.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    try:
        found = connection.execute("SELECT count(*) FROM statements").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: SQLite cannot read it ({error})") from None
    if found != count:
        raise StoreError(f"{path}: holds {found:,} statements, not {count:,}")
    return connection
