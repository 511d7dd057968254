"""The network that says whether a statement bears out what is told of it, and what it is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.narrative_support import examples
from jepa_langchain.chains.signals import evidence_of
from jepa_langchain.chains.support import ANSWERS, SupportPredictor, load_support, save_support
from jepa_langchain.pair_predictor import LABELS, Floats, PairConfig, PairPredictor
from jepa_langchain.schema import Relation

PAIRS = np.array([[0, 1], [1, 0], [2, 1], [0, 0]])
MORE, FEWER = "Parks need more trees.", "Parks need fewer trees"
ROW = {
    "ledger": "trees",
    "names": ["Ann", "Bob"],
    "relation": "disagree",
    "a": MORE,
    "b": FEWER,
    "honest": ["Ann wants more trees, while Bob wants fewer."],
    "wrong": [{"text": "Ann wants fewer trees, while Bob wants fewer.", "kind": "flipped", "side": "a"}],
    "split": "train",
}


@pytest.fixture
def tokens() -> list[Floats]:
    dice = np.random.default_rng(0)
    return [dice.normal(size=(length, 16)).astype(np.float32) for length in (3, 5, 4)]


@pytest.fixture
def pair() -> PairPredictor:
    torch.manual_seed(0)
    return PairPredictor(PairConfig(16, 4, 2, 32)).eval()


def test_it_begins_as_the_pair_stage(pair: PairPredictor, tokens: list[Floats]) -> None:
    started = SupportPredictor.from_pair(pair)
    np.testing.assert_allclose(started.score(tokens, PAIRS), pair.score(tokens, PAIRS), atol=1e-6)
    answers = started.answers(tokens, PAIRS)
    assert answers.shape == (len(PAIRS), len(ANSWERS))
    np.testing.assert_allclose(np.exp(answers).sum(1), 1.0, atol=1e-9)
    assert not started.answers(tokens, np.zeros((0, 2), dtype=np.int64)).size


def test_what_is_told_is_not_what_was_said(pair: PairPredictor, tokens: list[Floats]) -> None:
    model = SupportPredictor.from_pair(pair)
    torch.nn.init.normal_(model.told)
    one, other = model.answers(tokens, PAIRS[:2])
    assert not np.allclose(one, other, atol=1e-3)


def test_it_is_read_back_as_it_was_written(pair: PairPredictor, tokens: list[Floats], tmp_path: Path) -> None:
    model = SupportPredictor.from_pair(pair).half().float()
    torch.nn.init.constant_(model.told, 0.5)
    save_support(tmp_path / "support.safetensors", model)
    again = load_support(tmp_path / "support.safetensors")
    assert again.config == model.config
    np.testing.assert_array_equal(again.answers(tokens, PAIRS), model.answers(tokens, PAIRS))


def test_an_agreement_is_borne_out_by_either_statement() -> None:
    assert evidence_of("One", "two.", agree=True) == ("One. two.", "two. One.")
    assert evidence_of("One", "two.", agree=False) == ("One", "two.")


def test_sentences_become_what_is_told_of_either_side() -> None:
    found = list(examples([ROW], "train"))
    told = {(pair.a, pair.b, pair.kind): pair.label for pair in found}
    assert told["wants more trees", MORE, "honest"] is Relation.AGREE
    assert told["wants fewer", FEWER, "honest"] is Relation.AGREE
    assert told["wants fewer trees", MORE, "flipped"] is Relation.DISAGREE
    assert told["wants fewer", FEWER, "flipped"] is Relation.AGREE
    assert not list(examples([ROW], "dev"))
    assert {pair.label for pair in found} <= set(LABELS)
