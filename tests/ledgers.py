"""Ledger rows made by hand, for the tests of narratives."""

from __future__ import annotations

from jepa_langchain.narrative import write_narrative
from jepa_langchain.schema import (
    AlignmentReport,
    Cited,
    Energies,
    LedgerRow,
    ModelCard,
    PersonaSummary,
    Relation,
    RowWeights,
    Verdict,
)


def row(row_id: str, a: str, b: str, *, ids: tuple[str, str] = ("a1", "b1")) -> LedgerRow:
    """A row; the first letter of its id says which relation."""
    return LedgerRow(
        id=row_id,
        a=Cited(id=ids[0], text=a),
        b=Cited(id=ids[1], text=b),
        relation=Relation.AGREE if row_id.startswith("A") else Relation.DISAGREE,
        p=0.9,
        margin=0.1,
        energies=Energies(agree=0.1, disagree=0.2),
        decided_by="pair",
        weights=RowWeights(a=(), b=()),
    )


def report(*rows: LedgerRow, names: tuple[str, str] = ("Ann", "Bob")) -> AlignmentReport:
    """A report with these rows and the template's narrative."""
    agreements = tuple(r for r in rows if r.relation is Relation.AGREE)
    disagreements = tuple(r for r in rows if r.relation is Relation.DISAGREE)
    first, second = (PersonaSummary(id=name, statements=len(rows), clauses=0) for name in names)
    return AlignmentReport(
        personas=(first, second),
        score=0.5,
        verdict=Verdict.MIXED,
        agreements=agreements,
        disagreements=disagreements,
        mixed=(),
        only_a=(),
        only_b=(),
        narrative=write_narrative(names, agreements, disagreements, ()),
        model=ModelCard(
            name="hand", version="0", encoder="none", encoder_sha256="", weights_sha256={}, calibrated=True
        ),
    )
