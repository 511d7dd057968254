"""Metrics of predicted relations: what a number in ``evaluate`` and in the model card means.

* ``auroc_agree_vs_disagree``: on pairs labelled agree or disagree, by P(agree) against P(disagree).
* ``auroc_related``: agree or disagree against unrelated, by 1 - P(unrelated); ``related_to`` splits it by the kind of
  unrelated pair: ``off_topic`` (another topic), ``same_topic`` (the same topic without relation), ``neutral`` (NLI).
* ``macro_f1``: of the three relations, on every pair, without abstaining.
* ``ece``: expected calibration error of the largest probability, 15 equal bins (Guo et al., 2017).
* ``brier``: mean squared distance of the probabilities from the label, 0 to 2 (Brier, 1950).
* ``aurc``: area under the risk-coverage curve, the mean error over all coverages (Geifman & El-Yaniv, 2017).
* ``coverage``, ``accuracy_at_coverage``: share of pairs outside the abstain band, and accuracy on them.
* ``reliability``: by stated probability of agreement or disagreement, ten equal bins: how often it was that relation.

A number that cannot be computed (a file without one of the labels, an uncalibrated model) is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles

Metrics = dict[str, float | None]
Labels = npt.NDArray[np.int64]
_BINS = 15
RELIABILITY_BINS = 10
_UNRELATED = 2
#: Kinds of unrelated pairs: by the ``kind`` of a pair, or its beginning.
UNRELATED_KINDS = {
    "off_topic": ("random-", "other-", "mismatch"),
    "same_topic": ("same-",),
    "neutral": ("nli",),
}


@dataclass(frozen=True)
class Predictions:
    """What one method says of n pairs.

    Polarity (n,), relatedness (n,), probabilities (n, 3) or None, and the threshold of each pair (n,) or of all.
    """

    polarity: Doubles
    related: Doubles
    probabilities: Doubles | None
    threshold: Doubles | float

    def at(self, rows: npt.NDArray[np.int64]) -> Predictions:
        """The predictions of some rows, repeated where a row is named twice."""
        shares = None if self.probabilities is None else self.probabilities[rows]
        threshold = np.broadcast_to(self.threshold, len(self.polarity))[rows]
        return Predictions(self.polarity[rows], self.related[rows], shares, threshold)


def auroc(positive: npt.NDArray[np.bool_], score: Doubles) -> float | None:
    """Area under the ROC curve of (n,) scores; None if one class is missing."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else None


def expected_calibration_error(probabilities: Doubles, labels: Labels) -> float:
    """Σ_bins |accuracy - mean confidence| * share of pairs, over 15 equal bins of the largest probability."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(np.sum(gaps))


def reliability(probabilities: Doubles, labels: Labels) -> list[dict[str, float]]:
    """Rows of ``bin`` (0 to 9), ``n``, ``stated`` (mean probability) and ``observed`` (share that was the relation).

    Every pair counts twice, with its probability of agreement and with that of disagreement, (n, 3) and (n,).
    """
    stated = probabilities[:, :_UNRELATED].ravel()
    is_it = (labels[:, None] == np.arange(_UNRELATED)).ravel()
    bins = np.minimum((stated * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    return [
        {
            "bin": int(b),
            "n": int((bins == b).sum()),
            "stated": float(stated[bins == b].mean()),
            "observed": float(is_it[bins == b].mean()),
        }
        for b in np.unique(bins)
    ]


def brier(probabilities: Doubles, labels: Labels) -> float:
    """Mean over pairs of Σ_z (p_z - [label = z])², 0 (sure and right) to 2 (sure and wrong)."""
    return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1).mean())


def risk_coverage(probabilities: Doubles, labels: Labels) -> tuple[Doubles, Doubles]:
    """(n,) coverages and the (n,) error rates among the most certain pairs up to each."""
    order = np.argsort(-probabilities.max(1), kind="stable")
    wrong = (probabilities.argmax(1) != labels)[order]
    count = np.arange(1, len(labels) + 1)
    return count / len(labels), np.cumsum(wrong) / count


def measure(predictions: Predictions, labels: Labels) -> Metrics:
    """All metrics of one method on one file; ``labels`` are indices into LABELS."""
    from sklearn.metrics import f1_score

    related = labels != _UNRELATED
    out: Metrics = {
        "auroc_agree_vs_disagree": auroc(labels[related] == 0, predictions.polarity[related]),
        "auroc_related": auroc(related, predictions.related),
        **dict.fromkeys(("macro_f1", "ece", "brier", "aurc", "coverage", "accuracy_at_coverage")),
    }
    shares = predictions.probabilities
    if shares is not None and len(labels):
        best, decided = shares.argmax(1), shares.max(1) >= predictions.threshold
        out["macro_f1"] = float(f1_score(labels, best, labels=np.unique(labels), average="macro", zero_division=0))
        out["ece"] = expected_calibration_error(shares, labels)
        out["brier"] = brier(shares, labels)
        out["aurc"] = float(risk_coverage(shares, labels)[1].mean())
        out["coverage"] = float(decided.mean())
        out["accuracy_at_coverage"] = float((best == labels)[decided].mean()) if decided.any() else None
    return out


def related_to(predictions: Predictions, labels: Labels, kinds: Sequence[str]) -> Metrics:
    """AUROC of related pairs against each kind of unrelated pair; None where a file has none of that kind."""
    out: Metrics = {}
    for name, starts in UNRELATED_KINDS.items():
        this = np.array([kind.startswith(starts) for kind in kinds]) & (labels == _UNRELATED)
        rows = np.flatnonzero(this | (labels != _UNRELATED))
        out[name] = auroc(labels[rows] != _UNRELATED, predictions.related[rows])
    return out


def average(rows: Iterable[Metrics]) -> Metrics:
    """Mean of each metric over the files that have it."""
    rows = list(rows)
    return {
        name: float(np.mean(values)) if (values := [v for row in rows if (v := row[name]) is not None]) else None
        for name in rows[0]
    }
