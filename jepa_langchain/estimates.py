"""What the model says of pairs of statements as wholes; comparing, relating and evaluating answer alike.

A plain statement against a concessive one is one verdict, from the whole and both clauses
(:mod:`jepa_langchain.concessions`); every other pair is the deciding stage's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Doubles
from jepa_langchain.concessions import CONCESSION, against_concession, concession_features
from jepa_langchain.encoder import Encoded
from jepa_langchain.schema import RelationEstimate
from jepa_langchain.scoring import Integers, score_pairs
from jepa_langchain.stages import Scores, Stages


@dataclass(frozen=True)
class Estimates:
    """Scores of n pairs whose probabilities heed concessions.

    Attributes:
        scores: energies of the whole statements; probabilities of the calibrator that answered.
        conceding: (n,) True where the concession's calibrator answered.
    """

    scores: Scores
    conceding: npt.NDArray[np.bool_]

    def answered_by(self, i: int) -> str:
        """Name of the calibrator that answered for pair i."""
        return CONCESSION if self.conceding[i] else "pair" if self.scores.joint[i] else "linear"

    def estimate(self, i: int, stages: Stages) -> RelationEstimate:
        """Pair i in the words of the domain."""
        return self.scores.estimate(i, stages, by=self.answered_by(i))

    def thresholds(self, stages: Stages) -> Doubles:
        """(n,) the largest probability below which each pair is left open, of a calibrated model."""
        return np.array([stages.calibrators[self.answered_by(i)].threshold for i in range(len(self.conceding))])


def estimate_pairs(
    stages: Stages, texts: Sequence[str], pairs: Integers, *, encoded: Encoded | None = None
) -> Estimates:
    """Estimates of pairs of clean texts by the best stage; arguments as for :func:`~.scoring.score_pairs`."""
    scores = score_pairs(stages, texts, pairs, encoded=encoded)
    conceding = np.zeros(len(pairs), dtype=bool)
    if scores.probabilities is None or CONCESSION not in stages.calibrators:
        return Estimates(scores, conceding)
    parts = [against_concession(texts[x], texts[y]) for x, y in pairs]
    found = [i for i, part in enumerate(parts) if part]
    if not found:
        return Estimates(scores, conceding)
    clauses = [text for part in parts if part for pair in part[1:] for text in pair]
    shares = score_pairs(stages, clauses, np.arange(len(clauses), dtype=np.int64).reshape(-1, 2)).probabilities
    if shares is not None:
        probabilities = scores.probabilities.copy()
        features = concession_features(probabilities[found], shares[::2], shares[1::2])
        probabilities[found] = stages.calibrators[CONCESSION].probabilities(features)
        scores, conceding[found] = replace(scores, probabilities=probabilities), True
    return Estimates(scores, conceding)


def estimate_texts(stages: Stages, text_a: str, text_b: str) -> RelationEstimate:
    """One pair of clean texts, end to end."""
    texts = [text_a, text_b]
    encoded = stages.encoder.encode(sorted(set(texts)))
    estimate = estimate_pairs(stages, texts, np.array([[0, 1]]), encoded=encoded).estimate(0, stages)
    return estimate.model_copy(update={"truncated": bool(stages.truncated(encoded))})
