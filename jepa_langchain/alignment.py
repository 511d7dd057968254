"""AlignmentModel: what users hold in their hands. Load it, compare two personas, relate two texts, explain a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from jepa_langchain.adaptation import Adaptation, adapt
from jepa_langchain.attribution.explanation import explain_pair, explain_statements
from jepa_langchain.attribution.explanation_schema import Explanation
from jepa_langchain.attribution.word_map import top_words, word_map
from jepa_langchain.encoder import EmbeddingsEncoder, Encoder
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.estimates import estimate_texts
from jepa_langchain.findings import Finding, cited
from jepa_langchain.ledger import build_ledger
from jepa_langchain.model_files import LINEAR, MANIFEST, ModelFiles, as_saved, load_model, save_model
from jepa_langchain.narrative import write_narrative
from jepa_langchain.pair_cache import CachingPairs
from jepa_langchain.pairs import LabelledPair
from jepa_langchain.personas import clean_persona
from jepa_langchain.schema import (
    AlignmentReport,
    Cited,
    MixedPair,
    ModelCard,
    Persona,
    PersonaSummary,
    RelationEstimate,
)
from jepa_langchain.stages import Stages
from jepa_langchain.statements import DEFAULT_LIMITS, Limits, clean_text

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from jepa_langchain.pair_predictor import PairPredictor

#: The model that ships with the package.
SHIPPED = Path(__file__).parent / "shipped" / "default"


class AlignmentModel:
    """A loaded model. Construct it with :meth:`load`.

    Example:
        >>> model = AlignmentModel.load()
        >>> model.relate("Homework helps children learn.", "Homework harms children.").relation
        <Relation.DISAGREE: 'disagree'>
    """

    def __init__(self, files: ModelFiles) -> None:
        self.files = files

    @property
    def stages(self) -> Stages:
        """Encoder, predictors and calibrators."""
        return self.files.stages

    @classmethod
    def load(
        cls,
        path: Path | str | None = None,
        *,
        encoder: Encoder | Embeddings | None = None,
        device: str | None = None,
    ) -> Self:
        """Load a model directory; the shipped model when ``path`` is None.

        Args:
            path: a directory written by :meth:`save` or by ``jepa-langchain train``.
            encoder: the encoder, or the LangChain ``Embeddings``, that the model was trained on; by name when None.
            device: torch device; CUDA when there is one, else the CPU.

        Raises:
            ModelError: if anything is missing, damaged, or made for another encoder.
        """
        from langchain_core.embeddings import Embeddings

        if isinstance(encoder, Embeddings):
            encoder = EmbeddingsEncoder(encoder)
        return cls(load_model(SHIPPED if path is None else Path(path), encoder=encoder, device=device))

    def remembering(self, *, halves: bool = False) -> AlignmentModel:
        """The same model, which encodes no text and reads no pair twice, up to a bound.

        One that does so already is returned as it is, unless ``halves`` are asked for.

        Args:
            halves: round states to half precision, as an index keeps them, so that both give the same answers.
        """
        stages = self.stages
        if not halves and isinstance(stages.encoder, CachingEncoder) and isinstance(stages.pair, CachingPairs | None):
            return self
        encoder = CachingEncoder(stages.encoder, halves=halves)
        pair = cast("PairPredictor", CachingPairs(stages.pair)) if stages.pair is not None else None
        return AlignmentModel(replace(self.files, stages=replace(stages, encoder=encoder, pair=pair)))

    def save(self, path: Path | str) -> None:
        """Write the model directory; see :mod:`jepa_langchain.model_files`."""
        folder = Path(path)
        save_model(folder, self.files)

    def card(self) -> ModelCard:
        """Which model this is."""
        identity = self.stages.encoder.identity
        return ModelCard(
            name=self.files.name,
            version=version("jepa-langchain"),
            encoder=identity.name,
            encoder_sha256=identity.sha256,
            weights_sha256=self.files.files,
            calibrated=self.stages.calibrated,
        )

    def relate(self, text_a: str, text_b: str, *, limits: Limits = DEFAULT_LIMITS) -> RelationEstimate:
        """How text b stands to text a: energies, probabilities, and a relation or an abstention.

        Raises:
            InputError: if a text is empty, too long or holds control characters.
        """
        a, b = (clean_text(t, where=f"text {n}", limits=limits).text for n, t in (("a", text_a), ("b", text_b)))
        return estimate_texts(self.stages, a, b)

    def explain(
        self,
        a: str | Persona,
        b: str | Persona,
        *,
        pair: tuple[str, str] | None = None,
        directions: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Explanation:
        """Why two texts, or a statement of each of two personas, get their verdict.

        Args:
            a: a text or a persona.
            b: likewise; both are texts or both are personas.
            pair: for personas, the ids of the statement of ``a`` and of the one of ``b``.
            directions: for personas, say which directions of the relation maps add most to the linear margin.
            limits: as for :meth:`relate`.

        Raises:
            InputError: as :meth:`relate`; if a text meets a persona, or ``pair`` names no statement.
        """
        if isinstance(a, Persona) and isinstance(b, Persona):
            clean_a, clean_b = (clean_persona(p, limits=limits).persona for p in (a, b))
            return explain_statements(self.stages, clean_a, clean_b, pair, directions=directions)
        if isinstance(a, Persona) or isinstance(b, Persona):
            raise InputError("explain: give two texts, or two personas and the pair of statement ids")
        said = (Cited(id=n, text=clean_text(t, where=f"text {n}", limits=limits).text) for n, t in (("a", a), ("b", b)))
        return explain_pair(self.stages, *said)

    def adapt(self, pairs: Sequence[LabelledPair]) -> tuple[Self, Adaptation]:
        """This model with its relation maps adapted to a few labelled pairs, and how that went.

        The pair stage and the calibrators stay as they are; the maps' energies are among what calibrators weigh. The
        maps are those that :meth:`save` writes, in half precision, and the card has their hash.

        Raises:
            InputError: as :func:`jepa_langchain.adaptation.adapt`.
        """
        result = adapt(self.stages.linear, self.stages.encoder, pairs)
        if not result.adapted:
            return type(self)(self.files), result
        linear, digest = as_saved(result.linear)
        # The manifest that the unadapted model was loaded from says nothing of this one.
        hashes = {**{k: v for k, v in self.files.files.items() if k != MANIFEST}, LINEAR: digest}
        training = {**self.files.training, "adapted": {"pairs": len(result.pairs), "ridge": result.ridge}}
        stages = replace(self.stages, linear=linear)
        return type(self)(replace(self.files, stages=stages, training=training, metrics={}, files=hashes)), result

    def compare(
        self, persona_a: Persona, persona_b: Persona, *, limits: Limits = DEFAULT_LIMITS, progress: bool = False
    ) -> AlignmentReport:
        """Compare two personas.

        The same input gives the same report to the byte, and the order of statements or personas changes
        nothing but the order (for a symmetric model).

        Args:
            persona_a: one side.
            persona_b: the other side.
            limits: caps on what is read; statements are cleaned as :func:`load_persona` cleans them.
            progress: show a bar on stderr while encoding.

        Raises:
            InputError: if a statement cannot be used or there are too many.
        """
        cleaned = [clean_persona(persona, limits=limits) for persona in (persona_a, persona_b)]
        persona_a, persona_b = cleaned[0].persona, cleaned[1].persona
        ledger = build_ledger(self.stages, persona_a, persona_b, progress=progress)
        tokens = cache(self.stages.encoder.token_context)
        agreements, disagreements = (
            tuple(
                f.row(top_words(word_map(self.stages.linear, tokens(f.a.text), tokens(f.b.text))), row_id=f"{kind}{n}")
                for n, f in enumerate(rows, start=1)
            )
            for kind, rows in (("A", ledger.agreements), ("D", ledger.disagreements))
        )
        mixed = tuple(
            MixedPair(id=f"M{n}", a=cited(contest.a), b=cited(contest.b), p_agree=_p(shared), p_disagree=_p(contest))
            for n, (shared, contest) in enumerate(ledger.mixed, start=1)
        )
        summaries = (
            PersonaSummary(id=p.id, statements=len(p.statements), clauses=n)
            for p, n in zip((persona_a, persona_b), ledger.clauses, strict=True)
        )
        return AlignmentReport(
            personas=(next(summaries), next(summaries)),
            score=ledger.score(),
            verdict=ledger.verdict(),
            agreements=agreements,
            disagreements=disagreements,
            mixed=mixed,
            abstained=ledger.abstained,
            only_a=ledger.only_a,
            only_b=ledger.only_b,
            narrative=write_narrative((persona_a.id, persona_b.id), agreements, disagreements, mixed),
            warnings=(
                *cleaned[0].warnings,
                *cleaned[1].warnings,
                *((SAME_NAME,) if persona_a.id == persona_b.id else ()),
                *(() if self.stages.calibrated else (UNCALIBRATED,)),
                *_copied(ledger.agreements),
                *(f"{who}: longer than the model reads; only its beginning was compared" for who in ledger.truncated),
            ),
            model=self.card(),
        )


SAME_NAME = "both personas have the same id; in every row the first side is the first persona"
UNCALIBRATED = "the model was trained without labels and is uncalibrated: rows have margins, no probabilities"


def _copied(agreements: Sequence[Finding]) -> tuple[str, ...]:
    """A warning when agreement rests on near-verbatim repetition: a peer that copies words looks aligned."""
    same = sum(
        SequenceMatcher(None, f.a.text.lower().split(), f.b.text.lower().split()).ratio() >= COPIED for f in agreements
    )
    return (f"{same} of {len(agreements)} agreements repeat the other side's words almost verbatim",) if same else ()


#: Share of words in common, in order (difflib's ratio), from which a text counts as repeated.
COPIED = 0.9


def _p(finding: Finding) -> float | None:
    shares = finding.estimate.probabilities
    return None if shares is None else shares.of(finding.relation)
