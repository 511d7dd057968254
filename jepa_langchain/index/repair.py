"""Checking an index file by file, and making its vectors again from the stored statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import StoreError
from jepa_langchain.index.batches import Row
from jepa_langchain.index.change import replace_all
from jepa_langchain.index.kinds import load_faiss
from jepa_langchain.index.rows import encode_batch
from jepa_langchain.index.segment_files import open_statements, read_dead
from jepa_langchain.index.storage import (
    COPY,
    MANIFEST,
    RETRIES,
    Manifest,
    ModelIdentity,
    SegmentEntry,
    check_file,
    committed,
    locked,
    read_manifest,
    writing,
)
from jepa_langchain.index.store import IndexStore


def verify(folder: Path) -> list[str]:
    """Everything that is wrong with an index directory, a line a file; empty if nothing is.

    The manifest and its copy, the SHA-256 of every file, SQLite's own integrity check, counts, and ids held twice. What
    a writer merges away meanwhile is no damage: then the newer state is checked.
    """
    for _ in range(RETRIES):
        seen = committed(folder)
        problems = _problems(folder)
        if not problems or committed(folder) == seen:
            break
    return problems


def _problems(folder: Path) -> list[str]:
    problems: list[str] = []
    _note(problems, lambda: read_manifest(folder / COPY))
    try:
        manifest = read_manifest(folder / MANIFEST)
    except StoreError as error:
        return [str(error), *problems]
    seen: set[str] = set()
    for segment in manifest.segments:
        for file in segment.files.values():
            _note(problems, lambda file=file: check_file(folder, file))  # type: ignore[misc]
        try:
            rows = _statements(folder, segment, thorough=True)
        except StoreError as error:
            problems.append(str(error))
            continue
        ids = {row.id for row in rows}
        if twice := seen & ids:
            problems.append(f"{folder / segment.files['statements'].name}: id {min(twice)!r} is held twice")
        seen |= ids
    if not problems:
        load_faiss()
        _note(problems, lambda: IndexStore(folder, read_only=True, gpu=False))
    return list(dict.fromkeys(problems))


def _note(problems: list[str], check: Callable[[], object]) -> None:
    try:
        check()
    except StoreError as error:
        problems.append(str(error))


def _statements(folder: Path, segment: SegmentEntry, *, thorough: bool = False) -> list[Row]:
    """A segment's statements that are not deleted, read from nothing but its verified SQLite file."""
    path = check_file(folder, segment.files["statements"])
    dead = set(read_dead(folder, segment).tolist())
    connection = open_statements(path, segment.count)
    try:
        if thorough and (found := connection.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise StoreError(f"{path}: SQLite: {found}")
        rows = connection.execute("SELECT pos, id, text, metadata FROM statements ORDER BY pos").fetchall()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: SQLite cannot read it ({error})") from None
    finally:
        connection.close()
    return [Row(*rest) for pos, *rest in rows if pos not in dead]


def _intact_manifest(folder: Path) -> Manifest:
    try:
        return read_manifest(folder / MANIFEST)
    except StoreError as error:
        try:
            return read_manifest(folder / COPY)
        except StoreError:
            raise error from None


def rebuild(folder: Path, model: AlignmentModel, *, progress: bool = False) -> int:
    """Encode every stored statement anew, with ``model``, and replace all vectors; returns how many there were.

    Only the statements must be intact: vectors, states, structures and one of the two manifests may be damaged.

    Raises:
        StoreError: naming the file of statements that is damaged, or if the index cannot be written; nothing has
            changed then.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder / MANIFEST}: missing; there is no index here")
    with locked(folder):
        manifest = _intact_manifest(folder)
        rows = [row for segment in manifest.segments for row in _statements(folder, segment)]
        update = {
            "model": ModelIdentity.of(model.files),
            "dimension": model.stages.encoder.identity.dimension,
        }
        batch = None
        if rows:
            batch = encode_batch(model.stages.encoder, rows, keep=manifest.keep_states, progress=progress)
        with writing(folder):
            replace_all(folder, manifest.model_copy(update=update), batch)
    return len(rows)
