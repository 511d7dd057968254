"""Fit the peers of :mod:`jepa_langchain.baselines` on the model's own training rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jepa_langchain.baselines import Baselines, symmetric_features
from jepa_langchain.calibration import fit_calibrator
from jepa_langchain.training.sampling import Rows
from jepa_langchain.training.states import StateStore

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

_HIDDEN = 256
_MOST_PAIRS = 60_000


def fit_network(
    parts: Sequence[Rows], store: StateStore, states: npt.NDArray[np.float16], *, seed: int
) -> MLPClassifier:
    """A small network from :func:`symmetric_features` of a store's (n, w) ``states`` to LABELS."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng([seed, 31])
    sizes = np.array([len(p.x) for p in parts], dtype=float)
    quota = np.minimum(sizes, _MOST_PAIRS * sizes**0.5 / (sizes**0.5).sum()).astype(int)
    rows = [rng.permutation(len(p.x))[:n] for p, n in zip(parts, quota, strict=True)]
    x, y, label = (
        np.concatenate([getattr(p, name)[r] for p, r in zip(parts, rows, strict=True)]) for name in ("x", "y", "label")
    )
    network = MLPClassifier(
        (_HIDDEN,),
        alpha=1e-3,
        batch_size=min(256, len(label)),
        max_iter=12,
        early_stopping=False,
        random_state=seed,
    )
    features = symmetric_features(store.wide(states, x), store.wide(states, y))
    with warnings.catch_warnings():
        # Twelve passes are the recipe; the warning that more would fit the training pairs better is not news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(features, label)
    return network


def fit_baselines(parts: Sequence[Rows], held: Sequence[Rows], store: StateStore, *, seed: int) -> Baselines:
    """Fit the peers: the MLP on the training rows, the cosine's calibrator on the held-out ones."""
    network = fit_network(parts, store, store.embeddings, seed=seed)
    layers = dict(zip(("w1", "w2"), network.coefs_, strict=True)) | dict(
        zip(("b1", "b2"), network.intercepts_, strict=True)
    )
    hx, hy, hl = (np.concatenate([getattr(p, name) for p in held]) for name in ("x", "y", "label"))
    cosine = (store.wide(store.embeddings, hx) * store.wide(store.embeddings, hy)).sum(1, keepdims=True)
    weight = np.concatenate([np.full(len(p.x), float(len(p.x)) ** -0.5) for p in held])
    return Baselines(fit_calibrator(cosine, hl, weight), {k: v.astype(np.float16) for k, v in layers.items()})
