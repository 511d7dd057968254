"""Mapped weights at the level of statements: every statement of A with every one of B, and what each does to the score.

    score - 1/2 = (S_agree - S_disagree) / (2 (S_agree + S_disagree))

is a sum over the ledger's rows, each of which cites one statement of either side: summed by statement it is exact. What
the score would be *without* a statement is another question, as other counterparts may step in: there the ledger is
drawn up again from the same scores.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from jepa_langchain.attribution.explanation_schema import StatementShare
from jepa_langchain.calibration import Doubles
from jepa_langchain.concessions import CONCESSION, concession_features
from jepa_langchain.ledger import Ledger, ScoredPersonas, ledger_of
from jepa_langchain.schema import Persona, Relation, Unit
from jepa_langchain.stages import Scores
from jepa_langchain.table import Table, comparable, kinds_of

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
_DIGITS = 6


def statement_margins(table: Table) -> Doubles:
    """(a, b) margins of whole statements, by the stage that decided each pair."""
    return _whole(table, table.scores.energies[:, 1] - table.scores.energies[:, 0])


def statement_probabilities(table: Table) -> Doubles | None:
    """(a, b, 3) probabilities of whole statements in LABELS order; None if uncalibrated."""
    shares = table.scores.probabilities
    return None if shares is None else np.stack([_whole(table, shares[:, k]) for k in range(shares.shape[1])], axis=-1)


def statement_nearness(table: Table) -> Doubles:
    """(a, b) how near the predictor expects two statements to be, 0 to 1: 1 - the lower of the linear stage's energies.

    Of two concessive statements or of one, the highest of any whole statement and clause that may be held against each
    other, as counterparts are found.
    """
    near = table.grid(table.scores.near)
    near[~comparable(kinds_of(table.units_a)[:, None], kinds_of(table.units_b))] = 0.0
    for axis, units in enumerate((table.units_a, table.units_b)):
        near = np.maximum.reduceat(near, [i for i, unit in enumerate(units) if unit.part == "whole"], axis=axis)
    return np.clip(near, 0.0, 1.0)


def statement_balance(table: Table) -> Doubles:
    """(a, b) P(agree) - P(disagree) of statement pairs as the ledger judges them; margins if uncalibrated.

    A plain statement against a concessive one is judged from the whole and both clauses, as in
    :mod:`jepa_langchain.concessions`; every other pair as a whole. Unlike a margin it is near zero off topic.
    """
    whole = statement_probabilities(table)
    if whole is None or table.scores.probabilities is None:
        return statement_margins(table)
    if CONCESSION in table.stages.calibrators:
        rows, columns = (_concedes(units) for units in (table.units_a, table.units_b))
        units = np.stack([table.grid(shares) for shares in table.scores.probabilities.T], axis=-1)
        i, j = np.nonzero((rows[1] >= 0)[:, None] != (columns[1] >= 0)[None, :])
        # The side that concedes moves on to its premise and its contest, the other one stays whole.
        parts = [
            units[
                np.where(rows[1][i] >= 0, rows[k][i], rows[0][i]),
                np.where(columns[1][j] >= 0, columns[k][j], columns[0][j]),
            ]
            for k in range(3)
        ]
        whole[i, j] = table.stages.calibrators[CONCESSION].probabilities(concession_features(*parts))
    balance: Doubles = whole[..., 0] - whole[..., 1]
    return balance


def _concedes(units: list[Unit]) -> npt.NDArray[np.int64]:
    """(3, statements) where each statement's whole, premise and contest stand; -1 if it does not concede."""
    whole = [i for i, unit in enumerate(units) if unit.part == "whole"]
    ends = [*whole[1:], len(units)]
    return np.array([(i, i + 1, i + 2) if end > i + 1 else (i, -1, -1) for i, end in zip(whole, ends, strict=True)]).T


def _whole(table: Table, values: Doubles) -> Doubles:
    rows, columns = ([u.part == "whole" for u in units] for units in (table.units_a, table.units_b))
    return table.grid(values)[rows][:, columns]


def statement_shares(scored: ScoredPersonas, ledger: Ledger) -> tuple[StatementShare, ...]:
    """What each statement of A, then of B, does to the score; ``ledger`` is the one drawn up from ``scored``."""
    return tuple(
        statement_share(scored, ledger, side, statement.id)
        for side in SIDES
        for statement in _persona(scored, side).statements
    )


def statement_share(scored: ScoredPersonas, ledger: Ledger, side: Side, statement_id: str) -> StatementShare:
    """What one statement does to the score.

    Raises:
        StopIteration: if there is no such statement.
    """
    statement = next(s for s in _persona(scored, side).statements if s.id == statement_id)
    rows = (*ledger.agreements, *ledger.disagreements)
    total = sum(f.strength for f in rows)
    cited = [f for f in rows if f.statements[SIDES.index(side)] == statement_id]
    signed = sum(f.strength if f.relation is Relation.AGREE else -f.strength for f in cited)
    return StatementShare(
        side=side,
        id=statement_id,
        text=statement.text,
        rows=len(cited),
        contribution=round(signed / (2 * total), _DIGITS) + 0.0 if total else 0.0,
        score_without=score_without(scored, side, statement_id),
    )


def score_without(scored: ScoredPersonas, side: Side, statement_id: str) -> float | None:
    """The score of the same personas without one statement; None if its persona would say nothing.

    The pairs' own scores stay: which of them the pair stage read was settled with the statement among them.
    """
    a, b = (
        tuple(s for s in _persona(scored, name).statements if name != side or s.id != statement_id) for name in SIDES
    )
    if not a or not b:
        return None
    left = ScoredPersonas(
        scored.a.model_copy(update={"statements": a}),
        scored.b.model_copy(update={"statements": b}),
        _without(scored.table, side, statement_id),
        scored.truncated,
    )
    return ledger_of(left).score()


def _persona(scored: ScoredPersonas, side: Side) -> Persona:
    return scored.a if side == "a" else scored.b


def _without(table: Table, side: Side, statement_id: str) -> Table:
    units = table.units_a if side == "a" else table.units_b
    left = np.array([unit.statement_id != statement_id for unit in units])
    k, shares, scores = SIDES.index(side), table.scores.probabilities, table.scores
    kept = left[table.cells[:, k]]
    cells = table.cells[kept]
    cells[:, k] = (np.cumsum(left) - 1)[cells[:, k]]
    some = [unit for unit, stays in zip(units, left, strict=True) if stays]
    return Table(
        table.stages,
        some if side == "a" else table.units_a,
        table.units_b if side == "a" else some,
        cells,
        Scores(
            scores.energies[kept],
            None if shares is None else shares[kept],
            scores.cosine[kept],
            scores.joint[kept],
            scores.near[kept],
        ),
        table.held[kept],
    )
