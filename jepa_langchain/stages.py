"""The two predictors over one encoder, their calibrators, and what they say of pairs.

:mod:`jepa_langchain.scoring` asks them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jepa_langchain.calibration import Calibrator, Doubles
from jepa_langchain.encoder import Encoded, Encoder
from jepa_langchain.pair_predictor import LABELS, MOST_TOKENS, PairPredictor
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Energies, Probabilities, RelationEstimate


@dataclass(frozen=True)
class Stages:
    """Everything a verdict is computed with.

    Attributes:
        encoder: text to states.
        linear: the searchable stage.
        pair: the joint stage, or None for a model without one.
        calibrators: one a stage ("linear", "pair"), and "concession"; empty for an uncalibrated model.
    """

    encoder: Encoder
    linear: LinearPredictor
    pair: PairPredictor | None
    calibrators: dict[str, Calibrator]

    @property
    def calibrated(self) -> bool:
        """Whether probabilities can be given."""
        return bool(self.calibrators)

    def truncated(self, encoded: Encoded) -> set[int]:
        """Which of some encoded texts are longer than the encoder reads, or than the pair stage reads of it."""
        cut = set(encoded.truncated)
        if self.pair is not None and encoded.tokens is not None:
            cut.update(i for i, states in enumerate(encoded.tokens) if len(states) > MOST_TOKENS)
        return cut


@dataclass(frozen=True)
class Scores:
    """Scores of n pairs.

    Attributes:
        energies: (n, 2) energies of the stage that decided each pair, RELATIONS order.
        probabilities: (n, 3) in LABELS order, or None when uncalibrated.
        cosine: (n,) cosine of the two embeddings.
        joint: (n,) True where the pair stage decided.
        near: (n,) nearness, 1 - the lower of the linear stage's two energies: how well some relation predicts y from x.
    """

    energies: Doubles
    probabilities: Doubles | None
    cosine: Doubles
    joint: npt.NDArray[np.bool_]
    near: Doubles

    def estimate(
        self, i: int, stages: Stages, *, shares: Doubles | None = None, by: str | None = None
    ) -> RelationEstimate:
        """Pair i in the words of the domain, rounded to six digits so that float noise does not show.

        Args:
            i: the pair.
            stages: the model that scored it.
            shares: (3,) probabilities of another calibrator than the deciding stage's own.
            by: that calibrator's name.
        """
        agree, disagree = (_digits(e) for e in self.energies[i])
        stage = "pair" if self.joint[i] else "linear"
        relation, probabilities = None, None
        if self.probabilities is not None:
            values = self.probabilities[i] if shares is None else shares
            relation = stages.calibrators[by or stage].decide(values)
            probabilities = Probabilities(**{label: _digits(p) for label, p in zip(LABELS, values, strict=True)})
        return RelationEstimate(
            relation=relation,
            probabilities=probabilities,
            energies=Energies(agree=agree, disagree=disagree),
            margin=_digits(disagree - agree),
            decided_by="pair" if stage == "pair" else "linear",
        )


def _digits(value: float) -> float:
    """Six digits, and never -0.0."""
    return round(float(value), 6) + 0.0


def linear_features(energies: npt.NDArray[np.floating], cosine: npt.NDArray[np.floating]) -> Doubles:
    """(n, 2) linear energies and (n,) cosines to the linear calibrator's (n, 3) features."""
    return np.column_stack([energies, cosine]).astype(np.float64)


def pair_features(
    pair: npt.NDArray[np.floating], linear: npt.NDArray[np.floating], cosine: npt.NDArray[np.floating]
) -> Doubles:
    """(n, 2) pair energies, (n, 2) linear energies, (n,) cosines to the pair calibrator's (n, 5) features."""
    return np.column_stack([pair, linear, cosine]).astype(np.float64)


def polarity(scores: Scores) -> Doubles:
    """(n,) evidence of agreement against disagreement: calibrated log-odds, or the margin when uncalibrated."""
    if scores.probabilities is None:
        return scores.energies[:, 1] - scores.energies[:, 0]
    safe = np.clip(scores.probabilities, 1e-12, 1.0)
    difference: Doubles = np.log(safe[:, 0]) - np.log(safe[:, 1])
    return difference
