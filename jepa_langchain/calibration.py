"""Energies to probabilities, and when to say nothing.

A calibrator is multinomial logistic regression on the energies (Platt scaling, Platt 1999, for three classes),
fitted on topics that the predictor was not trained on:

    p(agree), p(disagree), p(unrelated) = softmax(V f + v),   f = energies and cosine of one pair

The abstain band is one threshold on the largest probability: the lowest at which the accuracy on the
held-out topics reaches ``1 - risk`` (selective classification, Geifman & El-Yaniv 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.schema import Relation

Doubles = npt.NDArray[np.float64]
#: Error rate on decided pairs that the abstain threshold aims at.
DEFAULT_RISK = 0.2
_GRID = np.arange(0.34, 0.96, 0.01)


@dataclass(frozen=True)
class Calibrator:
    """Probabilities from features.

    Attributes:
        weights: (3, f) V, rows in the order of LABELS (agree, disagree, unrelated).
        bias: (3,) v.
        threshold: largest probability below which the model abstains.
    """

    weights: Doubles
    bias: Doubles
    threshold: float

    def probabilities(self, features: npt.NDArray[np.floating]) -> Doubles:
        """(…, f) features to (…, 3) probabilities in the order of LABELS."""
        logits = features.astype(np.float64) @ self.weights.T + self.bias
        grown = np.exp(logits - logits.max(-1, keepdims=True))
        shares: Doubles = grown / grown.sum(-1, keepdims=True)
        return shares

    def decide(self, probabilities: Doubles) -> Relation | None:
        """The relation of one row of probabilities, or None inside the abstain band."""
        best = int(np.argmax(probabilities))
        return LABELS[best] if probabilities[best] >= self.threshold else None

    def as_dict(self) -> dict[str, object]:
        """Plain JSON, for the manifest."""
        return {"weights": self.weights.tolist(), "bias": self.bias.tolist(), "threshold": self.threshold}

    @classmethod
    def from_dict(cls, saved: dict[str, object]) -> Calibrator:
        """Inverse of :meth:`as_dict`.

        Raises:
            ValueError: if the shapes do not fit together.
        """
        weights, bias = (
            np.array(saved["weights"], dtype=np.float64),
            np.array(saved["bias"], dtype=np.float64),
        )
        if weights.ndim != 2 or weights.shape[0] != len(LABELS) or bias.shape != (len(LABELS),):  # noqa: PLR2004
            raise ValueError(f"calibration of shape {weights.shape} and {bias.shape}")
        return cls(weights, bias, float(str(saved["threshold"])))


def fit_calibrator(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    sample_weight: Doubles,
    *,
    risk: float = DEFAULT_RISK,
) -> Calibrator:
    """Fit on held-out pairs.

    Args:
        features: (n, f).
        labels: (n,) indices into LABELS; every label must occur.
        sample_weight: (n,) positive weights.
        risk: error rate on decided pairs that the abstain threshold aims at.

    Raises:
        ValueError: if a label does not occur.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) != len(LABELS):
        raise ValueError("calibration needs pairs of every relation")
    wide = features.astype(np.float64)
    mean, scale = wide.mean(0), np.maximum(wide.std(0), 1e-9)
    # C scales with the total weight; the ridge is one pseudo-observation, which matters for tens of pairs only.
    model = LogisticRegression(C=1.0, max_iter=5_000, tol=1e-8)
    model.fit((wide - mean) / scale, labels, sample_weight=sample_weight * len(labels) / sample_weight.sum())
    weights = model.coef_ / scale
    fitted = Calibrator(weights, model.intercept_ - weights @ mean, 0.0)
    return Calibrator(fitted.weights, fitted.bias, _threshold(fitted.probabilities(wide), labels, sample_weight, risk))


def _threshold(probabilities: Doubles, labels: npt.NDArray[np.int64], weight: Doubles, risk: float) -> float:
    right = (probabilities.argmax(1) == labels) * weight
    for level in _GRID:
        decided = probabilities.max(1) >= level
        if decided.any() and right[decided].sum() >= (1 - risk) * weight[decided].sum():
            return round(float(level), 2)
    return round(float(_GRID[-1]), 2)
