"""Where tables are written, and how a page of them becomes data."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
_VARIABLE = "BENCHMARKS_OUT"


def place(*, small: bool) -> Path:
    """The folder of this run's tables, for this process and those it starts: here, or a temporary one."""
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-")) if small else HERE
    os.environ[_VARIABLE] = str(folder)
    return folder


def write_table(name: str, text: str) -> None:
    """Write a part's page, or a picture, as ``name`` where this run's tables go."""
    (Path(os.environ.get(_VARIABLE) or HERE) / name).write_text(text, encoding="utf-8")


def picture(name: str) -> Path:
    """Where a picture of this run goes."""
    return Path(os.environ.get(_VARIABLE) or HERE) / name


def parse_tables(text: str) -> list[list[dict[str, str]]]:
    """Every Markdown table of a page as rows of {column: cell}."""
    tables: list[list[dict[str, str]]] = []
    header: list[str] | None = None
    for line in text.splitlines():
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if header is None:
            header = cells
            tables.append([])
        elif not set("".join(cells)) <= set("-: "):
            tables[-1].append(dict(zip(header, cells, strict=False)))
    return tables
