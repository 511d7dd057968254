"""Files that are replaced whole: written beside their place, then swapped in."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jepa_langchain.errors import InputError


def check_file(path: Path) -> None:
    """Refuse, before any work is done, a place that no file could be written to afterwards.

    Raises:
        InputError: if it is a folder, a device or a pipe, or lies in no folder, or in one that may not be written to.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: {_NO_FILE}")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path.parent}: may not be written to")


def check_folder(path: Path) -> None:
    """The same of a folder, which need not be there yet.

    Raises:
        InputError: if a file stands in its place, or it may not be written to.
    """
    there = next((place for place in (path, *path.parents) if place.exists()), path)
    if not there.is_dir():
        raise InputError(f"{there}: a file stands where a folder is to be")
    if not os.access(there, os.W_OK):
        raise InputError(f"{there}: may not be written to")


_NO_FILE = "a device or a pipe, and no file that can be replaced"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block ends well; else nothing is left of it.

    Raises:
        OSError: naming ``path``, if it cannot be written, or is a device or a pipe: a file must not take its place.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
    # Opened by name, not with tempfile, so that the user's umask decides who may read it.
    beside = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with beside.open("xb") as out:
            yield out
        beside.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        beside.unlink(missing_ok=True)
