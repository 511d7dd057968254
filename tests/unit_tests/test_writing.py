from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jepa_langchain.errors import InputError
from jepa_langchain.writing import check_file, check_folder, replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(place) as out:
        out.writelines([b"half", "a text"])  # type: ignore[list-item]
    assert ([p.name for p in tmp_path.iterdir()], place.read_bytes()) == (["page.html"], b"old")
    with replacing(place) as out:
        out.write(b"new")
    assert ([p.name for p in tmp_path.iterdir()], place.read_bytes()) == (["page.html"], b"new")


def test_an_error_names_the_place_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="page") as failed, replacing(tmp_path / "none" / "page"):
        pass
    assert failed.value.filename == str(tmp_path / "none" / "page")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="folder") as failed, replacing(tmp_path / "folder") as out:
        out.write(b"x")
    assert failed.value.filename == str(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(os.name != "posix", reason="no umask")
def test_who_may_read_it_is_for_the_umask_to_say(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with replacing(tmp_path / "private") as out:
            out.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_places_that_cannot_be_written_are_refused_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_file(tmp_path / "file")
    check_folder(tmp_path / "new" / "folder")
    with pytest.raises(InputError, match="a folder; name a file"):
        check_file(tmp_path)
    with pytest.raises(InputError, match="none: no such folder"):
        check_file(tmp_path / "none" / "file")
    with pytest.raises(InputError, match="file: a file stands where a folder is to be"):
        check_folder(tmp_path / "file" / "folder")


@pytest.mark.skipif(os.name != "posix", reason="no named pipes")
def test_a_device_or_a_pipe_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="pipe: a device or a pipe"):
        check_file(pipe)
    with pytest.raises(OSError, match="a device or a pipe") as failed, replacing(pipe) as out:
        out.write(b"x")
    assert failed.value.filename == str(pipe)
    assert [p.name for p in tmp_path.iterdir() if p.is_fifo()] == ["pipe"]
