"""Joint embeddings for the benchmark of search: real statements' embeddings, and as many more sampled around them.

Encoding a million statements takes hours, searching them takes minutes, so a pool is sampled: vector i is the
target-side embedding of statement i mod n of the repository's data sets, plus normal noise of half its length, to
unit length again (cosine to its statement .89, to its siblings .80). Queries are real: the linear maps' predictions
ŝ(x, z) of statements that are not in the pool.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from jepa_langchain.encoder import Encoded
from jepa_langchain.index.batches import Batch, Row, States
from jepa_langchain.index.joint_embeddings import SearchRelation, query_vector
from jepa_langchain.pairs import read_pairs
from jepa_langchain.stages import Stages

Floats = npt.NDArray[np.float32]
DATA = Path(__file__).parents[1] / "data"
RELATIONS: tuple[SearchRelation, ...] = get_args(SearchRelation)
NOISE = 0.5
#: Every statement's metadata holds ``part``, its number modulo this: a filter for one part keeps 1 %.
PARTS = 100


def texts() -> list[str]:
    """Distinct statements of the repository's data sets."""
    sources = [read_pairs(DATA / name) for name in ("opinions.jsonl", "polar.jsonl", "stances.jsonl.gz")]
    return list(dict.fromkeys(text for source in sources for pair in source.pairs for text in (pair.a, pair.b)))


@dataclass(frozen=True)
class Base:
    """Encoded statements, and queries of each relation with what encoding one of them takes.

    Attributes:
        texts: n statements.
        encoded: their states.
        asked: the queries' texts, one list a relation.
        queries: (q, d) vectors to search with, by relation.
        seconds: median time of encoding one query and predicting with it.
    """

    texts: list[str]
    encoded: Encoded
    asked: Mapping[str, list[str]]
    queries: Mapping[str, Floats]
    seconds: float


def make_base(stages: Stages, statements: int, queries: int, *, seed: int = 0) -> Base:
    """Encode ``statements`` texts for the pool, and ``queries`` others a relation one by one."""
    every = texts()
    order = np.random.default_rng(seed).permutation(len(every))
    own = [every[i] for i in order[:statements]]
    others = [every[i] for i in order[statements : statements + len(RELATIONS) * queries]]
    asked: dict[str, list[str]] = {r: others[n * queries : (n + 1) * queries] for n, r in enumerate(RELATIONS)}
    took, vectors = [], dict[str, list[Floats]]()
    for relation in RELATIONS:
        for text in asked[relation]:
            start = time.perf_counter()
            vector = query_vector(stages, stages.encoder.encode([text]), relation)[0]
            took.append(time.perf_counter() - start)
            vectors.setdefault(relation, []).append(vector)
    stacked = {relation: np.stack(rows) for relation, rows in vectors.items()}
    return Base(own, stages.encoder.encode(own, progress=True), asked, stacked, float(np.median(took)))


def pool(base: Base, count: int, *, states: bool, seed: int = 0) -> Batch:
    """``count`` statements as an index takes them; their states are those of the real statement."""
    rng, n = np.random.default_rng(seed), len(base.texts)
    width = base.encoded.embeddings.shape[1]
    vectors = np.empty((count, width), np.float32)
    for start in range(0, count, n):
        part = base.encoded.embeddings[: min(n, count - start)]
        noise = rng.normal(size=part.shape).astype(np.float32) * (NOISE / np.sqrt(width))
        vectors[start : start + len(part)] = part + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [Row(f"s{i}", base.texts[i % n], f'{{"persona": "p{i % 997}", "part": {i % PARTS}}}') for i in range(count)]
    kept = None
    if states and base.encoded.tokens is not None:
        chosen = np.arange(count) % n
        kept = States.of(base.encoded.context[chosen], [base.encoded.tokens[i] for i in chosen])
    return Batch(rows, vectors, kept)
