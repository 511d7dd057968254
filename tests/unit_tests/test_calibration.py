from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.calibration import Calibrator, Doubles, fit_calibrator
from jepa_langchain.metrics import expected_calibration_error
from jepa_langchain.pair_predictor import LABELS


def drawn(seed: int, n: int = 4_000) -> tuple[Doubles, npt.NDArray[np.int64], Doubles]:
    """Features whose true class probabilities are softmax(3 f)."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    p = np.exp(3 * features) / np.exp(3 * features).sum(1, keepdims=True)
    labels = (p.cumsum(1) > rng.random((n, 1))).argmax(1).astype(np.int64)
    return features, labels, p


def test_recovers_the_probabilities_that_made_the_labels() -> None:
    features, labels, truth = drawn(0)
    fitted = fit_calibrator(features, labels, np.ones(len(labels)))
    assert np.abs(fitted.probabilities(features) - truth).mean() < 0.02
    assert expected_calibration_error(fitted.probabilities(features), labels) < 0.02


def test_the_threshold_keeps_the_stated_risk() -> None:
    features, labels, _ = drawn(1)
    for risk in (0.3, 0.2, 0.1):
        fitted = fit_calibrator(features, labels, np.ones(len(labels)), risk=risk)
        shares = fitted.probabilities(features)
        decided = np.array([fitted.decide(row) is not None for row in shares])
        assert decided.any()
        assert (shares.argmax(1) == labels)[decided].mean() >= 1 - risk


@settings(max_examples=30)
@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
def test_probabilities_sum_to_one_and_decide_follows_the_threshold(values: list[float]) -> None:
    calibrator = Calibrator(np.eye(3), np.zeros(3), 0.5)
    shares = calibrator.probabilities(np.array([values]))[0]
    assert shares.sum() == pytest.approx(1)
    decided = calibrator.decide(shares)
    assert (decided is None) == (shares.max() < 0.5)
    assert decided in (None, LABELS[int(shares.argmax())])


def test_round_trip_through_json() -> None:
    features, labels, _ = drawn(2, 300)
    fitted = fit_calibrator(features, labels, np.ones(len(labels)))
    again = Calibrator.from_dict(json.loads(json.dumps(fitted.as_dict())))
    assert np.array_equal(again.probabilities(features), fitted.probabilities(features))
    assert again.threshold == fitted.threshold


def test_bad_shapes_and_missing_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Calibrator.from_dict({"weights": [[1.0]], "bias": [0.0], "threshold": 0.5})
    with pytest.raises(ValueError, match="every relation"):
        fit_calibrator(np.zeros((4, 2)), np.array([0, 1, 0, 1]), np.ones(4))


def test_calibration_error_of_known_cases() -> None:
    sure_and_right = np.array([[1.0, 0.0, 0.0]] * 4)
    assert expected_calibration_error(sure_and_right, np.zeros(4, dtype=np.int64)) == 0
    assert expected_calibration_error(sure_and_right, np.ones(4, dtype=np.int64)) == 1
