"""The words of the domain, as frozen pydantic models: what goes in, and what the toolkit says of it.

Everything here is plain data: no torch, no model, no I/O. ``model_dump(mode="json")`` of an
:class:`AlignmentReport` is the document that ``jepa-langchain compare --json`` prints.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Frozen(BaseModel):
    """Base of the domain's models: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Relation(StrEnum):
    """How statement y stands to statement x. AGREE and DISAGREE are also what the predictor is asked for."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNRELATED = "unrelated"


#: Whether E_z(x, y) is averaged with E_z(y, x), or predicts y from x only.
Direction = Literal["symmetric", "forward"]


class Verdict(StrEnum):
    """What a whole comparison comes to; the thresholds are :data:`jepa_langchain.ledger.ALIGNED_FROM` and its peer."""

    ALIGNED = "aligned"
    MIXED = "mixed"
    MISALIGNED = "misaligned"
    INSUFFICIENT = "insufficient"


class Statement(Frozen):
    """One thing somebody said. ``id`` is unique within its persona; :class:`~.statements.Limits` has its length."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)


class Persona(Frozen):
    """An agent, as the statements it made.

    Raises:
        pydantic.ValidationError: if there is no statement, or two share an id.
    """

    id: str = Field(min_length=1)
    statements: tuple[Statement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique_ids(self) -> Self:
        twice = [i for i, n in Counter(s.id for s in self.statements).items() if n > 1]
        if twice:
            raise ValueError(f"persona {self.id!r}: duplicate statement id {twice[0]!r}")
        return self


class Unit(Frozen):
    """What is scored: a whole statement, or one clause of it.

    ``span`` is the clause's character range [start, end) in the statement's text and None for the whole
    statement; ``part`` says what the clause does in a concession.
    """

    statement_id: str
    text: str
    span: tuple[int, int] | None = None
    part: Literal["whole", "premise", "contest"] = "whole"


class Energies(Frozen):
    """Prediction errors under each relation; unitless, low = y is what the relation predicts."""

    agree: float
    disagree: float


class Probabilities(Frozen):
    """Calibrated probabilities of the three relations; they sum to 1 up to rounding."""

    agree: Probability
    disagree: Probability
    unrelated: Probability

    def of(self, relation: Relation) -> float:
        """The probability of one relation."""
        return {Relation.AGREE: self.agree, Relation.DISAGREE: self.disagree, Relation.UNRELATED: self.unrelated}[
            relation
        ]


class RelationEstimate(Frozen):
    """What one stage says of one pair of texts.

    ``relation`` is None inside the abstain band. ``probabilities`` and ``relation`` are None for a model
    that was never calibrated. ``margin`` = E_disagree - E_agree: > 0 agrees, < 0 disagrees. ``truncated`` says that
    a text was longer than the model reads, so that the verdict rests on its beginning.
    """

    relation: Relation | None
    probabilities: Probabilities | None
    energies: Energies
    margin: float
    decided_by: Literal["linear", "pair"]
    truncated: bool = False


class Cited(Frozen):
    """The side of a ledger row: a statement's id and the words of it that the row rests on.

    ``text`` is verbatim: the whole statement, or its characters ``span`` = [start, end).
    """

    id: str
    text: str
    span: tuple[int, int] | None = None


class WordWeight(Frozen):
    """A word of a cited text and its share of the linear margin (positive: towards agreement)."""

    word: str
    span: tuple[int, int]
    weight: float


class RowWeights(Frozen):
    """The mapped weights of a row: the words that carry most of the linear stage's margin, on each side."""

    a: tuple[WordWeight, ...]
    b: tuple[WordWeight, ...]


class LedgerRow(Frozen):
    """One finding, with its evidence: a statement of each side, and what the model makes of the pair.

    ``id`` is "A1", "A2", … among the agreements of a report and "D1", … among its disagreements. ``p`` is the
    probability of the row's own relation; None when the model is uncalibrated. ``decided_by`` is "llm" only for a pair
    that the model abstained on and that a language model was asked about; its ``p`` and energies stay the model's.
    """

    id: str = ""
    a: Cited
    b: Cited
    relation: Relation
    p: Probability | None
    margin: float
    energies: Energies
    decided_by: Literal["linear", "pair", "llm"]
    weights: RowWeights


class MixedPair(Frozen):
    """A pair of statements that share a premise and contest a conclusion; ``id`` is "M1", "M2", … in a report."""

    id: str = ""
    a: Cited
    b: Cited
    p_agree: Probability | None
    p_disagree: Probability | None


class AbstainedPair(Frozen):
    """Two statements about the same thing that the model cannot decide; ``id`` is "U1", "U2", … in a report."""

    id: str
    a: Cited
    b: Cited
    probabilities: Probabilities
    energies: Energies
    margin: float


class NarrativeSentence(Frozen):
    """One sentence of a narrative as it is told, the area it stands in and what it cites.

    Attributes:
        a: the statement id of the first side that it cites.
        b: the statement id of the second side.
        rows: ids of the ledger rows it words.
        source: who worded it.
        status: "rejected" when a language model worded the row, the verifier threw that out and the template stands in.
        reason: why it was thrown out; empty for a verified sentence.
    """

    text: str
    title: str
    relation: Relation
    a: str
    b: str
    rows: tuple[str, ...] = ()
    source: Literal["template", "llm"] = "template"
    status: Literal["verified", "rejected"] = "verified"
    reason: str = ""


class RejectedSentence(Frozen):
    """What a language model wrote and the verifier threw out: for an audit, never to be shown as a finding.

    ``text`` is cut after 500 characters; ``reason`` starts with the check that failed.
    """

    text: str
    rows: tuple[str, ...]
    reason: str


class Usage(Frozen):
    """What a narrative cost: calls to the language model, and tokens as its provider counts them (0 if it does not).

    ``cost`` is in the currency of the prices that the user gave; None without prices, or without a count of tokens.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None


class Narrative(Frozen):
    """The readable summary.

    Attributes:
        text: all of it.
        source: "llm" if a language model worded at least one of the sentences told.
        sentences: what is told, in order.
        rejected: how many sentences of a language model were thrown out (always 0 for the template).
        rejections: those sentences, at most 100.
        usage: what the language model was asked and answered.
        note: why the template words what a language model was asked to word; empty when there is nothing to say.
    """

    text: str
    source: Literal["template", "llm"]
    sentences: tuple[NarrativeSentence, ...]
    rejected: int = 0
    rejections: tuple[RejectedSentence, ...] = ()
    usage: Usage = Usage()
    note: str = ""


class PersonaSummary(Frozen):
    """Who was compared: the persona's id and how many statements and clauses were scored."""

    id: str
    statements: int
    clauses: int


class ModelCard(Frozen):
    """Which model said it: enough to reproduce the verdict or to refuse it."""

    name: str
    version: str
    encoder: str
    encoder_sha256: str
    weights_sha256: dict[str, str]
    calibrated: bool


class AlignmentReport(Frozen):
    """The outcome of comparing two personas.

    ``score`` = S_agree / (S_agree + S_disagree), where S sums the probabilities of the listed rows of each
    kind (an uncalibrated model's rows count 1 each); 0.5 when no row is listed. Rows that a language model decided do
    not count. ``abstained`` lists pairs about the same thing that are left open, at most 50.
    """

    personas: tuple[PersonaSummary, PersonaSummary]
    score: Probability
    verdict: Verdict
    agreements: tuple[LedgerRow, ...]
    disagreements: tuple[LedgerRow, ...]
    mixed: tuple[MixedPair, ...]
    abstained: tuple[AbstainedPair, ...] = ()
    only_a: tuple[Statement, ...]
    only_b: tuple[Statement, ...]
    narrative: Narrative
    warnings: tuple[str, ...] = ()
    model: ModelCard
