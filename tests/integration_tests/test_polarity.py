"""Polarity on sixty minimal pairs: identity, symmetry, and more verdicts turned round than cosine can."""

from __future__ import annotations

import numpy as np

from benchmarks.minimal_pairs import best_flip_rate, flip_rate, polarities, triples
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.schema import Relation
from jepa_langchain.scoring import score_pairs


def test_a_statement_agrees_with_itself(model: AlignmentModel) -> None:
    for triple in triples():
        assert model.relate(triple.flipped, triple.flipped).relation is Relation.AGREE


def test_swapping_the_statements_swaps_nothing(model: AlignmentModel) -> None:
    texts = [text for t in triples() for text in (t.a, t.flipped)]
    pairs = np.arange(len(texts)).reshape(-1, 2)
    there, back = (score_pairs(model.stages, texts, p) for p in (pairs, pairs[:, ::-1]))
    assert np.array_equal(there.energies, back.energies)


def test_more_verdicts_turn_round_than_cosine_can_turn(model: AlignmentModel) -> None:
    rows = triples()
    methods = polarities(model, rows)
    assert len(rows) == 60
    assert flip_rate(methods["jepa_langchain"]) > best_flip_rate(methods["cosine"])
