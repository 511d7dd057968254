"""Explain one pair: the exact shares of both stages, and the words that the verdict hangs on."""

from __future__ import annotations

from jepa_langchain.attribution.directions import direction_weights
from jepa_langchain.attribution.explanation_schema import Deletion, Explanation, StageWords, WordMatrix
from jepa_langchain.attribution.pair_map import PairMap, pair_input, pair_map
from jepa_langchain.attribution.statement_map import SIDES, statement_share
from jepa_langchain.attribution.word_effects import word_effects
from jepa_langchain.attribution.word_map import WordMap, word_map
from jepa_langchain.attribution.words import weighted
from jepa_langchain.errors import InputError
from jepa_langchain.estimates import estimate_texts
from jepa_langchain.ledger import ledger_of, score_personas
from jepa_langchain.schema import Cited, Persona, RowWeights
from jepa_langchain.stages import Stages

_DIGITS = 6


def explain_pair(stages: Stages, a: Cited, b: Cited) -> Explanation:
    """Why two clean texts get their verdict; see :class:`Explanation`."""
    estimate = estimate_texts(stages, a.text, b.text)
    tokens = [stages.encoder.token_context(side.text) for side in (a, b)]
    linear = word_map(stages.linear, *tokens)
    read = None if stages.pair is None else pair_input(stages.encoder, *tokens)
    found: list[StageWords] = []
    effects = word_effects(stages, a.text, b.text)
    if linear is not None:
        found.append(_linear_words(linear))
    if stages.pair is not None and read is not None:
        found.append(_pair_words(pair_map(stages.pair, read)))
    return Explanation(
        a=a,
        b=b,
        estimate=estimate,
        margin=estimate.margin,
        words=RowWeights(
            a=weighted(effects.words_a, effects.effects_a), b=weighted(effects.words_b, effects.effects_b)
        ),
        deletion=Deletion(
            without_top=_digits(effects.margin_without_top), without_random=_digits(effects.margin_without_random)
        ),
        stages=tuple(found),
        matrix=None if linear is None else _matrix(linear),
        completeness_error=max((stage.completeness_error for stage in found), default=None),
    )


def explain_statements(
    stages: Stages, a: Persona, b: Persona, pair: tuple[str, str] | None, *, directions: bool = False
) -> Explanation:
    """Why a statement of each of two clean personas get their verdict, and what the two do to the personas' score.

    ``directions`` adds the relation maps' directions, named by the statements of both.

    Raises:
        InputError: if ``pair`` does not name a statement of each.
    """
    if pair is None:
        raise InputError("explain: two personas need the pair of statement ids")
    chosen = []
    for persona, wanted in ((a, pair[0]), (b, pair[1])):
        found = next((s for s in persona.statements if s.id == wanted), None)
        if found is None:
            raise InputError(f"persona {persona.id!r}: no statement has the id {wanted!r}")
        chosen.append(Cited(id=found.id, text=found.text))
    scored = score_personas(stages, a, b)
    ledger = ledger_of(scored)
    shares = tuple(statement_share(scored, ledger, side, side_id) for side, side_id in zip(SIDES, pair, strict=True))
    told = explain_pair(stages, *chosen)
    weights = None
    if directions:
        said = [s.text for persona in (a, b) for s in persona.statements]
        weights = direction_weights(stages.linear, stages.encoder, (chosen[0].text, chosen[1].text), said)
    return told.model_copy(update={"score": ledger.score(), "statements": shares, "directions": weights})


def _linear_words(mapped: WordMap) -> StageWords:
    rows, columns = mapped.weights.sum(1) / 2, mapped.weights.sum(0) / 2
    return StageWords(
        stage="linear",
        margin=_digits(mapped.margin),
        a=weighted(mapped.words_a, rows),
        b=weighted(mapped.words_b, columns),
        no_word=_digits(float(rows[-1] + columns[-1])),
        completeness_error=mapped.completeness_error,
    )


def _pair_words(mapped: PairMap) -> StageWords:
    return StageWords(
        stage="pair",
        margin=_digits(mapped.margin),
        a=weighted(mapped.words_a, mapped.shares_a),
        b=weighted(mapped.words_b, mapped.shares_b),
        no_word=_digits(float(mapped.shares_a[-1] + mapped.shares_b[-1])),
        completeness_error=mapped.completeness_error,
    )


def _matrix(mapped: WordMap) -> WordMatrix:
    return WordMatrix(
        words_a=tuple(word for word, _, _ in mapped.words_a),
        words_b=tuple(word for word, _, _ in mapped.words_b),
        weights=tuple(tuple(_digits(value) for value in row) for row in mapped.weights.tolist()),
    )


def _digits(value: float) -> float:
    return round(value, _DIGITS) + 0.0
