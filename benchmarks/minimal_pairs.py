"""Sixty minimal pairs: does one word that turns a statement round turn the verdict round?

``minimal_pairs.jsonl`` holds, for each base statement ``a``, the ``same`` position in other words and that sentence
``flipped`` by a negation, an antonym, a quantifier or an "ought not"; written for this project by a language model,
and never trained on.

* order: share of triples whose polarity with ``same`` is above that with ``flipped`` (chance: .5).
* flip: share of triples with ``same`` on the side of agreement and ``flipped`` on that of disagreement. Cosine has no
  sides of its own: it gets the one threshold that is best on these very triples.

Run from the repository's root: ``python -m benchmarks.minimal_pairs``. It writes ``benchmarks/minimal_pairs.md``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.scoring import score_pairs
from jepa_langchain.stages import polarity

HERE = Path(__file__).parent
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Triple:
    """A base statement, the same position in other words, and the opposite one, a word away."""

    kind: str
    a: str
    same: str
    flipped: str


def triples() -> list[Triple]:
    """The sixty triples."""
    lines = (HERE / "minimal_pairs.jsonl").read_text(encoding="utf-8").splitlines()
    return [Triple(**json.loads(line)) for line in lines]


def polarities(model: AlignmentModel, rows: Sequence[Triple]) -> dict[str, Doubles]:
    """(n, 2) polarity of ``a`` with ``same`` and with ``flipped``, by each method."""
    texts = [text for t in rows for text in (t.a, t.same, t.flipped)]
    first = np.arange(0, len(texts), 3, dtype=np.int64)
    pairs = np.concatenate([np.stack([first, first + k], axis=1) for k in (1, 2)])
    scores = score_pairs(model.stages, texts, pairs)
    return {"jepa_langchain": polarity(scores).reshape(2, -1).T, "cosine": scores.cosine.reshape(2, -1).T}


def order_rate(values: Doubles) -> float:
    """Share of triples in the right order."""
    return float((values[:, 0] > values[:, 1]).mean())


def flip_rate(values: Doubles, threshold: float = 0.0) -> float:
    """Share of triples on the two right sides of a threshold."""
    return float(((values[:, 0] > threshold) & (values[:, 1] <= threshold)).mean())


def best_flip_rate(values: Doubles) -> float:
    """The flip rate at the threshold that suits these triples best: an upper bound."""
    return max(flip_rate(values, float(threshold)) for threshold in values.ravel())


def table(model: AlignmentModel) -> str:
    """The results as Markdown."""
    rows = triples()
    methods = polarities(model, rows)
    lines = ["| kind | triples | order | order, cosine | flip | flip, cosine at its best |", "|---" * 6 + "|"]
    for kind in (*dict.fromkeys(t.kind for t in rows), "all"):
        chosen = np.array([kind in (t.kind, "all") for t in rows])
        ours, cosine = methods["jepa_langchain"][chosen], methods["cosine"][chosen]
        numbers = (order_rate(ours), order_rate(cosine), flip_rate(ours), best_flip_rate(cosine))
        lines.append(f"| {kind} | {int(chosen.sum())} | " + " | ".join(f"{n:.2f}" for n in numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model and write the table."""
    model = AlignmentModel.load()
    card = model.card()
    head = (
        f"{datetime.now(UTC).date()}, `python -m benchmarks.minimal_pairs`, jepa_langchain {version('jepa-langchain')}"
    )
    weights = f"model {card.name}, pair stage SHA-256 `{card.weights_sha256['pair.safetensors'][:16]}…`"
    foot = "What the columns mean: `benchmarks/minimal_pairs.py`."
    text = f"# Minimal pairs\n\n{head}, {weights}.\n\n{table(model)}\n\n{foot}\n"
    write_table("minimal_pairs.md", text)


if __name__ == "__main__":
    main()
