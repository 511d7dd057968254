"""The directory: what is written, what is refused, and what a second process sees."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jepa_langchain.errors import ModelError, StoreError
from jepa_langchain.index.batches import States
from jepa_langchain.index.building import add_in_bulk
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.repair import rebuild, verify
from jepa_langchain.index.rows import make_row
from jepa_langchain.index.storage import COPY, MANIFEST, locked, read_manifest, write_manifest
from jepa_langchain.index.store import IndexStore
from tests.unit_tests.conftest import make_model


@pytest.fixture
def index(tmp_path: Path) -> JointIndex:
    index = JointIndex.open(tmp_path / "index", model=make_model())
    for start, count in ((0, 40), (40, 10), (50, 3)):
        names = range(start, start + count)
        index.add_texts([f"voice {n} speaks" for n in names], [{"n": n} for n in names], ids=[f"d{n}" for n in names])
    return index


def names(index: JointIndex) -> set[str]:
    return {path.name for path in index.store.folder.iterdir()}


def test_the_directory_holds_what_the_manifest_names(index: JointIndex) -> None:
    manifest = read_manifest(index.store.folder / MANIFEST)
    assert (manifest.count, manifest.dimension, manifest.metric, manifest.model.name) == (53, 16, "cosine", "toy")
    files = {file.name for segment in manifest.segments for file in segment.files.values()}
    assert names(index) == files | {MANIFEST, COPY, "lock"}
    assert not any(path.suffix in (".pkl", ".pickle") for path in index.store.folder.iterdir())


def test_additions_leave_older_segments_alone_and_few_behind(tmp_path: Path) -> None:
    index = JointIndex.open(tmp_path / "i", model=make_model(), keep_states=False)
    index.add_texts([f"old {n}" for n in range(100)])
    first = {p.name: p.stat().st_mtime_ns for p in index.store.folder.glob("*.sqlite")}
    for n in range(40):
        index.add_texts([f"new {n}"])
        assert len(index.store.snapshot.segments) <= 7
    ((name, stamp),) = first.items()
    assert (index.store.folder / name).stat().st_mtime_ns == stamp
    assert len(index) == 140


def test_deleting_marks_and_then_compacts(index: JointIndex) -> None:
    index.delete(["d0", "d1"])
    first = index.store.snapshot.segments[0]
    assert (first.entry.dead, first.live) == (2, 38)
    assert any(name.endswith("dead.safetensors") for name in names(index))
    index.delete([f"d{n}" for n in range(20)])
    assert all(segment.entry.dead == 0 for segment in index.store.snapshot.segments)
    assert not any("dead" in name for name in names(index))
    index.delete()
    assert index.store.snapshot.segments == ()
    assert names(index) == {MANIFEST, COPY, "lock"}


def test_another_process_sees_each_commit(index: JointIndex) -> None:
    other = JointIndex.open(index.store.folder, model=make_model())
    index.delete(["d3"])
    assert other.get_by_ids(["d3"]) == []
    kept = other.store.snapshot.segments[0].structure
    other.add_texts(["from the other"], ids=["o"])
    assert index.get_by_ids(["o"])[0].page_content == "from the other"
    assert len(index) == 53
    index.delete(["d4"])
    assert other.store.snapshot.segments[0].structure is kept, "vectors are not read again for a deletion"


def test_what_is_committed_before_retraining_has_the_lock_is_kept(
    index: JointIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = JointIndex.open(index.store.folder, model=make_model())

    @contextmanager
    def late(folder: Path) -> Iterator[None]:
        monkeypatch.undo()
        other.add_texts(["from the other"], ids=["o"])
        with locked(folder):
            yield

    monkeypatch.setattr("jepa_langchain.index.store.locked", late)
    index.retrain()
    assert index.get_by_ids(["o"])[0].page_content == "from the other"
    assert (len(index), len(index.store.snapshot.segments)) == (54, 1)


def test_a_state_that_is_being_read_is_not_taken_for_the_one_before(
    index: JointIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen, threads = index.store, list[int](), list[threading.Thread]()
    assert isinstance(store, IndexStore)
    load = store._load

    def slow(known: Any) -> Any:
        read = load(known)
        threads.append(threading.Thread(target=lambda: seen.append(store.snapshot.manifest.count)))
        threads[0].start()
        threads[0].join(0.2)  # It waits for this load, or has read by now what is there.
        return read

    JointIndex.open(store.folder, model=make_model()).add_texts(["from the other"])
    monkeypatch.setattr(store, "_load", slow)
    assert len(index) == 54
    threads[0].join()
    assert seen == [54]


def test_what_a_killed_writer_leaves_is_removed(index: JointIndex) -> None:
    stray = index.store.folder / "00000099.sqlite"
    stray.write_bytes(b"half")
    (index.store.folder / "manifest.json.new").write_bytes(b"half")
    reopened = JointIndex.open(index.store.folder, model=make_model())
    assert len(reopened) == 53
    reopened.add_texts(["more"])
    assert not stray.exists()
    assert not (index.store.folder / "manifest.json.new").exists()


def test_a_killed_creation_does_not_stand_in_the_way(tmp_path: Path) -> None:
    index = JointIndex.open(tmp_path / "i", model=make_model())
    (index.store.folder / MANIFEST).unlink()
    assert len(JointIndex.open(tmp_path / "i", model=make_model())) == 0


@pytest.mark.parametrize("role", ["statements", "vectors", "states"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damage_is_refused_by_name(index: JointIndex, role: str, damage: str) -> None:
    file = index.store.snapshot.manifest.segments[0].files[role]  # type: ignore[index]
    path = index.store.folder / file.name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(data if damage == "flip" else data[:-1])
    with pytest.raises(StoreError, match=f"{file.name}: (damaged or replaced|missing)"):
        JointIndex.open(index.store.folder, model=make_model())
    assert any(file.name in line for line in verify(index.store.folder))


def test_damaged_manifests_are_refused_and_rebuilt_from_the_other(index: JointIndex) -> None:
    path, before = index.store.folder / MANIFEST, {row.id: row for row in index.rows()}
    for data in (b"", b"{}", path.read_bytes()[:-1], path.read_bytes().replace(b'"count": 53', b'"count": 52')):
        path.write_bytes(data)
        with pytest.raises(StoreError, match=r"manifest.json: damaged"):
            JointIndex.open(index.store.folder, model=make_model())
    path.unlink()
    with pytest.raises(StoreError, match=r"manifest.json: missing"):
        JointIndex.open(index.store.folder, model=make_model())
    assert rebuild(index.store.folder, make_model()) == 53
    assert {row.id: row for row in JointIndex.open(index.store.folder, model=make_model()).rows()} == before
    (index.store.folder / COPY).write_bytes(b"x")
    assert [line for line in verify(index.store.folder) if COPY in line]


def test_a_format_of_the_future_is_refused(index: JointIndex) -> None:
    path = index.store.folder / MANIFEST
    document = json.loads(path.read_bytes())
    document["index"]["format"] = 2
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError, match="field format: 2; this version"):
        JointIndex.open(index.store.folder, model=make_model())


def test_a_manifest_that_lies_about_its_files_is_refused(index: JointIndex) -> None:
    manifest = read_manifest(index.store.folder / MANIFEST)
    first, *rest = manifest.segments
    lying = first.model_copy(update={"count": first.count + 1})
    write_manifest(index.store.folder, manifest.model_copy(update={"segments": (lying, *rest)}))
    with pytest.raises(StoreError, match=r"sqlite: holds 40 statements, not 41"):
        IndexStore(index.store.folder)


def test_rebuild_needs_the_statements_only(index: JointIndex) -> None:
    expected = [(d.id, s) for d, s in index.similarity_search_with_score("voice 7 speaks", k=9)]
    for path in index.store.folder.iterdir():
        if path.suffix in (".faiss", ".safetensors"):
            path.write_bytes(b"gone")
    assert rebuild(index.store.folder, make_model()) == 53
    assert verify(index.store.folder) == []
    after = JointIndex.open(index.store.folder, model=make_model())
    found = [(d.id, s) for d, s in after.similarity_search_with_score("voice 7 speaks", k=9)]
    assert [i for i, _ in found] == [i for i, _ in expected]
    next(index.store.folder.glob("*.sqlite")).write_bytes(b"gone")
    with pytest.raises(StoreError, match="sqlite: damaged or replaced"):
        rebuild(index.store.folder, make_model())


def test_foreign_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="a file stands where"):
        JointIndex.open(tmp_path / "file", model=make_model())
    with pytest.raises(StoreError, match="holds 'file' and is no index directory"):
        JointIndex.open(tmp_path, model=make_model())
    for name in ("none", "file"):
        with pytest.raises(StoreError, match="there is no index here"):
            JointIndex.open(tmp_path / name, model=make_model(), read_only=True)
    with pytest.raises(StoreError, match="there is no index here"):
        rebuild(tmp_path / "none", make_model())
    assert {p.name for p in tmp_path.iterdir()} == {"file"}


def test_a_moved_index_is_the_same(index: JointIndex, tmp_path: Path) -> None:
    shutil.copytree(index.store.folder, tmp_path / "moved # 1?")
    moved = JointIndex.open(tmp_path / "moved # 1?", model=make_model())
    assert moved.rows() == index.rows()


def test_states_join_and_split() -> None:
    rng = np.random.default_rng(0)
    tokens = [rng.normal(size=(n, 4)) for n in (3, 1, 5)]
    states = States.of(rng.normal(size=(3, 8)), tokens)
    joined = States.join([states, states.take(np.array([2, 0]))])
    assert joined.bounds.tolist() == [0, 3, 4, 9, 14, 17]
    assert np.array_equal(joined.tokens[9:14], tokens[2].astype(np.float16))
    assert np.array_equal(joined.context[4], states.context[0])


class InterruptedAddError(Exception):
    pass


def test_a_bulk_addition_that_stops_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = JointIndex.open(tmp_path / "i", model=make_model())
    encoder: Any = index.model.stages.encoder
    rows = [make_row(f"d{n}", f"voice {n} speaks", {}) for n in range(50)]
    encode = encoder.encode

    def failing(texts: list[str], *, progress: bool = False) -> Any:
        if "voice 25 speaks" in texts:
            raise InterruptedAddError
        return encode(texts, progress=progress)

    monkeypatch.setattr(encoder, "encode", failing)
    with pytest.raises(InterruptedAddError):
        add_in_bulk(index, rows, chunk=10)
    assert len(index) == 0
    monkeypatch.setattr(encoder, "encode", encode)
    encoder.calls.clear()
    done = add_in_bulk(index, rows, chunk=10)
    assert (done.written, done.unchanged, len(index)) == (50, 0, 50)
    assert encoder.calls == [row.text for row in rows[20:]]
    assert not (index.store.folder / ".adding").exists()
    again = add_in_bulk(index, [*rows, make_row("d0", "voice 0 sings", {})], chunk=10)
    assert (again.written, again.unchanged, len(index)) == (1, 49, 50)
    assert verify(index.store.folder) == []


def test_a_damaged_chunk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = JointIndex.open(tmp_path / "i", model=make_model())
    rows = [make_row(f"d{n}", f"voice {n} speaks", {}) for n in range(5)]
    monkeypatch.setattr(
        "jepa_langchain.index.building._write_chunk",
        lambda path, *_: (path.parent.mkdir(parents=True, exist_ok=True), path.write_bytes(b"half")),
    )
    with pytest.raises(StoreError, match=r"000000000.safetensors: cannot be read"):
        add_in_bulk(index, rows, chunk=10)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model here"):
        JointIndex.open(tmp_path / "i", model=tmp_path / "none")
