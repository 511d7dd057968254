"""How much memory an opened index takes: ``python -m benchmarks.search_memory DIR index|mapped|flat`` prints bytes.

What the process holds before it opens the index (Python, the libraries) is not counted; memory-mapped pages count once
they have been read, as the system reports them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from jepa_langchain.index.kinds import load_faiss
from jepa_langchain.index.relation_search import nearest
from jepa_langchain.index.store import IndexStore

HOW = ("index", "mapped", "flat")
_SEARCHES = 50


def resident() -> int:
    """Bytes of this process in memory, as Linux tells them."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(folder: Path, how: str) -> int:
    """Bytes that opening an index and 50 searches add to this process."""
    faiss = load_faiss()
    store = IndexStore(folder, read_only=True)
    (segment,) = store.snapshot.segments
    path = str(folder / segment.entry.files["vectors"].name)
    queries = np.random.default_rng(0).normal(size=(_SEARCHES, store.snapshot.manifest.dimension)).astype(np.float32)
    # Everything once before counting, so that what libraries load at first use is not counted.
    nearest(store.snapshot, queries[0], 10, None)
    del store, segment
    before = resident()
    if how == "flat":
        index = faiss.read_index(path)
        for query in queries:
            index.search(query[None], 10)
    else:
        store = IndexStore(folder, read_only=how == "mapped")
        for query in queries:
            nearest(store.snapshot, query / np.linalg.norm(query), 10, None)
    return resident() - before


def measured(folder: Path, how: str) -> int | None:
    """The same in a process of its own; None where there is no /proc."""
    if not Path("/proc/self/statm").exists():
        return None
    command = [sys.executable, "-m", "benchmarks.search_memory", str(folder), how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


if __name__ == "__main__":
    sys.stdout.write(f"{growth(Path(sys.argv[1]), sys.argv[2])}\n")
