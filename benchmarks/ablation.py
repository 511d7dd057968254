"""What each part of the model is worth: the same data and the same budget, one thing changed at a time, three seeds.

Run from the repository's root, with the files the model was trained on:

    python -m benchmarks.ablation PAIRS... --work FOLDER

The budget is a small part of the shipped model's training, so the table says what helps early; three seeds of each
variant take some four hours of one core. Finished runs are kept in FOLDER and not repeated; seconds are those of the
processor. It writes ``benchmarks/ablation.md``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.bench import Bench, Budget, Result, asked_for
from benchmarks.tables import write_table
from benchmarks.variants import TokenHead, TokensOnly, TwoWay, WholesOnly
from jepa_langchain.pairs import PairSource, read_pairs

SEEDS = (0, 1, 2)
OWN = ("opinions", "polar", "stances")
EARLY = (
    "Joint variants go on learning for thirty times as long, so they are compared with one another here; beside the "
    "linear maps and pair features, `quality.md` has the shipped one after its whole training."
)
logger = logging.getLogger("jepa_langchain.benchmarks")

VARIANTS: dict[str, tuple[int | None, Callable[[Bench], Result]]] = {
    "cosine": (None, Bench.cosine),
    "linear maps, embedding only": (None, lambda b: b.linear(depths=False)),
    "linear maps, four depths (shipped)": (None, lambda b: b.linear(depths=True)),
    "linear maps, four depths, 100 x the ridge": (None, lambda b: b.linear(depths=True, ridge=0.1)),
    "pair features of the embedding": (None, lambda b: b.features(depths=False)),
    "pair features of four depths": (None, lambda b: b.features(depths=True)),
    "light token head": (None, lambda b: b.joint(TokenHead)),
    "pair stage (shipped)": (None, Bench.joint),
    "pair stage, means compared only": (None, lambda b: b.joint(WholesOnly)),
    "pair stage, tokens read out only": (None, lambda b: b.joint(TokensOnly)),
    "pair stage from random layers": (None, lambda b: b.joint(fresh=True)),
    "pair stage without the unrelated term": (None, lambda b: b.joint(TwoWay)),
    "pair stage without the project's own data": (None, lambda b: b.without(*OWN).joint()),
    "pair stage without made concessions": (None, lambda b: b.without("composed_concessions").joint()),
    "pair stage without made negations": (None, lambda b: b.without("negations").joint()),
    "all six layers jointly (cross-encoder)": (0, Bench.joint),
}


def run(sources: Sequence[PairSource], work: Path, seeds: Sequence[int], budget: Budget) -> None:
    """Run what is missing, one JSON file a seed and variant."""
    benches: dict[int | None, Bench] = {}
    for seed in seeds:
        for name, (cut, measure) in VARIANTS.items():
            path = work / f"{seed}-{name}.json"
            if path.is_file():
                continue
            benches[cut] = benches.get(cut) or Bench(sources, work, budget=budget, cut=cut, folds=[OWN])
            start = time.process_time()
            result = measure(benches[cut].at(seed)) | {"seconds": time.process_time() - start}
            path.write_text(json.dumps(result), encoding="utf-8")
            logger.info("seed %d, %s: %s", seed, name, result)


def table(work: Path, seeds: Sequence[int]) -> str:
    """Mean and spread (lowest to highest) over the seeds that are finished, as Markdown."""
    lines = ["| variant | seeds | agree against disagree | related against unrelated | seconds |", "|---" * 5 + "|"]
    for name in VARIANTS:
        rows = [json.loads(p.read_text()) for seed in seeds if (p := work / f"{seed}-{name}.json").is_file()]
        if rows:
            cells = [_spread([r[key] for r in rows]) for key in ("agree", "related")]
            lines.append(
                f"| {name} | {len(rows)} | {' | '.join(cells)} | {np.mean([r['seconds'] for r in rows]):.0f} |"
            )
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def main() -> None:
    """Run what is missing and write the table."""
    asked, budget = asked_for(str(__doc__), Budget(samples=10_240), seeds=SEEDS)
    run([read_pairs(path) for path in asked.pairs], asked.work, asked.seeds, budget)
    head = (
        f"{datetime.now(UTC).date()}, `python -m benchmarks.ablation PAIRS... --work FOLDER`, AUROC, a mean over files."
    )
    text = f"# Ablation\n\n{head}\n{budget.said} {EARLY}\n\n{table(asked.work, asked.seeds)}\n"
    write_table("ablation.md", text)


if __name__ == "__main__":
    main()
