"""Filling an index in bulk: work in chunks that a killed run leaves behind for the next one, in one process or several.

Under ``torchrun`` every process reads the same rows, encodes every n-th chunk and leaves it in the index's ``.adding``
folder; when all are there the first process commits them as one step. A run that is started again with the same
rows goes on with the chunks it finds.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from jepa_langchain.console import progress_bar
from jepa_langchain.distributed import is_main, processes, rank, wait
from jepa_langchain.errors import StoreError
from jepa_langchain.index.batches import Batch, Row, States, join
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.rows import make_batch
from jepa_langchain.index.storage import WORK, writing

#: Statements a chunk: some minutes of one process.
CHUNK = 4_096


@dataclass(frozen=True)
class Added:
    """What a bulk addition did: statements written, and those that were there already, word for word."""

    written: int
    unchanged: int


def add_in_bulk(index: JointIndex, rows: Sequence[Row], *, chunk: int = CHUNK, progress: bool = False) -> Added:
    """Add rows, replacing those of the same id, as one commit.

    Args:
        index: an index that every process has opened.
        rows: the same in every process; of two with one id the later counts.
        chunk: statements that are encoded between two marks of progress.
        progress: show a bar on stderr.

    Raises:
        StoreError: if the index cannot be written, or a chunk that another process left cannot be read.
    """
    distinct = list({row.id: row for row in rows}.values())
    new = missing_rows(index, distinct)
    wait()
    if new:
        folder = index.store.folder / WORK / _job(index, new)
        starts = range(0, len(new), chunk)
        mine = list(starts)[rank() :: processes()]
        for start in progress_bar(mine, "encoding", show=progress and is_main()):
            _write_chunk(folder / f"{start:09d}.safetensors", index, new[start : start + chunk])
        wait()
        if is_main():
            parts = [_read_chunk(folder / f"{start:09d}.safetensors", new[start : start + chunk]) for start in starts]
            index.store.commit(join(parts))
            shutil.rmtree(folder)
            if not any(folder.parent.iterdir()):
                folder.parent.rmdir()
        wait()
    return Added(len(new), len(distinct) - len(new))


def missing_rows(index: JointIndex, rows: Sequence[Row]) -> list[Row]:
    """Those rows that the index does not hold as they are."""
    ids, here = [row.id for row in rows], set()
    for segment in index.store.snapshot.segments:
        here |= set(segment.rows(list(segment.positions(ids).values())))
    return [row for row in rows if row not in here]


def _job(index: JointIndex, rows: Sequence[Row]) -> str:
    """A name for these rows under this encoder."""
    identity = index.model.stages.encoder.identity
    digest = hashlib.sha256(repr((identity, index.store.namespace, index.store.snapshot.manifest.keep_states)).encode())
    for row in rows:
        digest.update(repr((row.id, row.text, row.metadata)).encode())
    return digest.hexdigest()[:16]


def _write_chunk(path: Path, index: JointIndex, rows: Sequence[Row]) -> None:
    if path.is_file():
        return
    encoded = index.model.stages.encoder.encode([row.text for row in rows])
    batch = make_batch(rows, encoded, keep=index.store.snapshot.manifest.keep_states)
    arrays: dict[str, np.ndarray] = {"vectors": batch.vectors}
    if batch.states is not None:
        arrays |= {"context": batch.states.context, "tokens": batch.states.tokens, "bounds": batch.states.bounds}
    beside = path.with_suffix(".new")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, beside)
        beside.replace(path)


def _read_chunk(path: Path, rows: Sequence[Row]) -> Batch:
    try:
        arrays = load_file(path)
        states = States(arrays["context"], arrays["tokens"], arrays["bounds"]) if "tokens" in arrays else None
        fits = len(arrays["vectors"]) == len(rows)
    except (OSError, KeyError, SafetensorError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); remove it and add again") from None
    if not fits:
        raise StoreError(f"{path}: not {len(rows):,} statements; remove it and add again")
    return Batch(list(rows), arrays["vectors"], states)
