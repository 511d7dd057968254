from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from jepa_langchain.calibration import Calibrator
from jepa_langchain.concessions import CONCESSION, against_concession, concession_features
from jepa_langchain.estimates import estimate_pairs, estimate_texts
from jepa_langchain.ledger import build_ledger
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Persona, Relation, Statement
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages

PLAIN = "rents are high and need caps"
YES_BUT = "rents are high, but caps harm towns"
TEXTS = [PLAIN, YES_BUT, "bees like gardens"]
PAIRS = np.array([[0, 1], [1, 0], [0, 2], [1, 1]])


@pytest.fixture
def heeding(stages: Stages) -> Stages:
    """Stages whose concession calibrator hears the contest and calls all of it a disagreement."""
    weights = np.concatenate([np.zeros((3, 6)), 2 * np.eye(3)], axis=1)
    calibrator = Calibrator(weights, np.array([0.0, 50.0, 0.0]), threshold=0.9)
    return replace(stages, calibrators={**stages.calibrators, CONCESSION: calibrator})


def test_exactly_one_concessive_text_is_held_against_its_clauses() -> None:
    parts = (YES_BUT, "rents are high", "caps harm towns")
    assert against_concession(PLAIN, YES_BUT) == tuple((PLAIN, part) for part in parts)
    assert against_concession(YES_BUT, PLAIN) == tuple((part, PLAIN) for part in parts)
    assert against_concession(PLAIN, PLAIN) is against_concession(YES_BUT, YES_BUT) is None


def test_the_concession_answers_for_its_pairs_and_no_other(heeding: Stages) -> None:
    told = estimate_pairs(heeding, TEXTS, PAIRS)
    plain = score_pairs(heeding, TEXTS, PAIRS)
    assert told.conceding.tolist() == [True, True, False, False]
    assert told.scores.probabilities is not None
    assert plain.probabilities is not None
    np.testing.assert_array_equal(told.scores.probabilities[2:], plain.probabilities[2:])
    np.testing.assert_array_equal(told.scores.energies, plain.energies)
    clauses = score_pairs(heeding, [PLAIN, "rents are high", "caps harm towns"], np.array([[0, 1], [0, 2]]))
    assert clauses.probabilities is not None
    features = concession_features(plain.probabilities[0], *clauses.probabilities)
    expected = heeding.calibrators[CONCESSION].probabilities(features)
    np.testing.assert_allclose(told.scores.probabilities[:2], [expected, expected], atol=1e-6)
    assert told.thresholds(heeding).tolist()[:2] == [0.9, 0.9]
    assert told.thresholds(heeding)[2] == heeding.calibrators[told.answered_by(2)].threshold


def test_two_texts_are_judged_as_in_a_comparison(heeding: Stages) -> None:
    estimate = estimate_texts(heeding, PLAIN, YES_BUT)
    assert estimate.relation is Relation.DISAGREE
    a, b = (Persona(id=n, statements=(Statement(id=n, text=t),)) for n, t in (("A", PLAIN), ("B", YES_BUT)))
    rows = [f for f in build_ledger(heeding, a, b).disagreements if f.b.text == "caps harm towns"]
    assert [row.estimate.probabilities for row in rows] == [estimate.probabilities]


def test_a_predictor_of_one_direction_is_asked_in_that_direction(heeding: Stages) -> None:
    weights = np.concatenate([np.zeros((3, 6)), 0.1 * np.eye(3)], axis=1)
    calibrators = {**heeding.calibrators, CONCESSION: Calibrator(weights, np.array([0.0, 3.0, 0.0]), threshold=0.5)}
    uneven = torch.from_numpy(np.random.default_rng(0).normal(scale=0.03, size=heeding.linear.maps.shape))
    linear = LinearPredictor(heeding.linear.maps + uneven, direction="forward")
    forward = replace(heeding, linear=linear, calibrators=calibrators)
    for said, heard in ((PLAIN, YES_BUT), (YES_BUT, PLAIN)):
        a, b = (Persona(id=n, statements=(Statement(id=n, text=t),)) for n, t in (("A", said), ("B", heard)))
        rows = build_ledger(forward, a, b).disagreements
        contested = [row.estimate for row in rows if "caps harm towns" in (row.a.text, row.b.text)]
        assert [row.probabilities for row in contested] == [estimate_texts(forward, said, heard).probabilities]
    ahead, back = (estimate_texts(forward, *pair) for pair in ((PLAIN, YES_BUT), (YES_BUT, PLAIN)))
    assert ahead.probabilities != back.probabilities


def test_an_uncalibrated_model_has_no_word_on_concessions(heeding: Stages) -> None:
    told = estimate_pairs(replace(heeding, calibrators={}), TEXTS, PAIRS)
    assert told.scores.probabilities is None
    assert not told.conceding.any()
