"""The two stages together, and the one place that decides which of them answers.

The linear stage gives energies for every pair at the price of a matrix product; the pair stage reads the
two statements jointly and is asked for the pairs that the linear stage keeps: all of them while there are
at most ``PAIR_BUDGET``, else those that are among the ``NEAREST`` pairs of either statement, by the lower of the linear
energies. So its cost grows with the number of statements and not with that of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from jepa_langchain.calibration import Calibrator, Doubles
from jepa_langchain.encoder import Encoded, Encoder
from jepa_langchain.pair_predictor import LABELS, PairPredictor
from jepa_langchain.predictor import LinearPredictor
from jepa_langchain.schema import Energies, Probabilities, RelationEstimate

Integers = npt.NDArray[np.int64]
#: A full grid of energies is computed while at most this many cells a wanted pair are wasted on it.
_GRID_WASTE = 4
#: Pairs of one comparison up to which the pair stage reads all.
PAIR_BUDGET = 1_024
#: Beyond that: pairs of each statement that the pair stage reads.
NEAREST = 9


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


def _linear(stages: Stages, encoded: Encoded, pairs: Integers) -> tuple[Doubles, Doubles]:
    """(n, 2) linear energies and (n,) cosines of pairs of rows."""
    context, targets = torch.from_numpy(encoded.context), torch.from_numpy(encoded.embeddings)
    rows, columns = np.unique(pairs[:, 0]), np.unique(pairs[:, 1])
    with torch.inference_mode():
        if len(rows) * len(columns) <= _GRID_WASTE * len(pairs):
            x, y = np.searchsorted(rows, pairs[:, 0]), np.searchsorted(columns, pairs[:, 1])
            grid = stages.linear.energies(context[rows], targets[rows], context[columns], targets[columns])
            return grid[x, y].numpy(), (targets[rows].double() @ targets[columns].double().T)[x, y].numpy()
        parts = []
        for start in range(0, len(pairs), 8_192):
            i, j = torch.from_numpy(pairs[start : start + 8_192]).T
            energies = stages.linear.pair_energies(context[i], targets[i], context[j], targets[j])
            parts.append(torch.cat([energies, (targets[i].double() * targets[j].double()).sum(1, keepdim=True)], dim=1))
        joined = torch.cat(parts).numpy()
    return joined[:, :2], joined[:, 2]


def score_pairs(
    stages: Stages,
    texts: Sequence[str],
    pairs: Integers,
    *,
    budget: int = PAIR_BUDGET,
    encoded: Encoded | None = None,
) -> Scores:
    """Score pairs of texts; each distinct text is encoded once and each distinct pair scored once.

    Args:
        stages: the model.
        texts: clean texts.
        pairs: (n, 2) indices (x, y) into ``texts``.
        budget: distinct pairs up to which the pair stage reads all.
        encoded: the states of ``sorted(set(texts))``, where the caller has them already.

    Returns:
        n scores. They depend on the set of texts and pairs alone, not on their order (nor, for a symmetric
        predictor, on which statement of a pair comes first).
    """
    if not len(pairs):
        none = np.zeros(0)
        return Scores(np.zeros((0, 2)), np.zeros((0, 3)) if stages.calibrated else None, none, none > 0, none)
    distinct = sorted(set(texts))
    where = {text: i for i, text in enumerate(distinct)}
    rows = np.array([where[text] for text in texts], dtype=np.int64)[pairs]
    if stages.linear.direction == "symmetric":
        rows = np.sort(rows, axis=1)
    keys, back = np.unique(rows[:, 0] * len(distinct) + rows[:, 1], return_inverse=True)
    states = encoded or stages.encoder.encode(distinct)
    scored = _score_rows(stages, states, np.stack(np.divmod(keys, len(distinct)), axis=1), budget)
    shares = None if scored.probabilities is None else scored.probabilities[back]
    return Scores(scored.energies[back], shares, scored.cosine[back], scored.joint[back], scored.near[back])


def _score_rows(stages: Stages, encoded: Encoded, pairs: Integers, budget: int) -> Scores:
    linear, cosine = _linear(stages, encoded, pairs)
    energies, joint = linear.copy(), np.zeros(len(pairs), dtype=bool)
    features = linear_features(linear, cosine)
    shares = stages.calibrators["linear"].probabilities(features) if stages.calibrated else None
    if stages.pair is not None and encoded.tokens is not None:
        kept = np.arange(len(pairs)) if len(pairs) <= budget else nearest_pairs(pairs, linear.min(1), NEAREST)
        read = stages.pair.score(encoded.tokens, encoded.context, pairs[kept]).astype(np.float64)
        energies[kept], joint[kept] = read, True
        if shares is not None:
            shares[kept] = stages.calibrators["pair"].probabilities(pair_features(read, linear[kept], cosine[kept]))
    return Scores(energies, shares, cosine, joint, 1 - linear.min(1))


def nearest_pairs(pairs: Integers, energy: Doubles, nearest: int) -> Integers:
    """Which pairs are among the lowest ``nearest`` energies of at least one of their two texts.

    Args:
        pairs: (n, 2) indices of texts.
        energy: (n,) lower is nearer; ties go to the earlier pair.
        nearest: pairs kept of each text.

    Returns:
        Ascending places in ``pairs``, at most ``nearest`` times the number of texts.
    """
    texts, places = pairs.T.ravel(), np.tile(np.arange(len(pairs)), 2)
    order = np.lexsort((places, energy[places], texts))
    starts = np.flatnonzero(np.r_[True, np.diff(texts[order]) > 0])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.unique(places[order[rank < nearest]])


def estimate_texts(stages: Stages, text_a: str, text_b: str) -> RelationEstimate:
    """One pair of clean texts, end to end."""
    texts = [text_a, text_b]
    encoded = stages.encoder.encode(sorted(set(texts)))
    estimate = score_pairs(stages, texts, np.array([[0, 1]]), encoded=encoded).estimate(0, stages)
    return estimate.model_copy(update={"truncated": bool(encoded.truncated)})


def polarity(scores: Scores) -> Doubles:
    """(n,) evidence of agreement against disagreement: calibrated log-odds, or the margin when uncalibrated."""
    if scores.probabilities is None:
        return scores.energies[:, 1] - scores.energies[:, 0]
    safe = np.clip(scores.probabilities, 1e-12, 1.0)
    difference: Doubles = np.log(safe[:, 0]) - np.log(safe[:, 1])
    return difference
