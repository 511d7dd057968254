"""How cost grows: from 10 to thousands of statements a persona, and from 2 to hundreds of agents.

A persona's row splits the time into encoding, which grows with the statements, and everything after it (the maps on all
pairs, the pair stage on what they keep, the ledger). An agent says five things. The statements are those of
``data/opinions.jsonl`` and ``data/stances.jsonl.gz``. Run from the repository's root: ``python -m benchmarks.growth
[--statements 10 100 1000] [--agents 2 20 200]``. It writes ``benchmarks/growth.md`` and ``benchmarks/growth.svg``.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.tables import picture, write_table
from jepa_langchain.alignment import AlignmentModel
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
    texts = sorted({text for source in sources for pair in source.pairs for text in (pair.a, pair.b)})
    return [texts[i] for i in np.random.default_rng(7).permutation(len(texts))]


def persona(name: str, texts: Sequence[str]) -> Persona:
    """A persona that said these texts."""
    return Persona(id=name, statements=tuple(Statement(id=f"{name}-{i}", text=t) for i, t in enumerate(texts, 1)))


def two_personas(stages: Stages, texts: Sequence[str], size: int) -> tuple[float, float]:
    """(seconds of encoding, seconds of everything after it) of one comparison of ``size`` x ``size`` statements."""
    a, b = persona("a", texts[:size]), persona("b", texts[size : 2 * size])
    encoder = CachingEncoder(stages.encoder, most_bytes=_UNBOUNDED)
    known = replace(stages, encoder=encoder)
    start = time.perf_counter()
    build_ledger(known, a, b)
    both = time.perf_counter() - start
    start = time.perf_counter()
    build_ledger(known, a, b)
    after = time.perf_counter() - start
    return max(both - after, 0.0), after


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


def main() -> None:
    """Measure the shipped model; write the tables and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, nargs="+", default=[10, 30, 100, 300, 1_000])
    parser.add_argument("--agents", type=int, nargs="+", default=[2, 5, 20, 60, 200])
    asked = parser.parse_args()
    quiet_libraries()
    model, texts = AlignmentModel.load(), statements()
    model.relate(texts[0], texts[1])
    lines = ["| statements | pairs | encoding, s | all after it, s | ms a statement |", "|---" * 5 + "|"]
    persona_rows = []
    for size in asked.statements:
        encoding, after = two_personas(model.stages, texts, size)
        persona_rows.append((size, encoding + after))
        each = 1000 * (encoding + after) / (2 * size)
        lines.append(f"| {size:,} x {size:,} | {size * size:,} | {encoding:.2f} | {after:.2f} | {each:.1f} |")
    lines += ["", "| agents | pairs of agents | seconds | ms a pair |", "|---" * 4 + "|"]
    agent_rows = []
    for count in asked.agents:
        seconds = many_agents(model, texts, count)
        couples = count * (count - 1) // 2
        agent_rows.append((count, seconds))
        lines.append(f"| {count:,} | {couples:,} | {seconds:.2f} | {1000 * seconds / couples:.1f} |")
    _plot(persona_rows, agent_rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.growth`, {machine}, peak memory {peak:,.0f} MiB."
    table = "\n".join(lines)
    text = f"# How cost grows\n\n{head}\n\n{table}\n\n![Seconds against statements and agents](growth.svg)\n"
    write_table("growth.md", text)


if __name__ == "__main__":
    main()
