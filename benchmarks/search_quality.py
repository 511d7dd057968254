"""How well a search by relation finds statements that agree or disagree, beside cosine, on dev splits.

The pool is every distinct statement of the given files' dev rows. A query is a statement that has both an agreeing
and a disagreeing one in the pool; it is asked for each relation, and the query's own text is left out of its answer.

* recall@k: share of queries with a true statement among the first k; MRR: mean of 1 / the place of the first one.
* wrong polarity: of the first ten statements that are labelled against the query as agree or disagree, the share of
  those that have the other relation.
* cosine: nearest sentence embeddings, the same for both relations; linear: nearest to ŝ(x, z); re-scored: the first
  ``--candidates`` of linear, ordered by what the pair stage makes of them and by nearness, as ``JointIndex.search``
  orders them; how, was chosen by ``benchmarks/search_weight.py`` on other topics.
* seconds: a query, its encoding left out.

Run from the repository's root: ``python -m benchmarks.search_quality PAIRS... [--queries 25]``. It writes
``benchmarks/search_quality.md``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import quiet_libraries
from jepa_langchain.encoder import Encoded
from jepa_langchain.index.joint_embeddings import query_vector, search_relation
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.relation_search import (
    CANDIDATES,
    NEARNESS,
    Hit,
    RelationQuery,
    described,
    nearest,
    ranked,
    rescore,
)
from jepa_langchain.pairs import PairSource, read_pairs
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Relation

METHODS = ("cosine", "linear", "re-scored")
_TOP = 10
#: Who stands in a relation to a text: text -> relation -> texts.
Truth = Mapping[str, Mapping[Relation, set[str]]]


def truth_of(sources: Sequence[PairSource]) -> tuple[list[str], Truth]:
    """(the pool, what is labelled in it), of the dev rows."""
    pool: dict[str, None] = {}
    truth: dict[str, dict[Relation, set[str]]] = defaultdict(lambda: {r: set() for r in Relation})
    for pair in (p for s in sources for p in s.pairs if p.split == "dev"):
        pool |= {pair.a: None, pair.b: None}
        if pair.a != pair.b:
            truth[pair.a][pair.label].add(pair.b)
            truth[pair.b][pair.label].add(pair.a)
    return list(pool), truth


def queries_of(source: PairSource, truth: Truth, most: int, seed: int) -> list[str]:
    """Some of a file's statements that have true answers of both relations."""
    texts = sorted({text for p in source.pairs if p.split == "dev" for text in (p.a, p.b)})
    both = [text for text in texts if all(truth[text][relation] for relation in RELATIONS)]
    chosen = np.random.default_rng(seed).permutation(len(both))[:most]
    return [both[i] for i in sorted(chosen)]


@dataclass
class Tally:
    """What one method did for one relation."""

    places: list[int | None] = field(default_factory=list)
    right: int = 0
    wrong: int = 0
    seconds: float = 0.0

    def add(self, answer: Sequence[str], true: set[str], false: set[str], seconds: float = 0.0) -> None:
        """One query's answer, best first, with its time if that is measured."""
        self.places.append(next((n for n, text in enumerate(answer, 1) if text in true), None))
        judged = [text for text in answer[:_TOP] if (text in true) != (text in false)]
        self.right += sum(text in true for text in judged)
        self.wrong += sum(text in false for text in judged)
        self.seconds += seconds

    def recall(self, k: int) -> float:
        """Share of queries with a true statement among the first k."""
        return float(np.mean([place is not None and place <= k for place in self.places]))

    @property
    def mrr(self) -> float:
        """Mean of 1 / the place of the first true statement."""
        return float(np.mean([1 / place if place else 0 for place in self.places]))

    @property
    def found(self) -> float:
        """One number of how well true statements are found: the mean of recall at 1, 5 and 10 and MRR."""
        return float(np.mean([*(self.recall(k) for k in (1, 5, _TOP)), self.mrr]))

    @property
    def wrong_share(self) -> float:
        """Share of wrong polarity among those of the first ten that are labelled."""
        return self.wrong / max(1, self.right + self.wrong)

    def cells(self, *, timed: bool) -> list[str]:
        """Recall at 1, 5 and 10, MRR, share of wrong polarity; seconds a query where they were measured."""
        return [
            *(f"{self.recall(k):.3f}" for k in (1, 5, _TOP)),
            f"{self.mrr:.3f}",
            f"{self.wrong_share:.3f} ({self.wrong} of {self.right + self.wrong})",
            *([f"{self.seconds / len(self.places):.3f}"] if timed else []),
        ]


