"""Other people's words as data: every text quoted on a line of its own, between marks that it cannot hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from jepa_langchain.schema import LedgerRow


def quoted(text: str) -> str:
    """A text as one JSON string on one line."""
    return json.dumps(text, ensure_ascii=False)


def mark_for(texts: Iterable[str]) -> str:
    """A line that stands before and after the data and in none of it.

    It is derived from all the texts, so that the same data gives the same prompt and nobody who wrote one of them
    could have known it.
    """
    joined = "\n".join(texts)
    salt = 0
    while True:
        # A broken answer may hold half of a character.
        digest = hashlib.sha256(f"{salt} {joined}".encode(errors="surrogatepass")).hexdigest()
        mark = f"=== {digest[:12]} ==="
        if mark not in joined:
            return mark
        salt += 1


def ledger_lines(rows: Sequence[LedgerRow], *, weights: bool) -> str:
    """Rows as data, one a line: id, first statement, second statement; with their weightiest words if wanted."""
    lines = []
    for row in rows:
        cells = [row.id, quoted(row.a.text), quoted(row.b.text)]
        if weights:
            words = [w.word for side in (row.weights.a, row.weights.b) for w in side[:2]]
            cells.append(quoted(" ".join(words)))
        lines.append(" | ".join(cells))
    return "\n".join(lines)
