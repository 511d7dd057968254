"""The results of the benchmark of search as Markdown, beside what they are to reach, and as a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.search_data import RELATIONS
from jepa_langchain.index.joint_embeddings import SearchRelation
from jepa_langchain.index.relation_search import CANDIDATES
from jepa_langchain.index.storage import Role

_FLAT, _SAME = "FAISS Flat", "FAISS Flat, 1 % by the same selector"
_BITS = "FAISS Flat, 1 % by a bit field"
_PLOTTED = (_FLAT, "JointIndex", "JointIndex, 1 %", "Milvus Lite, FLAT", "langchain_community FAISS")


@dataclass
class Result:
    """One engine at one size: seconds a query, by position of the query, and recall@10 by relation."""

    seconds: npt.NDArray[np.floating]
    recall: Mapping[SearchRelation, float]
    build: float | None = None


@dataclass
class Size:
    """One size: the index's kind, its files' bytes a vector by role, memory in bytes, and all engines' results.

    ``lists`` are those that an inverted file has, and how many of them a search visits.
    """

    count: int
    kind: str
    disk: Mapping[Role, float]
    memory: Mapping[str, int | None]
    results: dict[str, Result] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    rescoring: dict[str, float] = field(default_factory=dict)
    lists: tuple[int, int] | None = None

    def write(self, path: Path) -> None:
        """Keep it as JSON, written beside its place and swapped in."""
        document = asdict(self) | {"lists": self.lists}
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(document, default=lambda array: array.tolist()), encoding="utf-8")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Size:
        """Inverse of :meth:`write`."""
        saved = json.loads(path.read_text(encoding="utf-8"))
        results = {
            name: Result(np.array(one["seconds"]), one["recall"], one["build"])
            for name, one in saved["results"].items()
        }
        lists = None if saved["lists"] is None else (int(saved["lists"][0]), int(saved["lists"][1]))
        return cls(**{**saved, "results": results, "lists": lists})


def report(head: str, encoding: float, sizes: Sequence[Size], plotted: str) -> str:
    """The whole document, with the plot of that name."""
    how = "Vectors: real statements' embeddings and noise around them; queries: the linear maps' predictions"
    parts = [
        "# Search",
        f"{head} {how} (`benchmarks/search_data.py`). What the rows mean: `benchmarks/search.py`.",
        f"Encoding one query and predicting with it, apart from everything below: {encoding * 1e3:.1f} ms.",
        f"![Milliseconds a query by size]({plotted})" if plotted else "",
        _targets(sizes),
        *(_table(size) for size in sizes),
        _storage(sizes),
        _rescoring(sizes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def ratio(size: Size, name: str, beside: str) -> float:
    """Median over queries of one engine's time beside another's."""
    return float(np.median(size.results[name].seconds / size.results[beside].seconds))


def _targets(sizes: Sequence[Size]) -> str:
    rows = []
    for size in sizes:
        at, flat = f"{size.count:,}", size.results[_FLAT]
        exact = min(size.results["JointIndex, 1 %"].recall.values())
        rows.append(f"| {at}: filter of 1 %, recall | 1 | {exact:g} |")
        rows += [
            f"| {at}: {name}, beside FAISS {which} | 1.3 | {ratio(size, name, beside):.2f} |"
            for name in ("JointIndex, 1 %: vectors", "JointIndex, 1 %")
            for which, beside in (("with the same selector", _SAME), ("with a bit field", _BITS))
        ]
        if size.kind == "flat":
            rows.append(
                f"| {at}: JointIndex, unfiltered, beside FAISS Flat | 1.15 | {ratio(size, 'JointIndex', _FLAT):.2f} |"
            )
        else:
            recall = list(size.results["JointIndex"].recall.values())
            faster = float(np.median(flat.seconds) / np.median(size.results["JointIndex"].seconds))
            measured = f"{np.mean(recall):.3f} (worst {min(recall):.3f})"
            rows.append(f"| {at}: JointIndex, unfiltered: recall@10, mean of the relations | .95 | {measured} |")
            rows.append(f"| {at}: FAISS Flat's p50 over JointIndex's | 50 | {faster:.0f} |")
    return "\n".join(["| what | to reach | measured |", "|---|---|---|", *rows])


def _table(size: Size) -> str:
    columns = ("engine", "build s", "p50 ms", "p95 ms", "queries / s", "x Flat", *(f"recall@10 {r}" for r in RELATIONS))
    lists = "" if size.lists is None else f", {size.lists[1]:,} of {size.lists[0]:,} lists visited"
    lines = [f"## {size.count:,} statements, kept as {size.kind}{lists}", "", f"| {' | '.join(columns)} |"]
    lines.append("|---" * len(columns) + "|")
    for name, result in size.results.items():
        p50, p95 = (np.quantile(result.seconds, q) * 1e3 for q in (0.5, 0.95))
        # The community class runs in a process of its own, after the others: medians, not pairs.
        flat = np.median(size.results[_FLAT].seconds)
        beside = np.median(result.seconds) / flat if "community" in name else ratio(size, name, _FLAT)
        cells = [
            name,
            "" if result.build is None else f"{result.build:.1f}",
            f"{p50:.3f}",
            f"{p95:.3f}",
            f"{1 / np.mean(result.seconds):,.0f}",
            f"{beside:.3f}",
            *(f"{result.recall[r]:.3f}" for r in RELATIONS),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {name} | {reason} |{' |' * (len(columns) - 2)}" for name, reason in size.missing.items()]
    return "\n".join(lines)


def _storage(sizes: Sequence[Size]) -> str:
    columns = (
        "statements",
        "kind",
        "files, bytes a statement",
        "in memory, MiB",
        "memory-mapped, MiB",
        "FAISS Flat, MiB",
    )
    lines = ["## Disk and memory", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for size in sizes:
        files = ", ".join(f"{role} {share:,.0f}" for role, share in size.disk.items())
        memory = [
            m if m is None else f"{m / 2**20:,.0f}" for m in (size.memory[h] for h in ("index", "mapped", "flat"))
        ]
        lines.append(f"| {size.count:,} | {size.kind} | {files} | {' | '.join(str(m) for m in memory)} |")
    return "\n".join(lines)


def _rescoring(sizes: Sequence[Size]) -> str:
    lines = []
    for size in sizes:
        if size.rescoring:
            few, every = size.rescoring["candidates"], size.rescoring["everything"]
            lines.append(
                f"At {size.count:,}: {CANDIDATES} candidates {few:.3f} s; every statement, as a search by cosine and "
                f"pair stage without an index would, {every:.1f} s ({every / few:.0f} x)."
            )
    if not lines:
        return ""
    note = (
        "Re-scoring reads the candidates' kept states and costs the same at every size; re-scoring everything grows "
        "with the size and was not run at larger ones."
    )
    return "\n".join(["## Re-scoring", "", *lines, note])


def plot(path: Path, sizes: Sequence[Size]) -> None:
    """Median milliseconds a query by number of statements, both on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"] = "search", "none"
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name in _PLOTTED:
        points = [(s.count, float(np.median(s.results[name].seconds)) * 1e3) for s in sizes if name in s.results]
        if points:
            axes.loglog(*zip(*points, strict=True), marker="o", label=name)
    everything = [(s.count, s.rescoring["everything"] * 1e3) for s in sizes if s.rescoring]
    if everything:
        axes.loglog(*zip(*everything, strict=True), "x", label="re-scoring everything")
    axes.set_xlabel("statements")
    axes.set_ylabel("milliseconds a query (median, one thread)")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
