"""Writing a segment's files, and reading back those that are small; what they are: ``segments``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from jepa_langchain.errors import StoreError
from jepa_langchain.index.batches import MARK, Batch, Integers, Row
from jepa_langchain.index.filters import NAMESPACE, fields_of
from jepa_langchain.index.kinds import kind_for, write_flat, write_inverted
from jepa_langchain.index.storage import Kind, Role, SegmentEntry, StoredFile, check_file, stored

_SCHEMA = """
CREATE TABLE statements (pos INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE fields (name TEXT NOT NULL, value NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY (name, value, pos))
WITHOUT ROWID;
"""


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


def _fields(row: Row) -> Iterator[tuple[str, str | int | float]]:
    namespace, mark, _ = row.id.partition(MARK)
    if mark:
        yield NAMESPACE, namespace
    yield from fields_of(json.loads(row.metadata))


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
            ((*found, p) for p, r in enumerate(rows) for found in _fields(r)),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
    return stored(path)


def open_statements(path: Path, count: int) -> sqlite3.Connection:
    """A read-only connection to a verified statements file.

    Raises:
        StoreError: if it does not hold ``count`` statements.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        found = connection.execute("SELECT count(*) FROM statements").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: SQLite cannot read it ({error})") from None
    if found != count:
        raise StoreError(f"{path}: holds {found:,} statements, not {count:,}")
    return connection