def hits_of(index: JointIndex, text: str, encoded: Encoded, asked: str, candidates: int) -> list[Hit]:
    """The nearest to what is asked of a text, the text itself left out."""
    vector = query_vector(index.model.stages, encoded, search_relation(asked))[0]
    found = nearest(index.store.snapshot, vector, candidates + 1, None)
    return [hit for hit in found if hit.row.text != text][:candidates]


def scored(
    index: JointIndex, text: str, encoded: Encoded, relation: Relation, hits: Sequence[Hit]
) -> list[tuple[str, dict[str, Any]]]:
    """(text, what the pair stage and the maps say) of each hit, as a search has it before it ranks."""
    estimates = rescore(index.model.stages, text, encoded, hits)
    return [
        (hit.row.text, described(relation, estimate) | {"similarity": hit.similarity})
        for hit, estimate in zip(hits, estimates, strict=True)
    ]


def answer(index: JointIndex, text: str, relation: Relation, candidates: int) -> dict[str, tuple[list[str], float]]:
    """Method to (its answer without the query's own text, seconds)."""
    encoded = index.model.stages.encoder.encode([text])
    out: dict[str, tuple[list[str], float]] = {}
    for method, asked in (("cosine", "similar"), ("linear", relation.value)):
        start = time.perf_counter()
        hits = hits_of(index, text, encoded, asked, candidates)
        out[method] = [hit.row.text for hit in hits], time.perf_counter() - start
    start = time.perf_counter()
    query = RelationQuery(text, search_relation(relation.value), k=candidates)
    found = ranked(scored(index, text, encoded, relation, hits), query)
    out["re-scored"] = [text for text, _ in found], out["linear"][1] + time.perf_counter() - start
    return out


def measure(
    index: JointIndex, queries: Sequence[str], truth: Truth, candidates: int
) -> dict[Relation, dict[str, Tally]]:
    """Tallies by relation and method."""
    tallies = {relation: {method: Tally() for method in METHODS} for relation in RELATIONS}
    for text in queries:
        for relation, opposite in zip(RELATIONS, reversed(RELATIONS), strict=True):
            for method, (found, seconds) in answer(index, text, relation, candidates).items():
                tallies[relation][method].add(found, truth[text][relation], truth[text][opposite], seconds)
    return tallies


def table(tallies: Mapping[Relation, Mapping[str, Tally]], *, timed: bool) -> str:
    """Everything as Markdown."""
    columns = ["relation", "method", "recall@1", "recall@5", "recall@10", "MRR", "wrong polarity"]
    columns += ["seconds"] if timed else []
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for relation, methods in tallies.items():
        lines += [f"| {relation.value} | {name} | {' | '.join(t.cells(timed=timed))} |" for name, t in methods.items()]
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="pairs files with a dev split")
    parser.add_argument("--queries", type=int, default=25, help="queries a file")
    parser.add_argument("--candidates", type=int, default=CANDIDATES, help="statements that are re-scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="a model directory; the shipped model when left out")
    asked = parser.parse_args()
    quiet_libraries()
    sources = [read_pairs(path) for path in asked.pairs]
    pool, truth = truth_of(sources)
    queries = [text for s in sources for text in queries_of(s, truth, asked.queries, asked.seed)]
    index = JointIndex.open(model=AlignmentModel.load(asked.model), kind="flat")
    index.add_texts(pool)
    body = table(measure(index, queries, truth, asked.candidates), timed=True)
    options = f"--queries {asked.queries} --candidates {asked.candidates} --seed {asked.seed}"
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.search_quality PAIRS... {options}`"
    names = ", ".join(source.name for source in sources)
    note = f"{len(pool):,} statements, {len(queries)} queries, dev splits of {names}; nearness weighs {NEARNESS:g}."
    machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads."
    text = f"# Search by relation\n\n{head}. {note} {machine}\n"
    text += f"What the rows mean: `benchmarks/search_quality.py`.\n\n{body}\n"
    write_table("search_quality.md", text)


if __name__ == "__main__":
    main()
