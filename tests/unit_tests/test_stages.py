"""Which pairs the pair stage is asked for, and that asking for fewer changes only those left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jepa_langchain import scoring as module
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.scoring import nearest_pairs, score_pairs
from jepa_langchain.stages import Stages
from tests.words import DIMENSION


@given(
    energy=arrays(np.float64, (4, 6), elements=st.floats(0, 2, width=16)),
    nearest=st.integers(1, 8),
)
def test_every_text_keeps_its_nearest_pairs(energy: npt.NDArray[np.float64], nearest: int) -> None:
    pairs = np.array([(x, 4 + y) for x in range(4) for y in range(6)], dtype=np.int64)
    kept = set(nearest_pairs(pairs, energy.ravel(), nearest).tolist())
    wanted = set()
    for text in range(10):
        own = [place for place, pair in enumerate(pairs) if text in pair]
        wanted |= set(sorted(own, key=lambda place: (energy.ravel()[place], place))[:nearest])
    assert kept == wanted


@pytest.fixture
def joint(stages: Stages) -> Stages:
    torch.manual_seed(0)
    pair = PairPredictor(PairConfig(DIMENSION, 4, 1, 32))
    torch.nn.init.normal_(pair.readout.weight)
    return Stages(stages.encoder, stages.linear, pair, {})


def test_beyond_the_budget_the_pair_stage_reads_the_nearest_pairs(joint: Stages) -> None:
    texts = [f"statement {i} on taxes {i % 3}" for i in range(20)]
    pairs = np.array([(x, y) for x in range(10) for y in range(10, 20)], dtype=np.int64)
    whole, part = score_pairs(joint, texts, pairs), score_pairs(joint, texts, pairs, budget=10)
    assert whole.joint.all()
    assert 0 < part.joint.sum() <= module.NEAREST * len(texts) < len(pairs) * 2
    assert np.allclose(whole.energies[part.joint], part.energies[part.joint], atol=1e-5)
    assert np.array_equal(whole.near, part.near)
