"""What a report shows beyond the ledger: every statement with every other, what statements and words do, and a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from jepa_langchain.attribution.directions import MapDirection, map_directions
from jepa_langchain.attribution.explanation_schema import Deletion, StatementShare
from jepa_langchain.attribution.statement_map import SIDES, statement_balance, statement_nearness, statement_share
from jepa_langchain.attribution.word_effects import word_effects
from jepa_langchain.attribution.words import weighted
from jepa_langchain.calibration import Doubles
from jepa_langchain.ledger import ledger_of, score_personas
from jepa_langchain.personas import clean_persona
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.reliability import ReliabilityBin, reliability_curve
from jepa_langchain.schema import AlignmentReport, LedgerRow, Persona, RowWeights, Statement
from jepa_langchain.stages import Stages
from jepa_langchain.statements import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel

#: Rows of each kind whose words are mapped, and statements of which is said what the score is without them.
ROWS, SHARES = 4, 12
#: Directions of each relation map.
DIRECTIONS = 4
#: Statements a side up to which all stand in the matrix and on the map; beyond, those with most and strongest rows.
MOST_SHOWN = 60
PointKind = Literal["a", "b", "agree", "disagree"]


@dataclass(frozen=True)
class MappedRow:
    """A ledger row with the effect of every word of its two texts, and how faithful that is."""

    row: LedgerRow
    words: RowWeights
    deletion: Deletion


@dataclass(frozen=True)
class Point:
    """A place on the map: a statement, or where the predictor expects what stands in a relation to a statement of A."""

    kind: PointKind
    id: str
    x: float
    y: float


@dataclass(frozen=True)
class Evidence:
    """Everything one report shows.

    Attributes:
        report: the comparison.
        a: statements of A in the matrix and on the map.
        b: those of B.
        balance: (a, b) P(agree) - P(disagree); see :func:`jepa_langchain.attribution.statement_map.statement_balance`.
        nearness: (a, b) 0 to 1; see :func:`jepa_langchain.attribution.statement_map.statement_nearness`.
        counterparts: ids of the pairs that the ledger holds against each other.
        shares: what the most telling statements do to the score, the strongest first.
        rows: the strongest rows, with the effects of their words.
        points: the map.
        variance: share of the statements' variance that the two axes of the map show.
        calibration: figures of the model on held-out pairs, by name; empty if it has none.
        reliability: how often its stated probabilities were right there; empty if that was not measured.
        directions: the strongest of what each relation map learned, disagreement first, named by their statements.
    """

    report: AlignmentReport
    a: tuple[Statement, ...]
    b: tuple[Statement, ...]
    balance: Doubles
    nearness: Doubles
    counterparts: frozenset[tuple[str, str]]
    shares: tuple[StatementShare, ...]
    rows: tuple[MappedRow, ...]
    points: tuple[Point, ...]
    variance: float
    calibration: dict[str, float]
    reliability: tuple[ReliabilityBin, ...]
    directions: tuple[MapDirection, ...]

    @property
    def weighed(self) -> Doubles:
        """(a, b) balance * nearness: strong where the pair stage takes sides and the linear stage finds one topic."""
        return self.balance * self.nearness


def gather_evidence(
    model: AlignmentModel, a: Persona, b: Persona, report: AlignmentReport, *, limits: Limits = DEFAULT_LIMITS
) -> Evidence:
    """What stands behind a report.

    Args:
        model: the model that made it.
        a: the first persona, as it was compared.
        b: the second one.
        report: what :meth:`AlignmentModel.compare` returned; its narrative may have been worded since.
        limits: those of the comparison.

    Raises:
        InputError: if a statement cannot be used.
    """
    a, b = (clean_persona(persona, limits=limits).persona for persona in (a, b))
    stages = model.remembering().stages
    scored = score_personas(stages, a, b)
    ledger = ledger_of(scored)
    rows = (*report.agreements, *report.disagreements)
    strength = {side: _strength([row.a.id if side == "a" else row.b.id for row in rows], rows) for side in SIDES}
    shown_a, shown_b = _shown(a.statements, strength["a"]), _shown(b.statements, strength["b"])
    cited = sorted(((-s, side, i) for side in SIDES for i, s in strength[side].items()), key=lambda c: c)[:SHARES]
    shares = (statement_share(scored, ledger, "a" if side == "a" else "b", i) for _, side, i in cited)
    chosen = (*report.disagreements[:ROWS], *report.agreements[:ROWS])
    points, variance = _map(stages, [a.statements[i] for i in shown_a], [b.statements[j] for j in shown_b])
    return Evidence(
        report=report,
        a=tuple(a.statements[i] for i in shown_a),
        b=tuple(b.statements[j] for j in shown_b),
        balance=statement_balance(scored.table)[np.ix_(shown_a, shown_b)],
        nearness=statement_nearness(scored.table)[np.ix_(shown_a, shown_b)],
        counterparts=frozenset(scored.table.counterparts()),
        shares=tuple(sorted(shares, key=lambda s: (-abs(s.contribution), s.side, s.id))),
        rows=tuple(_mapped(stages, row) for row in chosen),
        points=points,
        variance=variance,
        calibration=_calibration(model),
        reliability=reliability_curve(model.files.metrics),
        directions=_directions(stages, [s.text for persona in (a, b) for s in persona.statements]),
    )


def _strength(ids: Sequence[str], rows: Sequence[LedgerRow]) -> dict[str, float]:
    """Sum of the probabilities of the rows that cite each statement."""
    total: dict[str, float] = {}
    for i, row in zip(ids, rows, strict=True):
        total[i] = total.get(i, 0.0) + (1.0 if row.p is None else row.p)
    return total


def _shown(statements: Sequence[Statement], strength: dict[str, float]) -> list[int]:
    order = sorted(range(len(statements)), key=lambda i: (-strength.get(statements[i].id, 0.0), i))
    return sorted(order[:MOST_SHOWN])


def _mapped(stages: Stages, row: LedgerRow) -> MappedRow:
    found = word_effects(stages, row.a.text, row.b.text)
    words = RowWeights(a=weighted(found.words_a, found.effects_a), b=weighted(found.words_b, found.effects_b))
    return MappedRow(
        row, words, Deletion(without_top=found.margin_without_top, without_random=found.margin_without_random)
    )


def _map(stages: Stages, a: Sequence[Statement], b: Sequence[Statement]) -> tuple[tuple[Point, ...], float]:
    """Principal axes of the statements' embeddings, and on them what the predictor expects of each statement of A."""
    encoded = stages.encoder.encode([s.text for s in (*a, *b)])
    targets = encoded.embeddings.astype(np.float64)
    centre = targets.mean(0)
    _, spread, axes = np.linalg.svd(targets - centre, full_matrices=False)
    plane = axes[:2]
    # An axis has no direction of its own: its largest component is made positive.
    plane = plane * np.sign(plane[np.arange(len(plane)), np.abs(plane).argmax(1)])[:, None]
    groups: list[tuple[PointKind, Sequence[Statement], Doubles]] = [
        ("a", a, targets[: len(a)]),
        ("b", b, targets[len(a) :]),
    ]
    with torch.inference_mode():
        context = torch.from_numpy(encoded.context[: len(a)]).to(stages.linear.maps.device)
        for relation in RELATIONS:
            predicted = stages.linear.predict(context, relation).cpu().numpy()
            groups.append(("agree" if relation is RELATIONS[0] else "disagree", a, predicted))
    points = []
    for kind, statements, vectors in groups:
        places = np.zeros((len(vectors), 2))
        places[:, : len(plane)] = (vectors - centre) @ plane.T
        points += [Point(kind, s.id, float(x), float(y)) for s, (x, y) in zip(statements, places, strict=True)]
    total = float((spread**2).sum())
    return tuple(points), float((spread[:2] ** 2).sum()) / total if total else 0.0


def _directions(stages: Stages, texts: Sequence[str]) -> tuple[MapDirection, ...]:
    found = map_directions(stages.linear, stages.encoder, texts, most=DIRECTIONS, named_by=1)
    return tuple(sorted((d for d in found if d.share), key=lambda d: d.relation is RELATIONS[0]))


def _calibration(model: AlignmentModel) -> dict[str, float]:
    names = {
        "auroc_agree_vs_disagree": "AUROC, agree against disagree",
        "macro_f1": "macro-F1 of three relations",
        "ece": "expected calibration error",
        "coverage": "share of pairs it decides",
        "accuracy_at_coverage": "accuracy when it decides",
    }
    return {text: float(v) for key, text in names.items() if isinstance(v := model.files.metrics.get(key), float)}
