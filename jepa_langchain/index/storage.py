"""The files of an index directory: a manifest that names and hashes all others, swapped in atomically under a lock.

manifest.json        what is committed: format, model, dimension, metric, count, and the SHA-256 of every other file
manifest.copy.json   the same, written just before: ``rebuild`` starts from it if the manifest is damaged
lock                 held by the process that writes
00000001.*           files of segments (see :mod:`jepa_langchain.index.segments`); once written they never change

Replacing ``manifest.json`` is the commit. Whatever a killed writer leaves behind is in no manifest, and the next
writer removes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError
from safetensors import SafetensorError

from jepa_langchain.errors import StoreError
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.schema import Frozen
from jepa_langchain.weights import sha256_of

FORMAT: Literal[1] = 1
MANIFEST, COPY, LOCK = "manifest.json", "manifest.copy.json", "lock"
#: What a writer leaves behind: by whole names, for a file that somebody else put here is not ours to remove.
_OWN = re.compile(
    r"\d{8}\.(?:sqlite|(?:vectors|structure)\.faiss|(?:states|dead)\.safetensors)|manifest(?:\.copy)?\.json\.new"
)
#: Seconds a writer waits for another one.
PATIENCE = 60.0
#: How often a reader starts again because a writer removed the files that it was reading.
RETRIES = 20
#: What an index may be kept as; "auto" decides by size, see :mod:`jepa_langchain.index.kinds`.
Kind = Literal["auto", "flat", "ivf", "sq8"]
Role = Literal["statements", "vectors", "states", "structure", "dead"]


class ModelIdentity(Frozen):
    """The model an index was made with. Vectors depend on the encoder alone, queries on the predictor too."""

    name: str
    encoder: str
    encoder_sha256: str
    probe: tuple[float, ...]
    weights_sha256: dict[str, str]

    @classmethod
    def of(cls, model: ModelFiles) -> Self:
        """A loaded model's identity; a model that was never saved has no hashes of weights."""
        encoder = model.stages.encoder.identity
        weights = {name: digest for name, digest in model.files.items() if name.endswith(".safetensors")}
        return cls(
            name=model.name,
            encoder=encoder.name,
            encoder_sha256=encoder.sha256,
            probe=encoder.probe,
            weights_sha256=weights,
        )

    def same_encoder(self, other: ModelIdentity) -> bool:
        """Whether both embed alike: the same weights, or, for an encoder without a file, the same name and probe."""
        if self.encoder_sha256 or other.encoder_sha256:
            return self.encoder_sha256 == other.encoder_sha256
        return (self.encoder, self.probe) == (other.encoder, other.probe)

    def same_model(self, other: ModelIdentity) -> bool:
        """Whether both answer alike."""
        return self.same_encoder(other) and self.weights_sha256 == other.weights_sha256


class StoredFile(Frozen):
    """A file of a segment, and what must be in it."""

    name: str = Field(pattern=r"^\d{8}\.[a-z0-9.]+$")
    sha256: str
    bytes: int


class SegmentEntry(Frozen):
    """A segment: ``count`` statements, of which the ``dead`` are deleted."""

    number: int
    count: int
    dead: int
    kind: Literal["flat", "ivf", "sq8"]
    files: dict[Role, StoredFile]

    def same_but_for_dead(self, other: SegmentEntry) -> bool:
        """Whether both are the same statements and vectors, whatever has been deleted of them."""
        own, others = ({role: f for role, f in e.files.items() if role != "dead"} for e in (self, other))
        return own == others


