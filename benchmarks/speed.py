"""How fast two personas are compared, against a cross-encoder of the same backbone on all pairs, in one run.

* ``cross-encoder``: all layers of the encoder over each of the pairs' joined texts, in the same precision. Its weights
  do not matter for its speed, so the encoder's own are used.
* ``linear stage``: encoding and the relation maps on every pair; ``maps``: the relation maps alone, statements encoded.
* ``two stages``: encoding, the maps on every pair, the pair stage on what they keep; ``all pairs``: on every pair.
* rows found: share of the agreements and disagreements of ``all pairs`` that ``two stages`` finds too.

``cross-encoder`` and ``all pairs`` run once, the others three times, and their fastest run counts.

The statements are those of ``data/opinions.jsonl``. Run from the repository's root: ``python -m benchmarks.speed
[--statements 100]``. It writes ``benchmarks/speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import quiet_libraries
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.ledger import Ledger, build_ledger
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.stages import Stages

HERE = Path(__file__).parent
OPINIONS = HERE.parent / "data" / "opinions.jsonl"
_BATCH = 64
_REPEATS = 3
_EVERYTHING = 1 << 62
T = TypeVar("T")


def personas(size: int) -> tuple[Persona, Persona]:
    """Two personas of ``size`` distinct opinions: statements of the data set, and what others said to them."""
    rows = [json.loads(line) for line in OPINIONS.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["label"] != "unrelated" and not row["kind"].endswith(("clause", "premise"))]
    chosen = np.random.default_rng(5).permutation(len(rows))
    sides: tuple[dict[str, None], dict[str, None]] = {}, {}
    for i in chosen:
        for side, key in zip(sides, ("a", "b"), strict=True):
            if len(side) < size:
                side[rows[i][key]] = None
    a, b = (
        Persona(id=name, statements=tuple(Statement(id=f"{name}{i}", text=t) for i, t in enumerate(side, 1)))
        for name, side in zip("AB", sides, strict=True)
    )
    return a, b


def timed(work: Callable[[], T], repeats: int = _REPEATS) -> tuple[float, T]:
    """(seconds of the fastest of some runs, the result)."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def cross_encode(encoder: TransformerEncoder, a: Persona, b: Persona) -> int:
    """Every pair through every layer, longest texts together; returns the number of pairs."""
    pairs = [(x.text, y.text) for x in a.statements for y in b.statements]
    pairs.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
    tokenizer: Any = encoder.model.tokenizer
    network: Any = encoder.model[0]
    network = network.auto_model
    with torch.inference_mode():
        for start in range(0, len(pairs), _BATCH):
            batch = tokenizer(pairs[start : start + _BATCH], padding=True, truncation=True, return_tensors="pt")
            network(**batch.to(network.device))
    return len(pairs)


def encoded(stages: Stages, a: Persona, b: Persona) -> list[torch.Tensor]:
    """Context states and embeddings of both personas' whole statements."""
    sides = [stages.encoder.encode([s.text for s in p.statements]) for p in (a, b)]
    return [torch.from_numpy(array) for side in sides for array in (side.context, side.embeddings)]


def linear_only(stages: Stages, arrays: list[torch.Tensor]) -> float:
    """The maps on every pair; the lowest energy, so that nothing is left undone."""
    return float(stages.linear.energies(*arrays).min())


def rows_of(ledger: Ledger) -> set[tuple[tuple[str, str], str]]:
    """What a ledger finds: statement pairs with their relation."""
    return {(f.statements, f.relation.value) for f in (*ledger.agreements, *ledger.disagreements)}


def measure(model: AlignmentModel, size: int) -> str:
    """One size as a Markdown row."""
    stages = model.stages
    if not isinstance(stages.encoder, TransformerEncoder):
        raise TypeError("the benchmark compares with a cross-encoder of the model's own transformer")
    encoder, (a, b) = stages.encoder, personas(size)
    arrays = encoded(stages, a, b)
    linear, _ = timed(lambda: linear_only(stages, encoded(stages, a, b)))
    maps, _ = timed(lambda: linear_only(stages, arrays))
    two, ledger = timed(lambda: build_ledger(stages, a, b))
    every, whole = timed(lambda: build_ledger(stages, a, b, budget=_EVERYTHING), 1)
    cross, pairs = timed(lambda: cross_encode(encoder, a, b), 1)
    found, wanted = rows_of(ledger), rows_of(whole)
    cells = [
        f"{size} x {size}",
        f"{pairs:,}",
        *(f"{1000 * seconds:,.0f}" for seconds in (cross, every, two, linear)),
        f"{1000 * maps:.1f}",
        f"{cross / two:.1f}",
        f"{cross / linear:.0f}",
        f"{cross / maps:,.0f}",
        f"{len(found & wanted)} of {len(wanted)} ({len(found - wanted)} others)",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, nargs="+", default=[10, 30, 100], help="statements a persona")
    asked = parser.parse_args()
    quiet_libraries()
    model = AlignmentModel.load()
    columns = (
        "statements",
        "pairs",
        "cross-encoder, ms",
        "all pairs, ms",
        "two stages, ms",
        "linear stage, ms",
        "maps, ms",
        "two stages faster x",
        "linear stage faster x",
        "maps faster x",
        "rows found",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [measure(model, size) for size in asked.statements]
    machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, float32"
    memory = f"Peak memory of the whole run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB."
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.speed`, {machine}. {memory}"
    text = f"# Speed\n\n{head}\nWhat the columns mean: `benchmarks/speed.py`.\n\n" + "\n".join(lines) + "\n"
    write_table("speed.md", text)


if __name__ == "__main__":
    main()
