"""The engines that the benchmark of search times: each a function from a query's vector to what it found."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.search_data import PARTS
from jepa_langchain.index.batches import Batch
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.kinds import load_faiss

Floats = npt.NDArray[np.float32]
#: From one query's (d,) vector to positions in the pool, best first.
Search = Callable[[Floats], list[int]]
K, PART = 10, 7
FILTER = {"part": PART}


@dataclass(frozen=True)
class Engine:
    """How it is asked, and the seconds that making it took; None where it is another one's structure."""

    search: Search
    build: float | None = None


def raw_flat(vectors: Floats) -> tuple[Any, float]:
    """(faiss.IndexFlatIP, seconds)."""
    start = time.perf_counter()
    index = load_faiss().IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index, time.perf_counter() - start


def faiss_engines(index: JointIndex, flat: Any, seconds: float) -> dict[str, Engine]:  # noqa: ANN401
    """FAISS alone: exact, with the index's own structure, and exact inside the filter by two selectors."""
    faiss = load_faiss()
    (segment,) = index.store.snapshot.segments
    own, total = segment.structure.inverted or segment.structure.exact, segment.entry.count
    kept = np.arange(PART, total, PARTS)
    mask = np.zeros(total, dtype=bool)
    mask[kept] = True
    array, bits = faiss.IDSelectorArray(kept), faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
    inside, passing = faiss.SearchParameters(sel=array), faiss.SearchParameters(sel=bits)

    def asked(target: Any, parameters: Any = None) -> Search:  # noqa: ANN401
        return lambda vector: target.search(vector[None], K, params=parameters)[1][0].tolist()

    return {
        "FAISS Flat": Engine(asked(flat), seconds),
        "FAISS, the index's structure": Engine(asked(own)),
        "FAISS Flat, 1 % by the same selector": Engine(asked(flat, inside)),
        "FAISS Flat, 1 % by a bit field": Engine(asked(flat, passing)),
    }


def index_engines(index: JointIndex, mapped: JointIndex, seconds: float) -> dict[str, Engine]:
    """The index as LangChain asks it: documents with their metadata, and its vector step alone where it is filtered."""

    def documents(where: JointIndex, filters: Iterator[dict[str, Any] | None]) -> Search:
        def search(vector: Floats) -> list[int]:
            found = where.similarity_search_by_vector(vector, k=K, filter=next(filters))  # type: ignore[arg-type]
            return [int(str(doc.id)[1:]) for doc in found]

        return search

    def step(vector: Floats) -> list[int]:
        (segment,) = index.store.snapshot.segments
        found: list[int] = segment.search(vector[None], K, FILTER)[1][0].tolist()
        return found

    # Filters that all keep the same statements, and none of which was asked before.
    new = ({"part": {"$in": [PART, PARTS + n]}} for n in count())
    return {
        "JointIndex": Engine(documents(index, repeat(None)), seconds),
        "JointIndex, memory-mapped": Engine(documents(mapped, repeat(None))),
        "JointIndex, 1 %: vectors": Engine(step),
        "JointIndex, 1 %": Engine(documents(index, repeat(FILTER))),
        "JointIndex, 1 %, a new filter each time": Engine(documents(index, new)),
    }


def milvus_engine(index: JointIndex, batch: Batch, folder: Path) -> Engine | str:
    """Milvus Lite behind LangChain's class, exact; or why not."""
    try:
        from langchain_milvus import Milvus
    except ImportError:
        return "not installed: pip install 'jepa-langchain[milvus]'"
    start = time.perf_counter()
    store = Milvus(
        JointEmbeddings(index.model),
        connection_args={"uri": str(folder / "milvus.db")},
        index_params={"index_type": "FLAT", "metric_type": "COSINE"},
        enable_dynamic_field=True,
    )
    for first in range(0, len(batch.rows), 5_000):
        rows = batch.rows[first : first + 5_000]
        store.add_embeddings(
            [row.text for row in rows],
            batch.vectors[first : first + 5_000].tolist(),
            [json.loads(row.metadata) for row in rows],
            ids=[row.id for row in rows],
        )

    def search(vector: Floats) -> list[int]:
        found = store.similarity_search_by_vector(vector.tolist(), k=K)
        return [int(str(doc.metadata["pk"])[1:]) for doc in found]

    return Engine(search, time.perf_counter() - start)


_COMMUNITY = """
import json, sys, time
import numpy as np
import faiss
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings

class Given(Embeddings):
    def embed_documents(self, texts): raise NotImplementedError
    def embed_query(self, text): raise NotImplementedError

faiss.omp_set_num_threads(1)
folder, k, parts, part = sys.argv[1], *map(int, sys.argv[2:])
vectors, queries = np.load(folder + "/vectors.npy"), np.load(folder + "/queries.npy")
texts = json.load(open(folder + "/texts.json"))
start = time.perf_counter()
pairs = [(text, vector) for text, vector in zip(texts, vectors.tolist())]
ids, fields = [str(i) for i in range(len(texts))], [{"part": i % parts} for i in range(len(texts))]
store = FAISS.from_embeddings(pairs, Given(), fields, ids=ids)
out = {"build": time.perf_counter() - start}
for name, wanted in (("whole", None), ("filtered", {"part": part})):
    took, found = [], []
    for query in queries.tolist():
        start = time.perf_counter()
        documents = store.similarity_search_by_vector(query, k=k, filter=wanted)
        took.append(time.perf_counter() - start)
        found.append([int(doc.id) for doc in documents])
    out[name] = {"seconds": took, "found": found}
json.dump(out, open(folder + "/out.json", "w"))
"""


def community(python: Path, batch: Batch, queries: Floats) -> dict[str, Any] | str:
    """langchain_community's FAISS, run by another interpreter that has it: seconds and answers; or why not."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        np.save(where / "vectors.npy", batch.vectors)
        np.save(where / "queries.npy", queries)
        (where / "texts.json").write_text(json.dumps([row.text for row in batch.rows]), encoding="utf-8")
        command = [str(python), "-c", _COMMUNITY, folder, *map(str, (K, PARTS, PART))]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            return done.stderr.strip().splitlines()[-1][:120]
        found: dict[str, Any] = json.loads((where / "out.json").read_text(encoding="utf-8"))
        return found
