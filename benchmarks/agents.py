"""What a tool call costs an agent: check_alignment against a peer of 50 statements, and what of it is encoding.

* first: the first check of a process; the index has the states of every statement, the pairs are read.
* again: the same question again.
* after a new statement: the caller records one statement of its own, and asks again.

Statements encoded counts texts that the encoder read; clauses of concessions are texts of their own. Run from the
repository's root: ``python -m benchmarks.agents [--statements 50]``. It writes ``benchmarks/agents.md``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import torch

from benchmarks.growth import persona, statements
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.console import quiet_libraries
from jepa_langchain.encoder import Encoded, Encoder, TokenContext
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.toolkit import AlignmentToolkit

_NEW = "Public libraries should open on Sundays because people who work have no other day."


class TimedEncoder:
    """An encoder that counts the texts it reads and the seconds that it takes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.identity = encoder, encoder.identity
        self.texts, self.seconds = 0, 0.0

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        """As the wrapped encoder's."""
        start = time.perf_counter()
        found = self.encoder.encode(texts, progress=progress)
        self.seconds += time.perf_counter() - start
        self.texts += len(set(texts))
        return found

    def token_context(self, text: str) -> TokenContext | None:
        """As the wrapped encoder's."""
        start = time.perf_counter()
        found = self.encoder.token_context(text)
        self.seconds += time.perf_counter() - start
        self.texts += 1
        return found


def row(name: str, encoder: TimedEncoder, work: Callable[[], object]) -> str:
    """One call as a Markdown row: milliseconds, share of encoding, statements encoded."""
    encoder.texts, encoder.seconds = 0, 0.0
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return f"| {name} | {1000 * seconds:,.1f} | {encoder.seconds / seconds:.0%} | {encoder.texts} |"


def main() -> None:
    """Measure the shipped model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=50, help="statements of the caller and of the peer")
    asked = parser.parse_args()
    quiet_libraries()
    model, texts = AlignmentModel.load(), statements()
    encoder = TimedEncoder(model.stages.encoder)
    model = AlignmentModel(replace(model.files, stages=replace(model.stages, encoder=encoder)))
    index = JointIndex.open(model=model)
    size = asked.statements
    index.add_persona(persona("me", texts[:size]))
    index.add_persona(persona("peer", texts[size : 2 * size]))
    tools = {tool.name: tool for tool in AlignmentToolkit(index=index, caller=Caller("me")).get_tools()}

    def check() -> object:
        return tools["check_alignment"].invoke({"peer": "peer"})

    lines = ["| call | ms | of it encoding | statements encoded |", "|---" * 4 + "|", row("first", encoder, check)]
    lines.append(row("again", encoder, check))
    record = row("record_statement", encoder, lambda: tools["record_statement"].invoke({"text": _NEW}))
    lines += [record, row("after a new statement", encoder, check), row("again", encoder, check)]
    machine = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.agents --statements {size}`, {machine}."
    what = f"check_alignment, {size} statements of the caller against {size} of the peer."
    write_table("agents.md", f"# Agents\n\n{head} {what}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
