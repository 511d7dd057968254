"""How well relations are told apart: this model beside its peers, on the same dev splits, with bootstrap intervals.

Run from the repository's root, with the files the model was trained on:

    python -m benchmarks.quality PAIRS...

If the environment variable ``CROSS_ENCODER`` names an NLI cross-encoder (a hub name or a folder), it is measured too.
Peers are fitted on the same training splits, the network on up to 60,000 pairs, y alone on up to 2,000 a file. An
interval is the middle 95 % of the mean over files when the pairs of each file are drawn again with replacement. Some
dev topics of one source are among those that another is trained on: a second table leaves their pairs out. It writes
``benchmarks/quality.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.peers import Peer, chosen_cross_encoder, hypothesis_only, linear_stage
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import quiet_libraries
from jepa_langchain.evaluation import predict
from jepa_langchain.metrics import Metrics, Predictions, average, measure
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import PairSource, for_evaluation, known_topics, read_pairs

SHOWN = ("auroc_agree_vs_disagree", "auroc_related", "macro_f1", "ece", "coverage", "accuracy_at_coverage")
NAMES = {
    "cosine": "cosine",
    "hypothesis": "y alone (hypothesis-only)",
    "pair_features": "pair-feature MLP",
    "linear": "linear stage",
    "model": "**two stages**",
}
Labels = npt.NDArray[np.int64]


def predictions_of(model: ModelFiles, peers: dict[str, Peer], source: PairSource) -> dict[str, Predictions]:
    """What every method says of a file's dev pairs, in the table's order."""
    found = predict(model, source) | {name: peer(source.pairs) for name, peer in peers.items()}
    return {name: found[name] for name in (*NAMES, *found) if name in found}


def interval(
    files: Sequence[tuple[Predictions, Labels]], *, draws: int, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 2.5th and 97.5th percentile of each metric's mean over files, over ``draws`` resamples of every file."""
    rng = np.random.default_rng([seed, 53])
    means: list[Metrics] = []
    for _ in range(draws):
        rows = [rng.integers(len(labels), size=len(labels)) for _, labels in files]
        means.append(average(measure(p.at(r), labels[r]) for (p, labels), r in zip(files, rows, strict=True)))
    out = {}
    for name in SHOWN:
        values = [mean[name] for mean in means if mean[name] is not None]
        if values:
            low, high = np.percentile(np.array(values, dtype=float), [2.5, 97.5])
            out[name] = (float(low), float(high))
    return out


def tables(model: ModelFiles, sources: Sequence[PairSource], peers: dict[str, Peer], *, draws: int) -> str:
    """All methods as Markdown: mean over files, and the interval; on all dev pairs, and on those of new topics."""
    files = [chosen for s in sources if (chosen := for_evaluation(s, "dev")).pairs]
    labels = [np.array([LABELS.index(p.label) for p in s.pairs], dtype=np.int64) for s in files]
    results = [predictions_of(model, peers, s) for s in files]
    known = known_topics(sources)
    new = [np.flatnonzero([p.group not in known for p in s.pairs]) for s in files]
    count = sum(map(len, new))
    return "\n".join(
        [
            table(results, labels, draws=draws),
            f"\nOn the {count:,} of {sum(map(len, labels)):,} pairs whose topic no source is trained on:\n",
            table(
                [{name: p.at(rows) for name, p in result.items()} for result, rows in zip(results, new, strict=True)],
                [label[rows] for label, rows in zip(labels, new, strict=True)],
                draws=draws,
            ),
        ]
    )


def table(results: Sequence[dict[str, Predictions]], labels: Sequence[Labels], *, draws: int) -> str:
    """What all methods say of each file, and the labels, as Markdown."""
    lines = [f"| method | {' | '.join(name.replace('_', ' ') for name in SHOWN)} |", "|---" * (1 + len(SHOWN)) + "|"]
    for name in results[0]:
        own = [(result[name], label) for result, label in zip(results, labels, strict=True)]
        mean = average(measure(p, label) for p, label in own)
        spread = interval(own, draws=draws)
        cells = [
            "" if (value := mean[m]) is None else f"{value:.3f} ({spread[m][0]:.3f} to {spread[m][1]:.3f})"
            for m in SHOWN
        ]
        lines.append(f"| {NAMES.get(name, name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="pairs files with a dev split")
    parser.add_argument("--draws", type=int, default=200, help="bootstrap resamples")
    asked = parser.parse_args()
    quiet_libraries()
    model = AlignmentModel.load().files
    sources = [read_pairs(path) for path in asked.pairs]
    encoder = model.stages.encoder
    peers = {"hypothesis": hypothesis_only(encoder, sources), "linear": linear_stage(model), **chosen_cross_encoder()}
    head = (
        f"{datetime.now(UTC).date()}, `python -m benchmarks.quality PAIRS...`, {len(sources)} files, means over files"
    )
    body = tables(model, sources, peers, draws=asked.draws)
    note = f"95 % bootstrap intervals of {asked.draws} draws; what the columns mean: `jepa_langchain/metrics.py`."
    write_table("quality.md", f"# Quality\n\n{head}, {note}\n\n{body}\n")


if __name__ == "__main__":
    main()
