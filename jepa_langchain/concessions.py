"""What a concessive statement says as a whole: "While X, Y" judged from its parts and itself, by learned weights.

A pair stage that reads "While rents are high, caps backfire" against "Rents are high and need caps" finds much
agreement in the words. Discourse structure tells more: if the conceded premise agrees with the peer and a contrast
follows, the contest is likely a disagreement; if the conceded premise opposes the peer, what follows likely sides
with it. How much that counts is learned, not decided here: multinomial logistic regression on nine numbers,

    f = log p(z | other, whole), log p(z | other, premise), log p(z | other, contest)     z = agree, disagree, unrelated

fitted on held-out topics: labelled pairs with exactly one concessive statement.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jepa_langchain.calibration import Calibrator, Doubles, fit_calibrator
from jepa_langchain.clauses import split_concession
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import PairSource
from jepa_langchain.schema import Statement
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import Stages

#: Name of this calibrator among a model's calibrators.
CONCESSION = "concession"
_FEWEST = 20


def concession_features(whole: Doubles, premise: Doubles, contest: Doubles) -> Doubles:
    """Probabilities (…, 3) of the other statement with the whole, its premise and its contest to (…, 9) features."""
    features: Doubles = np.log(np.clip(np.concatenate([whole, premise, contest], axis=-1), 1e-6, 1.0))
    return features


def against_concession(text_a: str, text_b: str) -> tuple[tuple[str, str], ...] | None:
    """The three pairs that are judged where exactly one of two texts is concessive, else None.

    Its whole, its premise and its contest, each with the other text; what ``text_a`` says stands first in all three, as
    a predictor that is not symmetric reads them.
    """
    in_a, in_b = (split_concession(Statement(id="-", text=text)) for text in (text_a, text_b))
    if in_a and not in_b:
        return tuple((part, text_b) for part in (text_a, in_a[0].text, in_a[1].text))
    if in_b and not in_a:
        return tuple((text_a, part) for part in (text_b, in_b[0].text, in_b[1].text))
    return None


def fit_concessions(stages: Stages, sources: Sequence[PairSource], *, risk: float) -> Calibrator | None:
    """Fit on labelled pairs that the predictors were not trained on.

    Args:
        stages: calibrated stages.
        sources: held-out pairs; those with exactly one concessive statement are used, n of them weigh n ** -0.5 each.
        risk: error rate on decided pairs that the abstain threshold aims at.

    Returns:
        None if a relation has fewer than 20 such pairs.
    """
    texts: list[str] = []
    labels: list[int] = []
    weights: list[float] = []
    for source in sources:
        rows = [(LABELS.index(p.label), found) for p in source.pairs if (found := against_concession(p.a, p.b))]
        for label, three in rows:
            texts += [text for pair in three for text in pair]
            labels.append(label)
            weights.append(len(rows) ** -0.5)
    counts = np.bincount(np.array(labels, dtype=np.int64), minlength=len(LABELS))
    if counts.min() < _FEWEST:
        return None
    shares = score_pairs(stages, texts, np.arange(len(texts), dtype=np.int64).reshape(-1, 2)).probabilities
    if shares is None:
        return None
    features = concession_features(*(shares[k::3] for k in range(3)))
    return fit_calibrator(features, np.array(labels, dtype=np.int64), np.array(weights), risk=risk)
