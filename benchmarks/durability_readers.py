"""Threads that read an index while one writes, and what they may see; a part of ``benchmarks/durability.py``."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from langchain_core.documents import Document

from jepa_langchain.index.joint_index import JointIndex
from tests.words import small_model

_GROUPS, _MEMBERS = 6, 8


class _Traffic:
    """Threads over one index, and what they have seen."""

    def __init__(self, folder: Path) -> None:
        model = small_model()
        self.index, self.encoder = JointIndex.open(folder, model=model), model.stages.encoder
        self.seen: Counter[str] = Counter()
        self.stop, self.failures, self.lock = threading.Event(), list[str](), threading.Lock()
        for group in range(_GROUPS):
            self.write_group(group, 1)

    def write_group(self, group: int, version: int) -> None:
        names = range(_MEMBERS)
        self.index.add_texts(
            [f"group{group} member{n} version{version}" for n in names],
            [{"group": group, "version": version}] * _MEMBERS,
            ids=[f"g{group}m{n}" for n in names],
        )

    def write(self, _: int) -> None:
        version = 1
        while not self.stop.is_set():
            version += 1
            self.write_group(version % _GROUPS, version)
            extra = [f"x{version}-{n}" for n in range(5)]
            self.index.add_texts([f"filler {name}" for name in extra], ids=extra)
            self.index.delete(extra)
            self.count("writes", 3)

    def read(self, number: int) -> None:
        rng, newest = np.random.default_rng(number), dict[int, int]()
        while not self.stop.is_set():
            group = int(rng.integers(_GROUPS))
            text = f"group{group} member{rng.integers(_MEMBERS)} version{rng.integers(1, 50)}"
            found = self.index.similarity_search_with_score(text, k=_MEMBERS + 3, filter={"group": group})
            newest[group] = self.judge(text, group, newest.get(group, 0), found)
            self.count("searches", 1)

    def judge(self, text: str, group: int, newest: int, found: list[tuple[Document, float]]) -> int:
        """The version that an answer is of; an answer of no committed state ends the run."""
        versions = {doc.metadata["version"] for doc, _ in found}
        query, vectors = (self.encoder.encode(t).embeddings for t in ([text], [doc.page_content for doc, _ in found]))
        scores = np.array([score for _, score in found])
        fine = (
            sorted(str(doc.id) for doc, _ in found) == [f"g{group}m{n}" for n in range(_MEMBERS)]
            and len(versions) == 1
            and min(versions) >= newest
            and np.allclose(vectors @ query[0], scores, atol=1e-5)
            and bool((np.diff(scores) <= 0).all())
        )
        if not fine:
            raise AssertionError(f"{text}: {len(found)} statements of versions {sorted(versions)}, scores {scores}")
        return int(max(versions))

    def count(self, what: str, times: int) -> None:
        with self.lock:
            self.seen[what] += times

    def guarded(self, work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001  # any error of a thread fails the run
            self.failures.append(repr(error))
            self.stop.set()


def read_while_writing(folder: Path, seconds: float, *, readers: int = 8) -> Counter[str]:
    """Search from several threads while one writes; counts searches and writes.

    Raises:
        AssertionError: at the first wrong or torn answer.
    """
    traffic = _Traffic(folder)
    work = [*[traffic.read] * readers, traffic.write]
    threads = [threading.Thread(target=traffic.guarded, args=(one, n)) for n, one in enumerate(work)]
    for thread in threads:
        thread.start()
    traffic.stop.wait(seconds)
    traffic.stop.set()
    for thread in threads:
        thread.join()
    if traffic.failures:
        raise AssertionError(traffic.failures[0])
    return traffic.seen
