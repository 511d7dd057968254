"""Measure a model on labelled pairs, beside the peers fitted on the same data.

Every number is computed a file and averaged over files, so that a large source does not drown a small one:

* ``auroc_agree_vs_disagree``: on pairs labelled agree or disagree, by P(agree) against P(disagree).
* ``auroc_related``: agree or disagree against unrelated, by 1 - P(unrelated).
* ``macro_f1``: of the three relations, on every pair, without abstaining.
* ``ece``: expected calibration error of the largest probability, 15 equal bins (Guo et al., 2017).
* ``coverage``, ``accuracy_at_coverage``: share of pairs outside the abstain band, and accuracy on them.

A number that cannot be computed (a file without one of the labels, an uncalibrated model) is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import Doubles
from jepa_langchain.encoder import Encoded
from jepa_langchain.errors import InputError
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import PairSource, for_evaluation
from jepa_langchain.stages import polarity, score_pairs

Metrics = dict[str, float | None]
_BINS = 15
_UNRELATED = 2


@dataclass(frozen=True)
class Predictions:
    """What one method says of n pairs: polarity (n,), relatedness (n,), probabilities (n, 3) or None, threshold."""

    polarity: Doubles
    related: Doubles
    probabilities: Doubles | None
    threshold: float


def _auroc(positive: npt.NDArray[np.bool_], score: Doubles) -> float | None:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else None


def expected_calibration_error(probabilities: Doubles, labels: npt.NDArray[np.int64]) -> float:
    """Σ_bins |accuracy - mean confidence| * share of pairs, over 15 equal bins of the largest probability."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(np.sum(gaps))


def measure(predictions: Predictions, labels: npt.NDArray[np.int64]) -> Metrics:
    """All metrics of one method on one file; ``labels`` are indices into LABELS."""
    from sklearn.metrics import f1_score

    related = labels != _UNRELATED
    out: Metrics = {
        "auroc_agree_vs_disagree": _auroc(labels[related] == 0, predictions.polarity[related]),
        "auroc_related": _auroc(related, predictions.related),
        "macro_f1": None,
        "ece": None,
        "coverage": None,
        "accuracy_at_coverage": None,
    }
    shares = predictions.probabilities
    if shares is not None:
        best, decided = shares.argmax(1), shares.max(1) >= predictions.threshold
        out["macro_f1"] = float(f1_score(labels, best, labels=np.unique(labels), average="macro", zero_division=0))
        out["ece"] = expected_calibration_error(shares, labels)
        out["coverage"] = float(decided.mean())
        out["accuracy_at_coverage"] = float((best == labels)[decided].mean()) if decided.any() else None
    return out


def average(rows: Iterable[Metrics]) -> Metrics:
    """Mean of each metric over the files that have it."""
    rows = list(rows)
    return {
        name: float(np.mean(values)) if (values := [v for row in rows if (v := row[name]) is not None]) else None
        for name in rows[0]
    }


def _peers(baselines: Baselines, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> dict[str, Predictions]:
    cosine = (x.astype(np.float64) * y).sum(1)
    calibrator = baselines.cosine
    shares = calibrator.probabilities(cosine[:, None]) if calibrator else None
    out = {"cosine": Predictions(cosine, cosine, shares, calibrator.threshold if calibrator else 0.0)}
    if baselines.pair_features:
        p = baselines.mlp_probabilities(x, y)
        ratio = np.log(np.clip(p[:, 0], 1e-12, 1)) - np.log(np.clip(p[:, 1], 1e-12, 1))
        out["pair_features"] = Predictions(ratio, 1 - p[:, 2], p, 0.0)
    return out


def _predict(model: ModelFiles, source: PairSource, *, progress: bool) -> dict[str, Predictions]:
    texts = sorted({text for p in source.pairs for text in (p.a, p.b)})
    where = {text: i for i, text in enumerate(texts)}
    rows = np.array([(where[p.a], where[p.b]) for p in source.pairs], dtype=np.int64)
    encoded: Encoded = model.stages.encoder.encode(texts, progress=progress)
    scores = score_pairs(model.stages, texts, rows, budget=len(rows), encoded=encoded)
    shares = scores.probabilities
    nearness = 1 - shares[:, _UNRELATED] if shares is not None else -scores.energies.min(1)
    stage = "pair" if scores.joint.all() else "linear"
    threshold = model.stages.calibrators[stage].threshold if shares is not None else 0.0
    ours = Predictions(polarity(scores), nearness, shares, threshold)
    return {
        "model": ours,
        **_peers(model.baselines, encoded.embeddings[rows[:, 0]], encoded.embeddings[rows[:, 1]]),
    }


def evaluate(
    model: ModelFiles, sources: Sequence[PairSource], *, split: str = "dev", progress: bool = False
) -> dict[str, Any]:
    """The document of ``jepa-langchain evaluate --json``.

    Args:
        model: a loaded model directory.
        sources: labelled pairs; rows of another split than ``split`` do not count.
        split: which rows count beside those without a split.
        progress: show bars.

    Raises:
        InputError: if a file has no row of that split.
    """
    files: dict[str, dict[str, Any]] = {}
    for source in sources:
        chosen = for_evaluation(source, split)
        if not chosen.pairs:
            raise InputError(f"{source.path}: no rows of split {split!r}")
        labels = np.array([LABELS.index(p.label) for p in chosen.pairs], dtype=np.int64)
        results = {name: measure(p, labels) for name, p in _predict(model, chosen, progress=progress).items()}
        ours = results.pop("model")
        files[source.path or source.name] = {"n": len(chosen.pairs), **ours, "baselines": results}
    overall = average({k: v for k, v in row.items() if k not in ("n", "baselines")} for row in files.values())
    names = list(next(iter(files.values()))["baselines"])
    peers = {name: average(row["baselines"][name] for row in files.values()) for name in names}
    return {
        "n": sum(row["n"] for row in files.values()),
        "split": split,
        **overall,
        "baselines": peers,
        "files": files,
        "model": model.name,
    }
