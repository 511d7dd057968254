"""How cost grows from 10 to thousands of statements a persona (:mod:`~.growth_agents` has that of agents).

A row splits the time into encoding, which grows with the statements, and everything after it (the maps on all pairs,
the pair stage on what they keep, the ledger). The statements are those of ``data/opinions.jsonl``,
``data/stances.jsonl.gz`` and ``data/tellings.jsonl.gz``. Run from the repository's root:
``python -m benchmarks.growth [--sizes 10 100 1000] [--minutes 25]``. It writes ``benchmarks/growth.md`` and
``benchmarks/growth.svg`` after each size. A size that would take too long is left out, and its row says so.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.narrative_support import tellings
from benchmarks.tables import picture, write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.clauses import units_of
from jepa_langchain.console import quiet_libraries
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.ledger import build_ledger
from jepa_langchain.pairs import read_pairs
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.stages import Stages

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
_UNBOUNDED = 1 << 40


def statements() -> list[str]:
    """Distinct statements in a fixed random order."""
    sources = [read_pairs(DATA / name) for name in ("opinions.jsonl", "stances.jsonl.gz")]
    said = {text for source in sources for pair in source.pairs for text in (pair.a, pair.b)}
    texts = sorted(said | {row[side] for row in tellings() for side in "ab"})
    return [texts[i] for i in np.random.default_rng(7).permutation(len(texts))]


def persona(name: str, texts: Sequence[str]) -> Persona:
    """A persona that said these texts."""
    return Persona(id=name, statements=tuple(Statement(id=f"{name}-{i}", text=t) for i, t in enumerate(texts, 1)))


def two_personas(stages: Stages, texts: Sequence[str], size: int) -> tuple[float, float]:
    """(seconds of encoding, seconds of everything after it) of one comparison of ``size`` x ``size`` statements."""
    a, b = persona("a", texts[:size]), persona("b", texts[size : 2 * size])
    encoder = CachingEncoder(stages.encoder, most_bytes=_UNBOUNDED)
    start = time.perf_counter()
    encoder.encode(sorted({unit.text for said in (*a.statements, *b.statements) for unit in units_of(said)}))
    encoded = time.perf_counter()
    build_ledger(replace(stages, encoder=encoder), a, b)
    return encoded - start, time.perf_counter() - encoded


class Growth:
    """The sizes that are done; the page and its plot are written again after each, so that a run that stops keeps them.

    Args:
        name: the module's, and so the page's.
        what: what grows.
        columns: the table's.
        minutes: a size that would end later than this after the start is left out, and its row says so.
    """

    def __init__(self, name: str, what: str, columns: Sequence[str], minutes: float) -> None:
        self.name, self.what, self.columns, self.minutes = name, what, columns, minutes
        self.start = time.monotonic()
        self.done: list[tuple[int, float]] = []
        self.rows: list[str] = []

    def left_out(self, size: int) -> str | None:
        """Why a size is not tried: the time it would take if cost went on growing as from the last size but one."""
        if not self.done:
            return None
        last, seconds = self.done[-1]
        power = 2.0
        if len(self.done) > 1:
            before, took = self.done[-2]
            power = min(2.0, max(1.0, np.log(seconds / took) / np.log(last / before)))
        expected = seconds * (size / last) ** power
        spent = time.monotonic() - self.start
        return f"left out: up to {expected / 60:,.0f} minutes" if spent + expected > 60 * self.minutes else None

    def add(self, size: int, label: Sequence[str], cells: Sequence[str], seconds: float | None) -> None:
        """Add a row; ``seconds`` are None where the size was left out, and the first cell then says why."""
        if seconds is not None:
            self.done.append((size, seconds))
        self.rows.append(f"| {' | '.join((*label, *cells, *[''] * (len(self.columns) - len(label) - len(cells))))} |")
        sys.stderr.write(f"{self.rows[-1]}\n")
        command = " ".join([f"python -m benchmarks.{self.name}", *sys.argv[1:]])
        machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
        head = f"{datetime.now(UTC).date()}, `{command}`, {machine}, peak memory {peak():,.0f} MiB."
        table = [f"| {' | '.join(self.columns)} |", "|---" * len(self.columns) + "|", *self.rows]
        plotted = f"![Seconds against {self.what}]({self.name}.svg)"
        if self.done:
            self.plot()
        page = [f"# How cost grows with {self.what}", "", head, "", *table, "", plotted, ""]
        write_table(f"{self.name}.md", "\n".join(page))

    def plot(self) -> None:
        """Seconds against size, both axes logarithmic."""
        import matplotlib as mpl

        mpl.use("svg")
        mpl.rcParams["svg.hashsalt"] = "jepa_langchain"
        from matplotlib import pyplot as plt

        figure, axis = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
        axis.loglog(*zip(*self.done, strict=True), marker="o", color="#00696f")
        axis.set_xlabel(self.what)
        axis.set_ylabel("seconds")
        axis.grid(visible=True, which="both", alpha=0.3)
        figure.savefig(picture(f"{self.name}.svg"), metadata={"Date": None})
        plt.close(figure)


def peak() -> float:
    """MiB of memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def asked_for(description: str | None, sizes: Sequence[int], minutes: float) -> argparse.Namespace:
    """The command line of either question: its sizes, in ascending order, and its minutes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(sizes))
    parser.add_argument("--minutes", type=float, default=minutes, help="what would end later is left out")
    asked = parser.parse_args()
    asked.sizes.sort()
    return asked


def ready() -> tuple[AlignmentModel, list[str]]:
    """The shipped model, warm, and the statements."""
    quiet_libraries()
    model, texts = AlignmentModel.load(), statements()
    model.relate(texts[0], texts[1])
    return model, texts


def main() -> None:
    """Measure the shipped model; write the table and the plot."""
    asked = asked_for(__doc__, [10, 30, 100, 300, 1_000, 3_000, 10_000], 50)
    model, texts = ready()
    columns = ["statements", "pairs", "encoding, s", "all after it, s", "ms a statement", "peak MiB"]
    growth = Growth("growth", "statements a persona", columns, asked.minutes)
    for size in asked.sizes:
        label, why = [f"{size:,} x {size:,}", f"{size * size:,}"], growth.left_out(size)
        if 2 * size > len(texts):
            why = f"left out: there are {len(texts):,} statements"
        if why is not None:
            growth.add(size, label, [why], None)
            continue
        encoding, after = two_personas(model.stages, texts, size)
        each = 1000 * (encoding + after) / (2 * size)
        cells = [f"{encoding:.2f}", f"{after:.2f}", f"{each:.1f}", f"{peak():,.0f}"]
        growth.add(size, label, cells, encoding + after)


if __name__ == "__main__":
    main()
