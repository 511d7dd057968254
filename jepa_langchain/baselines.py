"""What users would pick instead, fitted on the same data, so that ``evaluate`` can print it beside the model.

* ``cosine``: the cosine of the two sentence embeddings, calibrated like the model's energies.
* ``pair_features``: a small MLP (256 hidden units) on [|s_x - s_y|, s_x * s_y], as in InferSent (Conneau et al., 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Calibrator, Doubles, fit_calibrator
from jepa_langchain.pair_training import Rows
from jepa_langchain.states import StateStore

Floats = npt.NDArray[np.float32]
_HIDDEN = 256
_MOST_PAIRS = 60_000


@dataclass(frozen=True)
class Baselines:
    """Fitted peers; empty for an uncalibrated model.

    Attributes:
        cosine: a calibrator over one feature.
        pair_features: layers of the MLP as (weights, bias), alternating.
    """

    cosine: Calibrator | None = None
    pair_features: dict[str, Floats] = field(default_factory=dict)

    def mlp_probabilities(self, x: Floats, y: Floats) -> Doubles:
        """(n, d) and (n, d) embeddings to (n, 3) probabilities in LABELS order."""
        w = {k: v.astype(np.float32) for k, v in self.pair_features.items()}
        hidden = np.maximum(symmetric_features(x, y) @ w["w1"] + w["b1"], 0)
        logits = (hidden @ w["w2"] + w["b2"]).astype(np.float64)
        grown = np.exp(logits - logits.max(1, keepdims=True))
        shares: Doubles = grown / grown.sum(1, keepdims=True)
        return shares


def symmetric_features(x: Floats, y: Floats) -> Floats:
    """[|x - y|, x * y] scaled to about unit variance: (n, d), (n, d) to (n, 2 d)."""
    features: Floats = np.concatenate([np.abs(x - y), x * y], axis=1) * np.float32(np.sqrt(x.shape[1]))
    return features


def fit_baselines(parts: Sequence[Rows], held: Sequence[Rows], store: StateStore, *, seed: int) -> Baselines:
    """Fit the peers: the MLP on the training rows, the cosine's calibrator on the held-out ones."""
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
    features = symmetric_features(store.wide(store.embeddings, x), store.wide(store.embeddings, y))
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Twelve passes are the recipe; the warning that more would fit the training pairs better is not news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(features, label)
    layers = dict(zip(("w1", "w2"), network.coefs_, strict=True)) | dict(
        zip(("b1", "b2"), network.intercepts_, strict=True)
    )
    hx, hy, hl = (np.concatenate([getattr(p, name) for p in held]) for name in ("x", "y", "label"))
    cosine = (store.wide(store.embeddings, hx) * store.wide(store.embeddings, hy)).sum(1, keepdims=True)
    weight = np.concatenate([np.full(len(p.x), float(len(p.x)) ** -0.5) for p in held])
    return Baselines(fit_calibrator(cosine, hl, weight), {k: v.astype(np.float16) for k, v in layers.items()})
