"""What strangers will see: AUROC on a source that nothing was trained on.

Run from the repository's root, with the files the model was trained on:

    python -m benchmarks.leave_one_out PAIRS... --work FOLDER

Each fold of left-out sources costs one small training (its budget stands in the table), so the numbers are what a
fraction of the shipped model's training reaches. Finished runs are kept in FOLDER. It writes
``benchmarks/leave_one_out.md``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.bench import Bench, Budget, asked_for
from benchmarks.tables import write_table
from jepa_langchain.pairs import read_pairs

#: Left out together, so that one training serves several sources: each is measured by a model that saw none of them.
FOLDS = (("argkp", "explagraphs"), ("persona_evals", "perspectrum", "valueeval"))
METHODS = ("cosine", "linear stage", "pair stage")
BUDGET = Budget(pairs=5_000, dev=400, samples=122_880)
Results = dict[str, dict[str, dict[str, float]]]
logger = logging.getLogger("jepa_langchain.benchmarks")


def measure(bench: Bench, fold: Sequence[str]) -> Results:
    """Every method on the dev rows of each source of a fold, fitted without the whole fold: source, method, AUROCs."""
    apart = bench.without(*fold)
    pair = apart.trained(log=lambda row: logger.info("without %s: %s", ", ".join(fold), row))
    return {
        name: {
            "cosine": apart.cosine(only=(name,)),
            "linear stage": apart.linear(only=(name,)),
            "pair stage": apart.measure_joint(pair, only=(name,)),
        }
        for name in fold
    }


def table(results: Results) -> str:
    """AUROC of agree against disagree a left-out source, and the mean, as Markdown."""
    lines = [f"| left out | {' | '.join(METHODS)} |", "|---" * (1 + len(METHODS)) + "|"]
    for name, row in results.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[m]['agree']:.3f}" for m in METHODS) + " |")
    means = [np.mean([row[m]["agree"] for row in results.values()]) for m in METHODS]
    lines.append("| **mean** | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines)


def run(paths: Sequence[Path], work: Path, budget: Budget) -> Results:
    """Measure what is not yet in the work folder."""
    bench: Bench | None = None
    results: Results = {}
    for fold in FOLDS:
        done = work / f"without-{'-'.join(fold)}.json"
        if not done.is_file():
            bench = bench or Bench([read_pairs(path) for path in paths], work, budget=budget, folds=FOLDS)
            done.write_text(json.dumps(measure(bench, fold)), encoding="utf-8")
        results |= json.loads(done.read_text(encoding="utf-8"))
        logger.info("without %s: %s", ", ".join(fold), {name: results[name] for name in fold})
    return results


def main() -> None:
    """Run what is missing and write the table."""
    asked, budget = asked_for(str(__doc__), BUDGET)
    results = run(asked.pairs, asked.work, budget)
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.leave_one_out PAIRS... --work FOLDER`."
    what = (
        "AUROC of agree against disagree on the dev rows of a source that was left out of training, together with the "
        f"others of its fold ({'; '.join(', '.join(fold) for fold in FOLDS)})."
    )
    text = f"# Leave one source out\n\n{head} {what}\n{budget.said}\n\n{table(results)}\n"
    write_table("leave_one_out.md", text)


if __name__ == "__main__":
    main()
