"""How cost grows from 2 to hundreds of agents: every two are compared (:mod:`~.growth` has that of statements).

An agent says five things, of the same statements. Run from the repository's root:
``python -m benchmarks.growth_agents [--sizes 2 20 200] [--minutes 150]``. It writes ``benchmarks/growth_agents.md`` and
``benchmarks/growth_agents.svg`` after each size. A size that would take too long is left out, and its row says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.growth import Growth, asked_for, persona, ready
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.groups import compare_group

_SAID = 5


def many_agents(model: AlignmentModel, texts: Sequence[str], count: int) -> float:
    """Seconds of comparing every two of ``count`` agents."""
    agents = [persona(f"agent{i}", texts[_SAID * i : _SAID * (i + 1)]) for i in range(count)]
    start = time.perf_counter()
    compare_group(model, agents)
    return time.perf_counter() - start


def main() -> None:
    """Measure the shipped model; write the table and the plot."""
    asked = asked_for(__doc__, [2, 5, 20, 60, 200], 150)
    model, texts = ready()
    growth = Growth("growth_agents", "agents", ["agents", "pairs of agents", "seconds", "ms a pair"], asked.minutes)
    for count in asked.sizes:
        couples = count * (count - 1) // 2
        label, why = [f"{count:,}", f"{couples:,}"], growth.left_out(count)
        if why is not None:
            growth.add(count, label, [why], None)
            continue
        seconds = many_agents(model, texts, count)
        growth.add(count, label, [f"{seconds:.2f}", f"{1000 * seconds / couples:.1f}"], seconds)


if __name__ == "__main__":
    main()
