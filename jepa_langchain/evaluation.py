"""Measure a model on labelled pairs, beside the peers fitted on the same data.

Every number of :mod:`jepa_langchain.metrics` is computed a file and averaged over files, so that a large source does
not drown a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from jepa_langchain.baselines import Baselines
from jepa_langchain.encoder import Encoded
from jepa_langchain.errors import InputError
from jepa_langchain.estimates import estimate_pairs
from jepa_langchain.metrics import Predictions, average, measure, related_to, reliability
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import PairSource, for_evaluation, known_topics
from jepa_langchain.stages import polarity

_UNRELATED = 2


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


def predict(model: ModelFiles, source: PairSource, *, progress: bool = False) -> dict[str, Predictions]:
    """What the model ("model") and its fitted peers say of the pairs of a source, in their order."""
    texts = sorted({text for p in source.pairs for text in (p.a, p.b)})
    where = {text: i for i, text in enumerate(texts)}
    rows = np.array([(where[p.a], where[p.b]) for p in source.pairs], dtype=np.int64)
    encoded: Encoded = model.stages.encoder.encode(texts, progress=progress)
    estimates = estimate_pairs(model.stages, texts, rows, encoded=encoded)
    scores = estimates.scores
    shares = scores.probabilities
    nearness = 1 - shares[:, _UNRELATED] if shares is not None else -scores.energies.min(1)
    ours = Predictions(
        polarity(scores), nearness, shares, 0.0 if shares is None else estimates.thresholds(model.stages)
    )
    return {
        "model": ours,
        **_peers(model.baselines, encoded.embeddings[rows[:, 0]], encoded.embeddings[rows[:, 1]]),
    }


def evaluate(
    model: ModelFiles,
    sources: Sequence[PairSource],
    *,
    split: str = "dev",
    known: AbstractSet[str] = frozenset(),
    progress: bool = False,
) -> dict[str, Any]:
    """The document of ``jepa-langchain evaluate --json``.

    One source's dev topics can be what another is trained on: ``new_topics`` are the same metrics over the pairs whose
    topic no row of split "train" has, of any of the sources.

    Args:
        model: a loaded model directory.
        sources: labelled pairs; rows of another split than ``split`` do not count.
        split: which rows count beside those without a split.
        known: topics that the model was trained on beside those.
        progress: show bars.

    Raises:
        InputError: if a file has no row of that split.
    """
    files: dict[str, dict[str, Any]] = {}
    known = known | known_topics(source.only([p for p in source.pairs if p.split == "train"]) for source in sources)
    for source in sources:
        chosen = for_evaluation(source, split)
        if not chosen.pairs:
            raise InputError(f"{source.path}: no rows of split {split!r}")
        labels = np.array([LABELS.index(p.label) for p in chosen.pairs], dtype=np.int64)
        predictions = predict(model, chosen, progress=progress)
        ours = predictions["model"]
        results = {name: measure(p, labels) for name, p in predictions.items()}
        new = np.flatnonzero([p.group not in known for p in chosen.pairs])
        files[source.path or source.name] = {
            "n": len(chosen.pairs),
            **results.pop("model"),
            "new_topics": {"n": len(new), **measure(ours.at(new), labels[new])},
            "related_to": related_to(ours, labels, [p.kind for p in chosen.pairs]),
            "reliability": [] if ours.probabilities is None else reliability(ours.probabilities, labels),
            "baselines": results,
        }
    nested = ("n", "new_topics", "related_to", "reliability", "baselines")
    overall = average({k: v for k, v in row.items() if k not in nested} for row in files.values())
    names = list(next(iter(files.values()))["baselines"])
    peers = {name: average(row["baselines"][name] for row in files.values()) for name in names}
    return {
        "n": sum(row["n"] for row in files.values()),
        "split": split,
        **overall,
        "new_topics": {
            **average(row["new_topics"] for row in files.values()),
            "n": sum(row["new_topics"]["n"] for row in files.values()),
        },
        "related_to": average(row["related_to"] for row in files.values()),
        "baselines": peers,
        "files": files,
        "model": model.name,
    }
