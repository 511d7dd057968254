"""Is the mapping of words faithful? Words are taken out of the texts, which are then encoded and judged again.

Per pair, with m the margin and s its sign, *moved* is s (m - margin of what is left): how far the margin went against
the verdict. ``deletion f`` takes out the share f of the words that an attribution says supports the verdict most,
``insertion f`` leaves nothing but those. The ratio divides the mean of what is moved by the mean of what as many random
words move; its interval is a 95 % bootstrap over pairs.

* linear: the exact map of the linear stage. read-out: the exact shares of the pair stage. leave-one-out: what the
  margin loses without one word. removal: ``jepa_langchain.attribution.word_effects``, which explanations show.
* random weights: removal on a model whose maps and pair stage are drawn at random, measured on the real one.
* random labels: the linear map of maps fitted on pairs whose labels were shuffled, beside one fitted on the same pairs.

Run from the repository's root: ``python -m benchmarks.attribution PAIRS...``. It writes ``benchmarks/attribution.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.attribution.pair_map import pair_input, pair_map
from jepa_langchain.attribution.word_effects import DRAWS, fit_effects, leave_out, margins, random_halves
from jepa_langchain.attribution.word_map import word_map
from jepa_langchain.attribution.words import Doubles, words_of
from jepa_langchain.console import progress_bar
from jepa_langchain.pair_predictor import PairPredictor
from jepa_langchain.pairs import LabelledPair, for_evaluation, for_training, read_pairs
from jepa_langchain.predictor import RELATIONS, LinearPredictor, fit_map
from jepa_langchain.schema import Relation
from jepa_langchain.stages import Stages

SHARES = (0.25, 0.5, 0.75)
RANDOM = 4
FIT_PAIRS = 60
Mask = npt.NDArray[np.bool_]


class Words:
    """One pair, its words, and the margins of what is left of it."""

    def __init__(self, pair: LabelledPair) -> None:
        self.pair = pair
        self.a, self.b = words_of(pair.a)[:-1], words_of(pair.b)[:-1]
        self.count = len(self.a) + len(self.b)

    def left(self, kept: Mask) -> tuple[str, str]:
        """Both texts without the words that are not kept."""
        first = len(self.a)
        return leave_out(self.pair.a, self.a, kept[:first]), leave_out(self.pair.b, self.b, kept[first:])

    def margins(self, stages: Stages, kept: Mask) -> Doubles:
        """(n, count) masks to (n,) margins."""
        return margins(stages, [self.left(row) for row in kept])


def linear(stages: Stages, words: Words) -> Doubles:
    """Rows and columns of the exact map of the linear stage."""
    mapped = word_map(stages.linear, *(stages.encoder.token_context(t) for t in (words.pair.a, words.pair.b)))
    if mapped is None:
        raise ValueError("the encoder shows no tokens")
    return np.concatenate([mapped.weights.sum(1)[:-1], mapped.weights.sum(0)[:-1]])


def read_out(stages: Stages, words: Words) -> Doubles:
    """Exact shares of the pair stage."""
    read = pair_input(stages.encoder, *(stages.encoder.token_context(t) for t in (words.pair.a, words.pair.b)))
    if read is None or stages.pair is None:
        raise ValueError("the model has no pair stage")
    mapped = pair_map(stages.pair, read)
    return np.concatenate([mapped.shares_a[:-1], mapped.shares_b[:-1]])


def leave_one_out(stages: Stages, words: Words) -> Doubles:
    """What the margin loses without each word."""
    values = words.margins(stages, np.vstack([np.ones(words.count, dtype=bool), ~np.eye(words.count, dtype=bool)]))
    lost: Doubles = values[0] - values[1:]
    return lost


def removal(stages: Stages, words: Words, draws: int = DRAWS) -> Doubles:
    """What explanations show; see ``jepa_langchain.attribution.word_effects``."""
    halves = random_halves(words.count, draws, 0)
    return fit_effects(halves, words.margins(stages, halves))


def random_weights(stages: Stages, seed: int) -> Stages:
    """The same encoder under maps and a pair stage that were never trained."""
    if stages.pair is None:
        raise ValueError("the model has no pair stage")
    torch.manual_seed(seed)
    pair = PairPredictor(stages.pair.config)
    torch.nn.init.normal_(pair.readout.weight, std=0.05)
    maps = torch.randn(stages.linear.maps.shape, dtype=torch.float64)
    return replace(stages, linear=LinearPredictor(maps), pair=pair.eval())


def fitted(stages: Stages, pairs: Sequence[LabelledPair]) -> tuple[Stages, Stages]:
    """Maps fitted on some pairs, and on the same pairs with their labels shuffled."""
    labels = [pair.label for pair in pairs]
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = (stages.encoder.encode([getattr(pair, side) for pair in pairs]) for side in "ab")

    def maps(told: Sequence[Relation]) -> Stages:
        out = []
        for relation in RELATIONS:
            rows = [i for i, label in enumerate(told) if label is relation]
            parts = [(1.0, x.context[rows], y.embeddings[rows]), (1.0, y.context[rows], x.embeddings[rows])]
            out.append(fit_map(parts, dimension=x.embeddings.shape[1], context=x.context.shape[1]))
        return replace(stages, linear=LinearPredictor(torch.from_numpy(np.stack(out))))

    return maps(labels), maps([labels[i] for i in order])


def masks(order: npt.NDArray[np.int64]) -> Mask:
    """(6, count) what is kept: the words but the first share of an order, then nothing but that, for each share."""
    rank = order.argsort()
    gone = np.stack([rank < round(share * len(order)) for share in SHARES])
    return np.concatenate([~gone, gone])


def moved(stages: Stages, words: Words, attributions: dict[str, Doubles]) -> tuple[float, dict[str, Doubles]]:
    """The margin and (6,) how far it went, by attribution; "random" is the mean over random orders."""
    whole = float(words.margins(stages, np.ones((1, words.count), dtype=bool))[0])
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
        source, rng = read_pairs(path), np.random.default_rng(0)
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
    options = parser.parse_args()
    model = AlignmentModel.load()
    stages = model.stages
    pairs, fit = chosen(options.files, options.each)
    untrained = random_weights(stages, 0)
    true, false = fitted(stages, fit)
    rows = []
    order = np.random.default_rng(0).permutation(len(pairs))
    for pair in progress_bar([pairs[i] for i in order], "pairs", show=True):
        words = Words(pair)
        shares = {
            "removal (shown)": removal(stages, words),
            "leave-one-out": leave_one_out(stages, words),
            "linear": linear(stages, words),
            "read-out": read_out(stages, words),
            "removal, random weights": removal(untrained, words, DRAWS // 4),
            "linear, true labels": linear(true, words),
            "linear, random labels": linear(false, words),
        }
        rows.append(moved(stages, words, shares))
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
