"""How many candidates a search by relation re-scores and how much nearness weighs, chosen on topics held out.

The pool is the held-out topics' statements and, up to ``--pool``, others of the same files; the queries are
statements of topics that training held out. The dev split takes no part, so that ``benchmarks/search_quality.py``
measures the choice on other topics. Rows and columns are that benchmark's, with a row for each setting and no times.

The rule: of the settings whose wrong-polarity share is at most .6 of cosine's for both relations, the one with the
highest mean of recall@1, 5 and 10 and MRR over both. (At half of cosine's share nothing is left that finds as many true
statements as cosine.) ``CANDIDATES`` and ``NEARNESS`` of
:mod:`jepa_langchain.index.relation_search` hold it.

Run from the repository's root: ``python -m benchmarks.search_weight PAIRS... [--queries 25]`` with the files that the
model was trained on. It writes ``benchmarks/search_weight.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.search_quality import Tally, Truth, hits_of, queries_of, scored, table, truth_of
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import progress_bar, quiet_libraries
from jepa_langchain.index.joint_embeddings import search_relation
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.relation_search import CANDIDATES, NEARNESS, RelationQuery, ranked
from jepa_langchain.pairs import PairSource, read_pairs
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Relation
from jepa_langchain.training.data import hold_out_topics, usable_sources

WEIGHTS = (0.0, 2.0, 4.0, 8.0, 16.0)
COUNTS = (20, 30, 40, 50)
SETTINGS = {f"{count} candidates, nearness {w:g}": (count, w) for count in COUNTS for w in WEIGHTS}
#: Share of cosine's wrong polarity that a setting may have.
_WRONG = 0.6
#: What a training of many pairs holds out, at its default seed.
_SHARE, _SEED = 0.05, 0


def held_out(sources: Sequence[PairSource], pool: int) -> tuple[list[PairSource], list[str]]:
    """(the held-out topics' pairs, marked dev for :func:`truth_of`; other training statements, up to ``pool``)."""
    usable = usable_sources(list(sources), labelled=True, seed=_SEED)
    _, held = hold_out_topics(usable, share=_SHARE, concessions=0, negations=0, seed=_SEED)
    marked = [source.only([replace(pair, split="dev") for pair in source.pairs]) for source in held]
    own = {text for source in held for pair in source.pairs for text in (pair.a, pair.b)}
    others = sorted({text for source in usable for pair in source.pairs for text in (pair.a, pair.b)} - own)
    order = np.random.default_rng(_SEED).permutation(len(others))[: max(0, pool - len(own))]
    return marked, [others[i] for i in order]


def measure(index: JointIndex, queries: Sequence[str], truth: Truth) -> dict[Relation, dict[str, Tally]]:
    """Tallies by relation, of cosine and of each setting."""
    tallies = {relation: {name: Tally() for name in ("cosine", *SETTINGS)} for relation in RELATIONS}
    for text in progress_bar(queries, "asking", show=True):
        encoded = index.model.stages.encoder.encode([text])
        for relation, opposite in zip(RELATIONS, reversed(RELATIONS), strict=True):
            true, false = truth[text][relation], truth[text][opposite]
            near = [hit.row.text for hit in hits_of(index, text, encoded, "similar", max(COUNTS))]
            tallies[relation]["cosine"].add(near, true, false)
            # Nearest first: fewer candidates are the first of them.
            hits = hits_of(index, text, encoded, relation.value, max(COUNTS))
            found = scored(index, text, encoded, relation, hits)
            query = RelationQuery(text, search_relation(relation.value), k=max(COUNTS))
            for name, (count, weight) in SETTINGS.items():
                order = [one for one, _ in ranked(found[:count], query, nearness=weight)]
                tallies[relation][name].add(order, true, false)
    return tallies


def choice(tallies: Mapping[Relation, Mapping[str, Tally]]) -> str | None:
    """The setting that the rule above chooses; None if all have too much wrong polarity."""
    allowed = [
        name
        for name in SETTINGS
        if all(methods[name].wrong_share <= _WRONG * methods["cosine"].wrong_share for methods in tallies.values())
    ]
    found = {name: float(np.mean([methods[name].found for methods in tallies.values()])) for name in allowed}
    return max(allowed, key=found.__getitem__, default=None)


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="pairs files that the model was trained on")
    parser.add_argument("--queries", type=int, default=25, help="queries a file")
    parser.add_argument("--pool", type=int, default=9_000, help="statements")
    parser.add_argument("--model", type=Path, help="a model directory; the shipped model when left out")
    asked = parser.parse_args()
    quiet_libraries()
    held, others = held_out([read_pairs(path) for path in asked.pairs], asked.pool)
    own, truth = truth_of(held)
    queries = [text for source in held for text in queries_of(source, truth, asked.queries, _SEED)]
    index = JointIndex.open(model=AlignmentModel.load(asked.model), kind="flat")
    index.add_texts([*own, *others])
    tallies = measure(index, queries, truth)
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.search_weight PAIRS... --queries {asked.queries}"
    head += f" --pool {asked.pool}`. {len(index):,} statements, {len(queries)} queries of held-out topics of "
    head += f"{', '.join(source.name for source in held)}."
    chosen = choice(tallies)
    rule = f"The rule chooses {chosen or 'none'}; the index has {CANDIDATES} candidates, nearness {NEARNESS:g}."
    what = "What the rows mean: `benchmarks/search_weight.py`."
    write_table(
        "search_weight.md", f"# Candidates and nearness\n\n{head}\n{rule} {what}\n\n{table(tallies, timed=False)}\n"
    )


if __name__ == "__main__":
    main()
