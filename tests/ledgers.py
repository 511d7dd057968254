"""Ledger rows made by hand, for the tests of narratives."""

from __future__ import annotations

from jepa_langchain.schema import Cited, Energies, LedgerRow, Relation, RowWeights


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
