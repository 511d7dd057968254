"""What strangers will see: AUROC on a source that nothing was trained on, one source left out at a time.

Run from the repository's root, with the files the model was trained on:

    python -m benchmarks.leave_one_out PAIRS... --work FOLDER [--leave-out NAME...]

Each left-out source costs one small training (its budget stands in the table), so the numbers are what a fraction of
the shipped model's training reaches. Finished runs are kept in FOLDER. It writes ``benchmarks/leave_one_out.md``.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.bench import MADE, Bench, Budget
from benchmarks.tables import write_table
from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.pairs import read_pairs

LEFT_OUT = ("argkp", "explagraphs", "persona_evals", "perspectrum", "valueeval")
METHODS = ("cosine", "linear stage", "pair stage")
BUDGET = Budget(dev=400, samples=49_152)
logger = logging.getLogger(__name__)


def measure(bench: Bench, name: str) -> dict[str, dict[str, float]]:
    """Every method on one source's dev rows, fitted without that source.

    What was made by rule may be made of its statements, so that is left out too.
    """
    without = (name, *MADE)
    return {
        "cosine": bench.cosine(only=(name,)),
        "linear stage": bench.linear(without=without, only=(name,)),
        "pair stage": bench.joint(without=without, only=(name,)),
    }


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """AUROC of agree against disagree a left-out source, and the mean, as Markdown."""
    lines = [f"| left out | {' | '.join(METHODS)} |", "|---" * (1 + len(METHODS)) + "|"]
    for name, row in results.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[m]['agree']:.3f}" for m in METHODS) + " |")
    means = [np.mean([row[m]["agree"] for row in results.values()]) for m in METHODS]
    lines.append("| **mean** | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines)


def run(paths: Sequence[Path], work: Path, names: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Measure what is not yet in the work folder."""
    bench, results = None, {}
    for name in names:
        done = work / f"without-{name}.json"
        if not done.is_file():
            bench = bench or Bench([read_pairs(path) for path in paths], work, budget=BUDGET)
            done.write_text(json.dumps(measure(bench, name)), encoding="utf-8")
        results[name] = json.loads(done.read_text(encoding="utf-8"))
        logger.info("without %s: %s", name, results[name])
    return results


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="pairs files, as for train")
    parser.add_argument("--work", type=Path, required=True, help="folder of encoded states and finished runs")
    parser.add_argument("--leave-out", nargs="+", default=list(LEFT_OUT), help="names of sources")
    asked = parser.parse_args()
    quiet_libraries()
    log_to_stderr()
    asked.work.mkdir(parents=True, exist_ok=True)
    results = run(asked.pairs, asked.work, asked.leave_out)
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.leave_one_out PAIRS... --work FOLDER`."
    what = "AUROC of agree against disagree on the dev rows of a source that was left out of training."
    budget = (
        f"Budget: {BUDGET.pairs:,} training pairs a source, {BUDGET.samples:,} samples, {BUDGET.dev} dev rows a label."
    )
    text = f"# Leave one source out\n\n{head} {what}\n{budget}\n\n{table(results)}\n"
    write_table("leave_one_out.md", text)


if __name__ == "__main__":
    main()
