"""Peers that ``evaluate`` does not print: y alone, the linear stage alone, and a user's own NLI cross-encoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.encoder import Encoder
from jepa_langchain.errors import InputError
from jepa_langchain.metrics import Predictions
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import LabelledPair, PairSource, for_training
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import polarity

Peer = Callable[[Sequence[LabelledPair]], Predictions]
_PAIRS_A_SOURCE = 2_000
#: How the three relations are called in the labels of NLI models, in the order of LABELS.
_NLI = ("entail", "contradict", "neutral")


def linear_stage(model: ModelFiles) -> Peer:
    """The searchable stage alone, with its own calibrator."""
    stages = replace(model.stages, pair=None)

    def predict(pairs: Sequence[LabelledPair]) -> Predictions:
        texts = [text for p in pairs for text in (p.a, p.b)]
        scores = score_pairs(stages, texts, np.arange(len(texts), dtype=np.int64).reshape(-1, 2))
        if scores.probabilities is None:
            raise InputError("the model is uncalibrated")
        threshold = stages.calibrators["linear"].threshold
        return Predictions(polarity(scores), 1 - scores.probabilities[:, 2], scores.probabilities, threshold)

    return predict


def hypothesis_only(encoder: Encoder, sources: Sequence[PairSource], *, seed: int = 0) -> Peer:
    """Logistic regression on the embedding of y alone: what a label's wording gives away (Poliak et al., 2018)."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([seed, 47])
    chosen: list[LabelledPair] = []
    for source in sources:
        pairs = for_training(source).pairs
        chosen += [pairs[i] for i in rng.permutation(len(pairs))[:_PAIRS_A_SOURCE]]
    labels = np.array([LABELS.index(p.label) for p in chosen])
    fitted = LogisticRegression(max_iter=1_000).fit(encoder.encode([p.b for p in chosen]).embeddings, labels)

    def predict(pairs: Sequence[LabelledPair]) -> Predictions:
        shares: Doubles = fitted.predict_proba(encoder.encode([p.b for p in pairs]).embeddings).astype(np.float64)
        return _of_shares(shares)

    return predict


def cross_encoder(name: str) -> Peer:
    """An NLI cross-encoder by name or path, both orders averaged.

    Raises:
        InputError: if its labels are not entailment, contradiction and neutral.
    """
    from sentence_transformers import CrossEncoder

    network = CrossEncoder(name)
    names = {int(i): str(label).lower() for i, label in (network.config.id2label or {}).items()}
    try:
        order = [next(i for i, label in names.items() if label.startswith(stem)) for stem in _NLI]
    except StopIteration:
        raise InputError(f"{name}: its labels are {sorted(names.values())}, not those of an NLI model") from None

    def predict(pairs: Sequence[LabelledPair]) -> Predictions:
        ways = [[(p.a, p.b) for p in pairs], [(p.b, p.a) for p in pairs]]
        logits = [np.asarray(network.predict(way, show_progress_bar=False))[:, order] for way in ways]
        return _of_shares((_softmax(logits[0]) + _softmax(logits[1])) / 2)

    return predict


def chosen_cross_encoder() -> dict[str, Peer]:
    """The model that the environment variable CROSS_ENCODER names, if it is set."""
    name = os.environ.get("CROSS_ENCODER")
    return {f"cross-encoder {name}": cross_encoder(name)} if name else {}


def _softmax(logits: npt.NDArray[np.floating]) -> Doubles:
    grown = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    shares: Doubles = grown / grown.sum(1, keepdims=True)
    return shares


def _of_shares(shares: Doubles) -> Predictions:
    safe = np.clip(shares, 1e-12, 1.0)
    return Predictions(np.log(safe[:, 0]) - np.log(safe[:, 1]), 1 - shares[:, 2], shares, 0.0)
