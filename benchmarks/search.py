"""How fast and how exact the index is, beside FAISS alone and other vector stores, at three sizes, in one run.

Vectors are real statements' embeddings and noise around them, queries the linear maps' predictions; see
``benchmarks/search_data.py``. Every query goes to all engines one after the other, in random order, on one thread, so
that other work on the machine weighs on all alike; ``x Flat`` is the median over queries of the time beside
FAISS Flat's for the same query.

* FAISS Flat: ``IndexFlatIP``, positions and scores only, no texts; the index's structure: what the index chose for the
  size, searched without the index (8-bit codes not scored again).
* JointIndex: ``similarity_search_by_vector``, ten documents with text and metadata; memory-mapped: opened read-only.
* 1 %: a filter that keeps a hundredth, asked again and again, as an agent's is, or a new one each time, which SQLite
  answers first; vectors: without documents. The same selector is FAISS's ``IDSelectorArray``, made before.
* recall@10, by relation: share of the true ten nearest (of the filter) that are found.
* build: seconds from vectors in memory to an index that can be asked; the index's is hashed, flushed and committed.

Run from the repository's root: ``python -m benchmarks.search [--sizes 10000 100000 1000000]``. It writes
``benchmarks/search.md`` and, for several sizes, ``benchmarks/search.svg``. ``--community PYTHON`` names an interpreter
that has langchain-community and faiss-cpu, which this project does not depend on. Sizes that are done are kept in
``--work``, so that a run that was killed goes on with the next one; empty the folder when the code has changed. Indexes
are built on all cores. A million takes about 8 GB of memory and as much disk.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.search_data import PARTS, RELATIONS, Base, make_base, pool
from benchmarks.search_engines import (
    PART,
    Engine,
    Floats,
    K,
    community,
    faiss_engines,
    index_engines,
    milvus_engine,
    raw_flat,
)
from benchmarks.search_memory import HOW, measured
from benchmarks.search_tables import Result, Size, plot, report
from benchmarks.tables import picture, write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.index.batches import Batch
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.kinds import load_faiss
from jepa_langchain.index.relation_search import CANDIDATES, nearest, rescore
from jepa_langchain.index.storage import ModelIdentity
from jepa_langchain.index.store import IndexStore

#: Other vector stores are filled up to this size: they take Python objects, one a statement.
_OTHERS_UP_TO = 100_000
_EVERYTHING_UP_TO = 10_000
#: Below the package's, whose lines ``log_to_stderr`` shows.
logger = logging.getLogger("jepa_langchain.benchmarks.search")


def timed(
    engines: Mapping[str, Engine], queries: Floats, truth: Mapping[str, Sequence[set[int]]], relations: Sequence[str]
) -> dict[str, Result]:
    """Every query through every engine, in random order."""
    rng, names = np.random.default_rng(0), list(engines)
    seconds = {name: np.zeros(len(queries)) for name in names}
    right = {name: np.zeros(len(queries)) for name in names}
    for engine in engines.values():
        engine.search(queries[0])
    for i, query in enumerate(queries):
        for n in rng.permutation(len(names)):
            name = names[n]
            start = time.perf_counter()
            found = engines[name].search(query)
            seconds[name][i] = time.perf_counter() - start
            right[name][i] = shared(found, truth[_pool_of(name)][i])
    where = {r: np.array([one == r for one in relations]) for r in RELATIONS}
    return {
        name: Result(seconds[name], {r: float(right[name][m].mean()) for r, m in where.items()}, engines[name].build)
        for name in names
    }


def shared(found: Sequence[int], true: set[int]) -> float:
    """Share of the true neighbours among those found."""
    return len(true & set(found)) / len(true)


def _pool_of(name: str) -> str:
    return "filtered" if "1 %" in name else "whole"


def truths(vectors: Floats, queries: Floats) -> dict[str, list[set[int]]]:
    """The ten nearest of everything and of the filtered part, by FAISS's exact search in blocks."""
    faiss = load_faiss()
    _, whole = faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)
    _, part = faiss.knn(queries, np.ascontiguousarray(vectors[PART::PARTS]), K, metric=faiss.METRIC_INNER_PRODUCT)
    return {
        "whole": [set(row) for row in whole.tolist()],
        "filtered": [{PART + PARTS * i for i in row} for row in part.tolist()],
    }


