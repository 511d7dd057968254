"""What users would pick instead, fitted on the same data, so that ``evaluate`` can print it beside the model.

* ``cosine``: the cosine of the two sentence embeddings, calibrated like the model's energies.
* ``pair_features``: a small MLP (256 hidden units) on [|s_x - s_y|, s_x * s_y], as in InferSent (Conneau et al., 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Calibrator, Doubles

Floats = npt.NDArray[np.float32]


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
