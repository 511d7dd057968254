"""What befalls an index directory: files of others, a writer beside a check, a full disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jepa_langchain.commands.index_view import describe
from jepa_langchain.errors import StoreError
from jepa_langchain.index.building import add_in_bulk
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.repair import rebuild, verify
from jepa_langchain.index.rows import make_row
from jepa_langchain.index.storage import StoredFile, check_file
from tests.unit_tests.conftest import make_model


def test_a_file_that_somebody_put_there_stays(index: JointIndex) -> None:
    dated = index.store.folder / "20261126.jsonl"
    dated.write_text('{"text": "rents help towns"}')
    index.add_texts(["more"])
    rebuild(index.store.folder, make_model())
    assert dated.exists()
    assert verify(index.store.folder) == []


@pytest.mark.parametrize("read", [verify, describe])
def test_what_a_writer_merges_away_while_it_is_read_is_no_damage(
    index: JointIndex, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any]
) -> None:
    expected = read(index.store.folder)

    def late(folder: Path, entry: StoredFile) -> Path:
        monkeypatch.undo()
        index.retrain()
        return check_file(folder, entry)

    monkeypatch.setattr(sys.modules[read.__module__], "check_file", late)
    found = read(index.store.folder)
    assert found == expected if read is verify else found["statements"] == expected["statements"] == 10


@contextmanager
def room_for_files_of(most: int) -> Iterator[None]:
    """Files grow to ``most`` bytes and no further, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="sizes of files are limited as POSIX does")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("most", [300, 6_000, 30_000])
def test_a_full_disk_is_named_and_loses_nothing(index: JointIndex, most: int) -> None:
    folder, rows = index.store.folder, [make_row(f"n{n}", f"voice {n} speaks", {}) for n in range(300)]
    for write in (index.add_rows, lambda rows: add_in_bulk(index, rows)):
        with room_for_files_of(most), pytest.raises(StoreError, match="cannot be written"):
            write(rows)
    with room_for_files_of(300), pytest.raises(StoreError, match="cannot be written"):
        rebuild(folder, make_model())
    assert len(JointIndex.open(folder, model=make_model())) == len(index) == 10
    index.add_rows(rows)
    assert verify(folder) == []
