"""What fitted predictors make of pairs they were not trained on: for early stopping and for calibration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.calibration import DEFAULT_RISK, Calibrator, fit_calibrator
from jepa_langchain.concessions import CONCESSION, fit_concessions
from jepa_langchain.errors import InputError
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pair_predictor import LABELS, PairPredictor
from jepa_langchain.pairs import PairSource, for_training
from jepa_langchain.predictor import RELATIONS, LinearPredictor
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages, linear_features, pair_features
from jepa_langchain.training.augmentation import compose_concessions
from jepa_langchain.training.sampling import Rows
from jepa_langchain.training.states import StateStore

Floats = npt.NDArray[np.float32]
#: Pairs whose states are in memory at once.
_PAIRS = 4_096
#: Concessive pairs made by rule for calibrating, at the most.
_CONCESSIONS = 2_000
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeldOut:
    """Energies of held-out pairs: what calibrators are fitted on."""

    linear: npt.NDArray[np.float64]
    pair: npt.NDArray[np.float64] | None
    labels: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    def calibrators(self, *, risk: float) -> dict[str, Calibrator]:
        """A calibrator for each stage that was measured."""
        stages = {"linear": self.linear} | ({"pair": self.pair} if self.pair is not None else {})
        return {name: fit_calibrator(x, self.labels, self.weights, risk=risk) for name, x in stages.items()}


def measure_held_out(
    parts: Sequence[Rows], store: StateStore, linear: LinearPredictor, pair: PairPredictor | None
) -> HeldOut:
    """Score rows of a store with both stages, block by block; a row of a source of n weighs n ** -0.5."""
    x, y = np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts])
    energies, cosine = np.empty((len(x), len(RELATIONS))), np.empty(len(x))
    for start in range(0, len(x), _PAIRS):
        block = slice(start, start + _PAIRS)
        with torch.inference_mode():
            context = [torch.from_numpy(store.wide(store.context, rows[block])) for rows in (x, y)]
            target = [torch.from_numpy(store.wide(store.embeddings, rows[block])) for rows in (x, y)]
            energies[block] = linear.pair_energies(context[0], target[0], context[1], target[1]).numpy()
            cosine[block] = (target[0] * target[1]).sum(1).numpy()
    features = None
    if pair is not None:
        features = pair_features(pair_energies(pair, x, y, store), energies, cosine)
    weights = np.concatenate([np.full(len(p.x), float(len(p.x)) ** -0.5) for p in parts])
    return HeldOut(linear_features(energies, cosine), features, np.concatenate([p.label for p in parts]), weights)


def pair_energies(pair: PairPredictor, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], store: StateStore) -> Floats:
    """Energies (n, 2) of pairs of store rows x (n,) and y (n,) by the pair stage."""
    energies = np.empty((len(x), len(RELATIONS)), dtype=np.float32)
    order = np.argsort(store.lengths[x] + store.lengths[y], kind="stable")
    for start in range(0, len(x), _PAIRS):
        block = order[start : start + _PAIRS]
        rows, inverse = np.unique(np.concatenate([x[block], y[block]]), return_inverse=True)
        tokens = [store.token_states(int(row)) for row in rows]
        energies[block] = pair.score(tokens, inverse.reshape(2, -1).T)
    return energies


def mean_auroc(parts: Sequence[Rows], store: StateStore, pair: PairPredictor) -> float | None:
    """AUROC of agree against disagree by the pair stage's margin, a mean over sources with both; None without any."""
    from sklearn.metrics import roc_auc_score

    values = []
    for part in parts:
        related = part.label < len(RELATIONS)
        agrees = part.label[related] == 0
        if agrees.any() and not agrees.all():
            energies = pair_energies(pair, part.x[related], part.y[related], store)
            values.append(float(roc_auc_score(agrees, energies[:, 1] - energies[:, 0])))
    return float(np.mean(values)) if values else None


def concession_calibrator(
    stages: Stages, held: Sequence[PairSource], *, most: int, seed: int, risk: float
) -> dict[str, Calibrator]:
    """The calibrator of concessive statements, if held-out pairs and at most ``most`` made of them are enough."""
    composed = compose_concessions(held, most=most, seed=seed)
    fitted = fit_concessions(stages, [*held, composed], risk=risk)
    return {CONCESSION: fitted} if fitted else {}


def calibrate(files: ModelFiles, sources: Sequence[PairSource], *, risk: float = DEFAULT_RISK) -> ModelFiles:
    """The same model with calibrators fitted on labelled pairs; its predictors are left as they are.

    Args:
        files: a model, calibrated or not.
        sources: labelled pairs; rows of another split than "train" are left out.
        risk: error rate on decided pairs that the abstain threshold aims at.

    Raises:
        InputError: if a relation has no pair.
    """
    stages, usable = files.stages, [s for s in (for_training(s) for s in sources) if s.pairs]
    pairs = [p for s in usable for p in s.pairs]
    labels = np.array([LABELS.index(p.label) for p in pairs], dtype=np.int64)
    missing = [label for i, label in enumerate(LABELS) if i not in labels]
    if missing:
        raise InputError(f'nothing to calibrate on: no pair with label "{missing[0].value}" in split "train"')
    texts = [text for p in pairs for text in (p.a, p.b)]
    rows = np.arange(len(texts), dtype=np.int64).reshape(-1, 2)
    bare = replace(stages, calibrators={})
    linear = score_pairs(replace(bare, pair=None), texts, rows)
    joint = None
    if stages.pair is not None:
        read = score_pairs(bare, texts, rows).energies
        joint = pair_features(read, linear.energies, linear.cosine)
    weights = np.concatenate([np.full(len(s.pairs), float(len(s.pairs)) ** -0.5) for s in usable])
    held = HeldOut(linear_features(linear.energies, linear.cosine), joint, labels, weights)
    training = {
        **files.training,
        "calibrated_on": "labelled pairs given later",
        "calibration_sources": [{"name": s.name, "sha256": s.sha256, "pairs": len(s.pairs)} for s in usable],
    }
    fitted = replace(stages, calibrators=held.calibrators(risk=risk))
    concession = concession_calibrator(fitted, usable, most=_CONCESSIONS, seed=0, risk=risk)
    if CONCESSION in stages.calibrators and not concession:
        logger.warning("the calibrator of concessions is dropped: a relation has too few pairs with one")
    fitted = replace(fitted, calibrators=fitted.calibrators | concession)
    return replace(files, stages=fitted, training=training, metrics={})
