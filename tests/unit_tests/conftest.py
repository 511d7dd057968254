"""Unit tests open no socket and load no weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_socket import disable_socket

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import Calibrator
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pairs import LabelledPair, PairSource
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Persona, Relation, Statement
from jepa_langchain.stages import Stages
from jepa_langchain.tools.toolkit import AlignmentToolkit
from tests.words import DIMENSION, WordEncoder


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def source() -> PairSource:
    """240 pairs over 40 topics: the same words agree, with "not" they disagree, other words are unrelated."""
    pairs = []
    for i in range(40):
        topic, other = f"taxes on item{i} help towns", f"trains to place{i} run late"
        for n in range(2):
            said = f"voice{n} says {topic}"
            pairs += [
                LabelledPair(said, f"{topic} indeed", Relation.AGREE, "same", f"t{i}", "train"),
                LabelledPair(said, f"{topic} not", Relation.DISAGREE, "negated", f"t{i}", "train"),
                LabelledPair(said, other, Relation.UNRELATED, "other", f"t{i}", "train"),
            ]
    return PairSource("words", tuple(pairs), "0" * 64, "words.jsonl")


def make_stages(words: WordEncoder, *, calibrated: bool = True) -> Stages:
    """A linear stage whose "disagree" map flips the direction of "not", with calibration by hand."""
    start = torch.cat([torch.zeros(DIMENSION, DIMENSION), torch.eye(DIMENSION)], dim=1)
    flip = start.clone()
    flip[0] = -flip[0]
    calibrator = Calibrator(
        np.array([[-30.0, 10.0, 0.0], [10.0, -30.0, 0.0], [0.0, 0.0, 0.0]]), np.array([8.0, 8.0, 0.0]), 0.6
    )
    return Stages(
        words, LinearPredictor(torch.stack([start, flip])), None, {"linear": calibrator} if calibrated else {}
    )


@pytest.fixture
def stages(words: WordEncoder) -> Stages:
    return make_stages(words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


def make_model(name: str = "toy") -> AlignmentModel:
    return AlignmentModel(ModelFiles(make_stages(WordEncoder()), Baselines(), name))


@pytest.fixture
def index(tmp_path: Path) -> JointIndex:
    """What ann and bob say of five topics: "... help towns", "... not help towns"."""
    index = JointIndex.open(tmp_path / "index", model=make_model())
    topics = ("rents", "trains", "sugar", "bees", "maps")
    for name, ending in (("ann", "help towns"), ("bob", "not help towns")):
        statements = tuple(Statement(id=f"s{i}", text=f"{topic} {ending}") for i, topic in enumerate(topics))
        years = {f"s{i}": {"year": 2020 + i} for i in range(len(topics))}
        index.add_persona(Persona(id=name, statements=statements), metadata={"topic": "towns"}, statements=years)
    return index


@pytest.fixture
def toolkit() -> AlignmentToolkit:
    """Ann's tools over the index of three agents."""
    from tests.agents import make_toolkit

    return make_toolkit()
