"""Is the mapping of words faithful? Words are taken out of the texts, which are then encoded and judged again.

Per pair, with m the margin and s its sign, *moved* is s (m - margin of what is left): how far the margin went against
the verdict. ``deletion f`` takes out the share f of the words that an attribution says supports the verdict most,
``insertion f`` leaves nothing but those. The ratio divides the mean of what is moved by the mean of what as many random
words move; its interval is a 95 % bootstrap over pairs.

* removal (shown): ``jepa_langchain.attribution.word_effects``, which explanations and reports show. random halves:
  its first half of draws alone.
* leave-one-out: what the margin loses without one word, the usual oracle for single words.
* gradients: integrated gradients (8 steps) and gradient times input on the token states through the upper layers.
* linear: the exact map of the linear stage. read-out: the exact shares of the pair stage.
* random weights: removal on a model whose maps and pair stage are drawn at random, measured on the real one.
* random labels: the linear map of maps fitted on pairs whose labels were shuffled, beside one fitted on the same pairs.

What is left of a pair is encoded once whichever method asks, and judged with all others that a method asks for.
Run from the repository's root: ``python -m benchmarks.attribution PAIRS...``. It writes ``benchmarks/attribution.md``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.attribution_methods import (
    Mask,
    Words,
    fitted,
    gradient_times_input,
    integrated_gradients,
    leave_one_out,
    linear,
    random_removal,
    random_weights,
    read_out,
    removal,
)
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.attribution.word_effects import DRAWS
from jepa_langchain.attribution.words import Doubles
from jepa_langchain.console import progress_bar
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.pairs import LabelledPair, for_evaluation, for_training, read_pairs
from jepa_langchain.schema import Relation
from jepa_langchain.stages import Stages

SHARES = (0.25, 0.5, 0.75)
RANDOM = 4
FIT_PAIRS = 60
#: Bytes of encoded texts that are kept: some pairs with all that is left of them.
KEPT = 64 * 2**20


def masks(order: npt.NDArray[np.int64]) -> Mask:
    """(6, count) what is kept: the words but the first share of an order, then nothing but that, for each share."""
    rank = order.argsort()
    gone = np.stack([rank < round(share * len(order)) for share in SHARES])
    return np.concatenate([~gone, gone])


def moved(stages: Stages, words: Words, attributions: dict[str, Doubles]) -> tuple[float, dict[str, Doubles]]:
    """The margin and (6,) how far it went, by attribution; "random" is the mean over random orders."""
    whole = words.whole(stages)
    sign = 1.0 if whole > 0 else -1.0
    rng = np.random.default_rng(words.count)
    orders = [np.argsort(-sign * values, kind="stable") for values in attributions.values()]
    orders += [rng.permutation(words.count) for _ in range(RANDOM)]
    kept = np.concatenate([masks(order) for order in orders])
    table = sign * (whole - words.margins(stages, kept)).reshape(len(orders), -1)
    named = dict(zip(attributions, table, strict=False))
    return whole, {**named, "random": table[len(attributions) :].mean(0)}


def ratio(values: Doubles, random: Doubles, seed: int = 0) -> tuple[float, float, float]:
    """Ratio of two means over the same pairs with its 95 % bootstrap interval."""
    draws = np.random.default_rng(seed).integers(len(values), size=(2_000, len(values)))
    low, high = np.percentile(values[draws].mean(1) / random[draws].mean(1), [2.5, 97.5])
    return float(values.mean() / random.mean()), float(low), float(high)


def chosen(files: Sequence[Path], each: int) -> tuple[list[LabelledPair], list[LabelledPair]]:
    """(dev pairs to measure, training pairs to fit on): agree or disagree, four words a side, sixty together."""
    measured: list[LabelledPair] = []
    fit: list[LabelledPair] = []
    for path in files:
        source, rng = read_pairs(path), np.random.default_rng(1)
        for pairs, count, into in (
            (for_evaluation(source, "dev"), each, measured),
            (for_training(source), FIT_PAIRS, fit),
        ):
            able = [p for p in pairs.pairs if p.label is not Relation.UNRELATED and _fits(p)]
            into += [able[i] for i in rng.permutation(len(able))[:count]]
    return measured, fit


def _fits(pair: LabelledPair) -> bool:
    lengths = [len(text.split()) for text in (pair.a, pair.b)]
    return min(lengths) >= 4 and sum(lengths) <= 60  # noqa: PLR2004


def measure(
    model: AlignmentModel, pairs: Sequence[LabelledPair], fit: Sequence[LabelledPair], *, seconds: float
) -> list[tuple[float, dict[str, Doubles]]]:
    """(margin, what is moved by attribution) of the pairs, in random order, until the time is over."""
    stages = replace(model.stages, encoder=CachingEncoder(model.stages.encoder, most_bytes=KEPT))
    untrained = random_weights(stages, 0)
    true, false = fitted(stages, fit)
    order = np.random.default_rng(0).permutation(len(pairs))
    rows: list[tuple[float, dict[str, Doubles]]] = []
    end = time.monotonic() + seconds
    for pair in progress_bar([pairs[i] for i in order], "pairs", show=True):
        if rows and time.monotonic() > end:
            break
        words = Words(pair)
        shares = {
            "removal (shown)": removal(stages, words),
            "random halves": random_removal(stages, words),
            "leave-one-out": leave_one_out(stages, words),
            "integrated gradients": integrated_gradients(stages, words),
            "gradient times input": gradient_times_input(stages, words),
            "linear": linear(stages, words),
            "read-out": read_out(stages, words),
            "removal, random weights": removal(untrained, words, DRAWS // 4),
            "linear, true labels": linear(true, words),
            "linear, random labels": linear(false, words),
        }
        rows.append(moved(stages, words, shares))
    return rows


def table(rows: list[tuple[float, dict[str, Doubles]]]) -> str:
    """The results as Markdown."""
    heads = [f"{kind} {share:.2f}" for kind in ("deletion", "insertion") for share in SHARES]
    lines = ["| words by | " + " | ".join(heads) + " | ratio at deletion 0.50 (95 %) |", "|---" * 8 + "|"]
    random = np.stack([found["random"] for _, found in rows])
    for name in rows[0][1]:
        values = np.stack([found[name] for _, found in rows])
        numbers = " | ".join(f"{value:.2f}" for value in values.mean(0))
        middle, low, high = ratio(values[:, 1], random[:, 1])
        lines.append(f"| {name} | {numbers} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=20, help="pairs of each file")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="stop after so long with the pairs measured by then"
    )
    options = parser.parse_args()
    model = AlignmentModel.load()
    pairs, fit = chosen(options.files, options.each)
    rows = measure(model, pairs, fit, seconds=60 * options.minutes)
    sizes = float(np.mean([abs(whole) for whole, _ in rows]))
    card = model.card()
    text = (
        "# Faithfulness of the mapped weights\n\n"
        f"{datetime.now(UTC).date()}, `python -m benchmarks.attribution PAIRS...`, "
        f"jepa_langchain {version('jepa-langchain')}, model {card.name}, pair stage SHA-256 "
        f"`{card.weights_sha256['pair.safetensors'][:16]}…`. {len(rows)} dev pairs of {len(options.files)} files; "
        f"mean |margin| {sizes:.2f}. How far the margin moves against the verdict:\n\n{table(rows)}\n\n"
        "Insertion: lower is better. What the rows mean: `benchmarks/attribution.py`.\n"
    )
    write_table("attribution.md", text)


if __name__ == "__main__":
    main()
