"""The words for an explanation: what carries the verdict of one pair, and what one statement does to a score.

Plain data, as :mod:`jepa_langchain.schema`; ``model_dump(mode="json")`` of an :class:`Explanation` is the document
that ``jepa-langchain explain --json`` prints.
"""

from __future__ import annotations

from typing import Literal

from jepa_langchain.schema import Cited, Frozen, Probability, Relation, RelationEstimate, RowWeights, WordWeight


class StageWords(Frozen):
    """The exact word shares of one stage's margin.

    ``margin`` = sum of the weights of ``a`` and ``b`` + ``no_word``, up to ``completeness_error``.

    Attributes:
        margin: the stage's E_disagree - E_agree.
        a: every word of text a, in reading order.
        b: every word of text b. The linear stage's map is bilinear, so each side's shares sum to the margin there,
            and half of each is given here.
        no_word: what special tokens and punctuation carry.
        completeness_error: |sum of the shares - margin|, before rounding.
    """

    stage: Literal["linear", "pair"]
    margin: float
    a: tuple[WordWeight, ...]
    b: tuple[WordWeight, ...]
    no_word: float
    completeness_error: float


class WordMatrix(Frozen):
    """The linear stage's word x word map: ``weights[i][j]`` is what words i of a and j of b add to the margin.

    The last word of each side is "" and holds what is no word. All weights sum to the linear margin.
    """

    words_a: tuple[str, ...]
    words_b: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]


class StatementShare(Frozen):
    """What one statement does to the score of two personas.

    Attributes:
        side: whose statement it is.
        id: the statement.
        text: what it says.
        rows: ledger rows that cite it.
        contribution: sum over those rows of ± p / (2 (S_agree + S_disagree)), + for agreement. Over the statements of
            either side the contributions sum to score - 1/2.
        score_without: the score of the same personas without this statement; None if nothing is left to compare.
    """

    side: Literal["a", "b"]
    id: str
    text: str
    rows: int
    contribution: float
    score_without: Probability | None


class Deletion(Frozen):
    """How faithful the words of one explanation are: the margin without half of the words.

    Attributes:
        without_top: the margin when the half that supports the verdict most is taken out of both texts.
        without_random: the mean margin when a random half is.
    """

    without_top: float
    without_random: float


class DirectionWeight(Frozen):
    """What one direction of a relation map adds to the linear margin of a pair.

    Attributes:
        relation: whose map.
        rank: 1 is the map's strongest direction.
        share: of what the map does beyond copying the statement, 0 to 1; all directions of a map sum to 1.
        gain: what it adds to the statement's own component: below zero it takes away, below -1 it turns round.
        contribution: to the margin; > 0 pulls towards agreement.
        low: the statements at one end, the farthest out first.
        high: those at the other end.
    """

    relation: Relation
    rank: int
    share: float
    gain: float
    contribution: float
    low: tuple[str, ...]
    high: tuple[str, ...]


class DirectionWeights(Frozen):
    """The linear margin of a pair by direction: ``margin`` = ``copied`` + the contributions + ``rest``.

    Attributes:
        copied: what copying the statement contributes.
        directions: those that contribute most, the strongest first.
        rest: the sum of all others.
        margin: the linear stage's E_disagree - E_agree.
        completeness_error: |sum - margin|, before rounding.
    """

    copied: float
    directions: tuple[DirectionWeight, ...]
    rest: float
    margin: float
    completeness_error: float


class Explanation(Frozen):
    """Why a pair got its verdict.

    Attributes:
        a: one text, with the id of its statement ("a" for a bare text).
        b: the other one.
        estimate: the verdict.
        margin: the margin of the stage that decided.
        words: what the verdict hangs on, in reading order: how much keeping each word moves the margin, in the mean
            over random halves of the others (positive: towards agreement). They need not sum to the margin.
        deletion: how much those words matter, measured on this pair.
        stages: the exact shares of each stage, the linear one first; empty if the encoder shows no tokens.
        matrix: the linear stage's word x word map.
        completeness_error: the largest of the stages'; None without stages.
        score: the score of the two personas, for statements of personas.
        statements: what the two statements do to that score.
        directions: the linear margin by direction of the relation maps, where that was asked for.
    """

    a: Cited
    b: Cited
    estimate: RelationEstimate
    margin: float
    words: RowWeights
    deletion: Deletion
    stages: tuple[StageWords, ...]
    matrix: WordMatrix | None
    completeness_error: float | None
    score: Probability | None = None
    statements: tuple[StatementShare, ...] = ()
    directions: DirectionWeights | None = None