def run_size(model: AlignmentModel, base: Base, count: int, folder: Path, python: Path | None) -> Size:
    """Build everything at one size and time it."""
    keep = count <= _EVERYTHING_UP_TO
    batch = pool(base, count, states=keep)
    width = model.stages.encoder.identity.dimension
    store = IndexStore.create(folder / "index", ModelIdentity.of(model.files), width, kind="auto", keep_states=keep)
    faiss = load_faiss()
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    start = time.perf_counter()
    store.commit(batch)
    build = time.perf_counter() - start
    faiss.omp_set_num_threads(1)
    logger.info("%s statements: index built in %.0f s", f"{count:,}", build)
    index = JointIndex(store, model)
    mapped = JointIndex(IndexStore(store.folder, read_only=True), model)
    (entry,) = store.snapshot.manifest.segments
    disk = {role: file.bytes / count for role, file in entry.files.items()}
    size = Size(count, entry.kind, disk, {how: measured(store.folder, how) for how in HOW})
    if (inverted := store.snapshot.segments[0].structure.inverted) is not None:
        size.lists = int(inverted.nlist), int(inverted.nprobe)
    queries = np.concatenate([base.queries[r] for r in RELATIONS])
    relations = [r for r in RELATIONS for _ in base.queries[r]]
    truth = truths(batch.vectors, queries)
    engines = faiss_engines(index, *raw_flat(batch.vectors)) | index_engines(index, mapped, build)
    milvus = milvus_engine(index, batch, folder) if count <= _OTHERS_UP_TO else f"not run above {_OTHERS_UP_TO:,}"
    if isinstance(milvus, Engine):
        engines["Milvus Lite, FLAT"] = milvus
    else:
        size.missing["Milvus Lite, FLAT"] = milvus
    logger.info("%s statements: %d queries to %d engines", f"{count:,}", len(queries), len(engines))
    size.results = timed(engines, queries, truth, relations)
    logger.info("%s statements: langchain_community", f"{count:,}")
    _add_community(size, batch, queries, truth, relations, python)
    if keep:
        logger.info("%s statements: re-scoring", f"{count:,}")
        size.rescoring = rescoring(index, base)
    return size


def _add_community(  # noqa: PLR0917
    size: Size,
    batch: Batch,
    queries: Floats,
    truth: Mapping[str, Sequence[set[int]]],
    relations: Sequence[str],
    python: Path | None,
) -> None:
    names = {"whole": "langchain_community FAISS", "filtered": "langchain_community FAISS, 1 %"}
    found = "not installed; --community names an interpreter that has it" if python is None else ""
    if size.count > _OTHERS_UP_TO:
        found = f"not run above {_OTHERS_UP_TO:,}"
    answers = found or community(python or Path(), batch, queries)
    if isinstance(answers, str):
        size.missing |= dict.fromkeys(names.values(), answers)
        return
    for key, name in names.items():
        right = np.array([shared(ids, true) for ids, true in zip(answers[key]["found"], truth[key], strict=True)])
        recall = {r: float(right[[one == r for one in relations]].mean()) for r in RELATIONS}
        size.results[name] = Result(np.array(answers[key]["seconds"]), recall, answers["build"])


def rescoring(index: JointIndex, base: Base) -> dict[str, float]:
    """Median seconds that the pair stage takes for the candidates of a query, and for every statement there is."""
    stages, snapshot, out = index.model.stages, index.store.snapshot, dict[str, float]()
    for name, candidates, most in (("candidates", CANDIDATES, 10), ("everything", len(index), 1)):
        took = []
        for text, vector in zip(base.asked["disagree"][:most], base.queries["disagree"][:most], strict=True):
            encoded = stages.encoder.encode([text])
            start = time.perf_counter()
            rescore(stages, text, encoded, nearest(snapshot, vector, candidates, None))
            took.append(time.perf_counter() - start)
        out[name] = float(np.median(took))
    return out


def main() -> None:
    """Measure every size and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--statements", type=int, default=12_000, help="real statements that are encoded")
    parser.add_argument("--queries", type=int, default=40, help="queries a relation")
    parser.add_argument("--community", type=Path, metavar="PYTHON", help="has langchain-community and faiss-cpu")
    parser.add_argument("--note", default="", help="a sentence for the table, for example what else ran")
    parser.add_argument("--work", type=Path, help="folder of finished sizes, kept for the next run")
    parser.add_argument("--out", default="search", metavar="STEM", help="name of the table and the plot")
    asked = parser.parse_args()
    quiet_libraries()
    log_to_stderr()
    torch.set_num_threads(1)
    load_faiss().omp_set_num_threads(1)
    model = AlignmentModel.load()
    start = time.monotonic()
    base = make_base(model.stages, asked.statements, asked.queries)
    logger.info("%s statements encoded in %.0f s", f"{asked.statements:,}", time.monotonic() - start)
    sizes = []
    for count in sorted(asked.sizes):
        done = asked.work and asked.work / f"{count}-{asked.statements}-{asked.queries}.json"
        if done and done.is_file():
            sizes.append(Size.read(done))
            continue
        with tempfile.TemporaryDirectory() as folder:
            sizes.append(run_size(model, base, count, Path(folder), asked.community))
        if done:
            done.parent.mkdir(parents=True, exist_ok=True)
            sizes[-1].write(done)
        logger.info("%s statements: done after %.0f s", f"{count:,}", time.monotonic() - start)
    options = f"--sizes {' '.join(map(str, asked.sizes))} --statements {asked.statements} --queries {asked.queries}"
    options += f" --out {asked.out}" if asked.out != "search" else ""
    options += " --community PYTHON" if asked.community else ""
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    head = (
        f"{datetime.now(UTC).date()}, `python -m benchmarks.search {options}`, one thread, {load}. {asked.note}".strip()
    )
    plotted = f"{asked.out}.svg" if len(sizes) > 1 else ""
    write_table(f"{asked.out}.md", report(head, base.seconds, sizes, plotted))
    if plotted:
        plot(picture(plotted), sizes)


if __name__ == "__main__":
    main()
