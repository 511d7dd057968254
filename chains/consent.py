"""Whether a sentence may stand for its row: the signals of its words and of the predictor, weighed by a small network.

Rules on words alone throw out most of what is freely worded, and the predictor alone lets additions pass. The network
has seen sentences of both kinds beside what rules and predictor said of them: one hidden layer, several times over from
different starts, their probabilities averaged. ``python -m benchmarks.narrative_fit`` fits it on the corpora that are
to tune on and writes ``consent.json``; the threshold is chosen for a stated recall in a cross-validation that leaves
whole ledgers out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_langchain.chains.signals import Asked, Doubles, Judge
from jepa_langchain.chains.words import bare, english, normalise

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.encoder import Encoder

_KEPT_TEXTS = 512
_WORST = 2


@dataclass(frozen=True)
class Consent:
    """The network: k members with h hidden units over s signals.

    Attributes:
        encoder: SHA-256 of the encoder whose measures it was fitted on; those of another mean something else.
        signals: names of the signals, in order.
        mean: (s,) and
        scale: (s,) what signals are standardised by.
        hidden: (k, s, h) and
        hidden_bias: (k, h) weights of the hidden layers (ReLU).
        out: (k, h) and
        out_bias: (k,) weights of the outputs (logistic).
        threshold: probability from which a sentence may stand.
    """

    encoder: str
    signals: tuple[str, ...]
    mean: Doubles
    scale: Doubles
    hidden: Doubles
    hidden_bias: Doubles
    out: Doubles
    out_bias: Doubles
    threshold: float

    def probability(self, signals: Mapping[str, float]) -> float:
        """That a sentence of these signals says what its row's statements say."""
        x = (np.array([signals[name] for name in self.signals]) - self.mean) / self.scale
        hidden = np.maximum(np.einsum("s,ksh->kh", x, self.hidden) + self.hidden_bias, 0.0)
        logits = (hidden * self.out).sum(1) + self.out_bias
        return float((1 / (1 + np.exp(-logits))).mean())

    def as_json(self) -> str:
        """For the file; inverse of :meth:`from_json`."""
        fields = {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()
        }
        return json.dumps(_rounded(fields)) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Consent:
        """Inverse of :meth:`as_json`, up to its rounding."""
        saved = json.loads(text)
        encoder, names, threshold = saved.pop("encoder"), tuple(saved.pop("signals")), saved.pop("threshold")
        arrays = {name: np.array(values, dtype=np.float64) for name, values in saved.items()}
        return cls(encoder=encoder, signals=names, threshold=threshold, **arrays)


def _rounded(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


@cache
def shipped_consent() -> Consent:
    """The network that ships with the package."""
    return Consent.from_json(files("jepa_langchain.chains").joinpath("consent.json").read_text(encoding="utf-8"))


def judge_of(model: AlignmentModel) -> Judge | None:
    """What a model makes of questions, for the networks that ship.

    Returns:
        None for a model that they know nothing of: of another encoder or another cut through it, without a pair stage,
        or uncalibrated. The word rules then decide alone.
    """
    stages = model.stages
    if stages.pair is None or not stages.calibrated or stages.encoder.identity.sha256 != shipped_consent().encoder:
        return None
    from jepa_langchain.chains.support import shipped_support

    return measures_of(model) if shipped_support().config == stages.pair.config else None


def measures_of(model: AlignmentModel) -> Judge:
    """What a calibrated model and the support network make of questions; see :data:`~.signals.MEASURES`."""
    from jepa_langchain.chains.support import shipped_support

    support = shipped_support()
    words = lru_cache(_KEPT_TEXTS)(lambda text: _word_states(model.stages.encoder, text))

    def judge(asked: Sequence[Asked]) -> Doubles:
        from jepa_langchain.scoring import score_pairs
        from jepa_langchain.stages import polarity

        texts = sorted({text for question in asked for text in question})
        where = {text: i for i, text in enumerate(texts)}
        rows = np.array([[where[text] for text in question] for question in asked], dtype=np.int64).reshape(-1, 3)
        encoded = model.stages.encoder.encode(texts)
        if encoded.tokens is None:
            raise ValueError("an encoder without token states cannot be asked")
        scores = score_pairs(model.stages, texts, rows[:, :2], encoded=encoded)
        answers = support.answers(encoded.tokens, rows[:, [0, 2]])
        shares = np.zeros((len(asked), 3)) if scores.probabilities is None else scores.probabilities
        unrelated = np.log(np.clip(shares[:, 2], 1e-9, 1.0))
        found = [
            _found(words(question.told), words(question.statement), cosine)
            for question, cosine in zip(asked, scores.cosine, strict=True)
        ]
        plain = np.column_stack([polarity(scores), unrelated, scores.cosine])
        return np.concatenate([plain, np.reshape(found, (len(asked), -1)), answers], axis=1)

    return judge


def _word_states(encoder: Encoder, text: str) -> Doubles | None:
    """(t, d) unit states of the tokens of a text's content words, by the encoder's last layer; None if it has none."""
    context = encoder.token_context(text)
    if context is None:
        return None
    light = english().light
    kept = [i for i, (start, end) in enumerate(context.offsets) if _content(text[start:end], light)]
    states = context.layers[-1][kept].astype(np.float64)
    unit: Doubles = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-12)
    return unit


def _content(token: str, light: frozenset[str]) -> bool:
    word = bare(normalise(token))
    return any(character.isalnum() for character in word) and word not in light


def _found(told: Doubles | None, said: Doubles | None, cosine: float) -> list[float]:
    """How well the words of what is told are found in a statement, mean and the worst two; then the other way round.

    Greedy matching of token states as in BERTScore (Zhang et al., 2020); the texts' cosine where there are no tokens.
    """
    if told is None or said is None or not len(told) or not len(said):
        return [cosine] * 4
    table = told @ said.T
    best = [np.sort(table.max(axis)) for axis in (1, 0)]
    return [float(value) for side in best for value in (side.mean(), side[:_WORST].mean())]