class Manifest(Frozen):
    """``manifest.json``, field by field; ``count`` is that of the statements that are not deleted."""

    format: Literal[1]
    generation: int
    model: ModelIdentity
    dimension: int
    metric: Literal["cosine"]
    count: int
    kind: Kind
    keep_states: bool
    next_number: int
    segments: tuple[SegmentEntry, ...]

    def render(self) -> bytes:
        """The file's bytes: the document and the SHA-256 of its compact form."""
        document = self.model_dump(mode="json")
        return (json.dumps({"sha256": _digest(document), "index": document}, indent=1) + "\n").encode()


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; every byte of it counts.

    Raises:
        StoreError: if it is missing, damaged, or of a format that this version does not read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path}: missing; there is no index here") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        document = json.loads(data)["index"]
        found = document["format"]
        if found != FORMAT:
            raise StoreError(f"{path}: field format: {found!r}; this version of jepa_langchain reads {FORMAT}")
        manifest = Manifest.model_validate(document)
        intact = manifest.render() == data
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        intact = False
    if not intact:
        raise StoreError(f"{path}: damaged (it does not hold what was written)")
    return manifest


def committed(folder: Path) -> bytes | None:
    """The manifest's bytes, to tell whether another state was committed since; None if there is none."""
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError:
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: the copy first, then the manifest itself, each written beside its place and swapped in."""
    data = manifest.render()
    for name in (COPY, MANIFEST):
        beside = folder / f"{name}.new"
        with beside.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(folder / name)
        sync_folder(folder)


def sync_file(path: Path) -> None:
    """Have the disk hold a file before a manifest names it."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Have the disk hold a folder's entries; nothing to do where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stored(path: Path) -> StoredFile:
    """Flush a finished file to disk and take down what is in it."""
    sync_file(path)
    return StoredFile(name=path.name, sha256=sha256_of(path), bytes=path.stat().st_size)


def check_file(folder: Path, entry: StoredFile) -> Path:
    """The file's path, once its bytes are those that were written.

    Raises:
        StoreError: if it is missing or holds anything else.
    """
    path = folder / entry.name
    try:
        intact = path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256
    except FileNotFoundError:
        raise StoreError(f"{path}: missing from the index") from None
    if not intact:
        raise StoreError(f"{path}: damaged or replaced (its SHA-256 is not the manifest's)")
    return path


def remove_unnamed(folder: Path, manifest: Manifest | None) -> None:
    """Remove this format's files that the manifest does not name; call it under the lock."""
    named = {file.name for segment in (manifest.segments if manifest else ()) for file in segment.files.values()}
    for path in folder.iterdir():
        if _OWN.fullmatch(path.name) and path.name not in named:
            try:
                path.unlink()
            except PermissionError:  # Windows keeps a file that a reader has open; a later writer removes it.
                continue


#: Folder inside an index directory that ``index add`` works in.
WORK = ".adding"


def check_place(folder: Path) -> None:
    """Refuse to make an index where something stands, or where one has lost its manifest.

    Raises:
        StoreError: if ``folder`` is a file, or holds anything but what a killed creation leaves.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder}: a file stands where the index directory is to be")
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    if any(_OWN.fullmatch(name) and name[0].isdigit() for name in names) or (
        COPY in names and read_manifest(folder / COPY).generation > 0
    ):
        raise StoreError(f"{folder / MANIFEST}: missing from the index; rebuild it (from {COPY} and the statements)")
    foreign = [name for name in names if name not in (LOCK, COPY, WORK) and not _OWN.fullmatch(name)]
    if foreign:
        raise StoreError(f"{folder}: holds {min(foreign)!r} and is no index directory; choose another place")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Name the place where something cannot be written, whichever library was at it: the disk may be full.

    Raises:
        StoreError: in place of what that library raises.
    """
    try:
        yield
    except (OSError, RuntimeError, sqlite3.Error, SafetensorError) as error:
        raise StoreError(f"{place}: cannot be written ({error})") from error


@contextmanager
def locked(folder: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the index's lock against other processes; the system lets go of it when a holder dies.

    Raises:
        StoreError: if another process keeps it for longer than ``patience`` seconds.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise StoreError(f"{folder / LOCK}: held by another process for over {patience:g} seconds") from None
    except OSError as error:
        raise StoreError(f"{folder / LOCK}: cannot be locked ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()
