"""How cost grows: from 10 to thousands of statements a persona, and from 2 to hundreds of agents.

A persona's row splits the time into encoding, which grows with the statements, and everything after it (the maps on all
pairs, the pair stage on what they keep, the ledger). An agent says five things. The statements are those of
``data/opinions.jsonl``, ``data/stances.jsonl.gz`` and ``data/tellings.jsonl.gz``. Run from the repository's root:
``python -m benchmarks.growth [--statements 10 100 1000] [--agents 2 20 200] [--minutes 25]``. It writes
``benchmarks/growth.md`` and ``benchmarks/growth.svg`` after each size. A size that would take too long is left out, and
its row says so.
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
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch

from benchmarks.narrative_support import tellings
from benchmarks.tables import picture, write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.clauses import units_of
from jepa_langchain.console import quiet_libraries
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.groups import compare_group
from jepa_langchain.ledger import build_ledger
from jepa_langchain.pairs import read_pairs
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.stages import Stages

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
_SAID = 5
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


def many_agents(model: AlignmentModel, texts: Sequence[str], count: int) -> float:
    """Seconds of comparing every two of ``count`` agents."""
    agents = [persona(f"agent{i}", texts[_SAID * i : _SAID * (i + 1)]) for i in range(count)]
    start = time.perf_counter()
    compare_group(model, agents)
    return time.perf_counter() - start


def _plot(persona_rows: Sequence[tuple[int, float]], agent_rows: Sequence[tuple[int, float]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "jepa_langchain"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, rows, label in zip(axes, (persona_rows, agent_rows), ("statements a persona", "agents"), strict=True):
        axis.loglog(*zip(*rows, strict=True), marker="o", color="#00696f")
        axis.set_xlabel(label)
        axis.set_ylabel("seconds")
        axis.grid(visible=True, which="both", alpha=0.3)
    figure.savefig(picture("growth.svg"), metadata={"Date": None})


class Growth:
    """The sizes that are done; the page is written again after each, so that a run that stops keeps them.

    Args:
        command: what was asked for, as the page shows it.
        minutes: a size that would end later than this after the start is left out, and its row says so.
    """

    def __init__(self, command: str, minutes: float) -> None:
        self.command, self.minutes, self.start = command, minutes, time.monotonic()
        self.personas: list[tuple[int, float]] = []
        self.agents: list[tuple[int, float]] = []
        self.persona_lines: list[str] = []
        self.agent_lines: list[str] = []

    def left_out(self, done: Sequence[tuple[int, float]], size: int) -> str | None:
        """Why a size is not tried: the time it would take if cost went on growing as from the last size but one."""
        if not done:
            return None
        last, seconds = done[-1]
        power = 2.0
        if len(done) > 1:
            before, took = done[-2]
            power = min(2.0, max(1.0, np.log(seconds / took) / np.log(last / before)))
        expected = seconds * (size / last) ** power
        spent = time.monotonic() - self.start
        return f"left out: up to {expected / 60:,.0f} minutes" if spent + expected > 60 * self.minutes else None

    def add_personas(self, stages: Stages, texts: Sequence[str], size: int) -> None:
        """Measure one size of two personas."""
        why = self.left_out(self.personas, size)
        if 2 * size > len(texts):
            why = f"left out: there are {len(texts):,} statements"
        cells = [why or "", "", "", ""]
        if why is None:
            encoding, after = two_personas(stages, texts, size)
            self.personas.append((size, encoding + after))
            each = 1000 * (encoding + after) / (2 * size)
            cells = [f"{encoding:.2f}", f"{after:.2f}", f"{each:.1f}", f"{_peak():,.0f}"]
        self.persona_lines.append(f"| {size:,} x {size:,} | {size * size:,} | {' | '.join(cells)} |")
        self.write(self.persona_lines[-1])

    def add_agents(self, model: AlignmentModel, texts: Sequence[str], count: int) -> None:
        """Measure one number of agents."""
        couples = count * (count - 1) // 2
        why = self.left_out(self.agents, count)
        cells = [why or "", ""]
        if why is None:
            seconds = many_agents(model, texts, count)
            self.agents.append((count, seconds))
            cells = [f"{seconds:.2f}", f"{1000 * seconds / couples:.1f}"]
        self.agent_lines.append(f"| {count:,} | {couples:,} | {' | '.join(cells)} |")
        self.write(self.agent_lines[-1])

    def write(self, newest: str) -> None:
        """Write the page and the plot of what is done, and the newest row to stderr."""
        sys.stderr.write(f"{newest}\n")
        persona_head = "| statements | pairs | encoding, s | all after it, s | ms a statement | peak MiB |"
        lines = [persona_head, "|---" * 6 + "|", *self.persona_lines]
        lines += ["", "| agents | pairs of agents | seconds | ms a pair |", "|---" * 4 + "|", *self.agent_lines]
        machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
        head = f"{datetime.now(UTC).date()}, `{self.command}`, {machine}, peak memory {_peak():,.0f} MiB."
        plotted = "![Seconds against statements and agents](growth.svg)"
        if self.personas and self.agents:
            _plot(self.personas, self.agents)
        write_table("growth.md", "\n".join([f"# How cost grows\n\n{head}\n", *lines, f"\n{plotted}\n"]))


def _peak() -> float:
    """MiB of memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure the shipped model; write the tables and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, nargs="+", default=[10, 30, 100, 300, 1_000, 3_000, 10_000])
    parser.add_argument("--agents", type=int, nargs="+", default=[2, 5, 20, 60, 200])
    parser.add_argument("--minutes", type=float, default=25, help="what would end later is left out")
    asked = parser.parse_args()
    quiet_libraries()
    model, texts = AlignmentModel.load(), statements()
    model.relate(texts[0], texts[1])
    growth = Growth(" ".join(["python -m benchmarks.growth", *sys.argv[1:]]), asked.minutes)
    # By size in turn, so that neither question uses up the time of the other.
    for size, count in zip_longest(sorted(asked.statements), sorted(asked.agents)):
        if size is not None:
            growth.add_personas(model.stages, texts, size)
        if count is not None:
            growth.add_agents(model, texts, count)


if __name__ == "__main__":
    main()
