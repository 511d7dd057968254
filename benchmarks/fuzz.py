"""Damaged and hostile input: every file format and the command line, from seeded mutations of valid examples.

An input passes if it is accepted or ends in one of the toolkit's own errors (a command, in an exit code that is not 0);
anything else is a failure and is listed. Limits are tried apart, each in a process of its own whose peak memory is
measured: a line that never ends, a compressed bomb, JSON nested a million deep, a million statements, 50,000 agents.

Run from the repository's root: ``python -m benchmarks.fuzz [--inputs 100000]``. It writes ``benchmarks/fuzz.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from benchmarks.mutations import ODD_VALUES, dump, mutate_bytes, mutate_json
from benchmarks.tables import write_table
from jepa_langchain import cli
from jepa_langchain.commands import group as group_commands
from jepa_langchain.commands import index as index_commands
from jepa_langchain.commands import training as training_commands
from jepa_langchain.errors import JepaLangchainError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.model_files import MANIFEST, load_model
from jepa_langchain.pairs import read_pairs
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import Persona, Statement
from tests.words import WordEncoder, small_model

Try = Callable[[np.random.Generator], object]
_STATEMENTS = [{"id": f"a{i}", "text": f"Statement {i} says that taxes help, but not all."} for i in range(4)]
_PAIRS = [{"a": f"We should tax {i}.", "b": "No, never.", "label": "disagree", "topic": str(i)} for i in range(4)]
_FILTER = {"topic": "rents", "year": {"$gte": 2020}, "$or": [{"persona": {"$in": ["a", "b"]}}, {"x": {"$ne": 1}}]}


@dataclass
class Target:
    """One thing to try: its name, its share of the inputs, and what one try does."""

    name: str
    share: float
    once: Try


def _lines(rows: list[dict[str, str]], rng: np.random.Generator) -> bytes:
    damaged = [mutate_json(row, rng) if rng.random() < _HALF else row for row in rows]
    data = b"\n".join(dump(row) for row in damaged)
    return mutate_bytes(data, rng) if rng.random() < _HALF else data


_HALF = 0.5


def files(folder: Path) -> list[Target]:
    """Persona and pairs files, written to a folder."""

    def persona(rng: np.random.Generator) -> object:
        kind = ("jsonl", "csv", "txt")[int(rng.integers(3))]
        path = folder / f"p.{kind}"
        texts = [row["text"] for row in _STATEMENTS]
        sheet = "id,text\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(texts))
        path.write_bytes(
            _lines(_STATEMENTS, rng)
            if kind == "jsonl"
            else mutate_bytes((sheet if kind == "csv" else "\n".join(texts)).encode(), rng)
        )
        return load_persona(path)

    def pairs(rng: np.random.Generator) -> object:
        data, path = _lines(_PAIRS, rng), folder / "pairs.jsonl"
        if rng.random() < _HALF:
            path, data = folder / "pairs.jsonl.gz", gzip.compress(data, 1)
            data = mutate_bytes(data, rng) if rng.random() < _HALF else data
        path.write_bytes(data)
        return read_pairs(path)

    return [Target("persona files", 0.4, persona), Target("pairs files", 0.3, pairs)]


def directories(folder: Path) -> list[Target]:
    """Model and index directories, and the filters of a search."""
    model = small_model()
    model.save(folder / "model")
    index = JointIndex.open(folder / "index", model=model)
    index.add_persona(Persona(id="a", statements=tuple(Statement(**row) for row in _STATEMENTS)))

    def damaged(source: Path, rng: np.random.Generator) -> Path:
        copied = folder / "copy"
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(source, copied)
        files = sorted(p for p in copied.iterdir() if p.is_file())
        path = copied / MANIFEST if rng.random() < _HALF else files[int(rng.integers(len(files)))]
        if path.suffix == ".json" and rng.random() < _HALF:
            path.write_bytes(dump(mutate_json(json.loads(path.read_bytes()), rng)))
        else:
            path.write_bytes(mutate_bytes(path.read_bytes(), rng))
        return copied

    def one_model(rng: np.random.Generator) -> object:
        return load_model(damaged(folder / "model", rng), encoder=WordEncoder())

    def one_index(rng: np.random.Generator) -> object:
        opened = JointIndex.open(damaged(folder / "index", rng), model=model, read_only=True)
        return opened.search("taxes help", "agree", k=2)

    def filters(rng: np.random.Generator) -> object:
        return index.search("taxes help", "similar", k=2, filter=mutate_json(_FILTER, rng))

    return [
        Target("model directories", 0.08, one_model),
        Target("index directories", 0.04, one_index),
        Target("filters", 0.1, filters),
    ]


def command_line(folder: Path) -> Target:
    """The commands that read files, run in this process with a small model on what :func:`directories` left."""
    model = small_model()
    for commands in (cli, group_commands, index_commands, training_commands):
        vars(commands)["load_model"] = lambda _: model
    good = folder / "good.jsonl"
    good.write_bytes(b"\n".join(dump(row) for row in _STATEMENTS))
    lines = [
        ["compare", str(good), str(good), "--json"],
        ["relate", "We tax sugar.", "We do not."],
        ["matrix", str(good), str(good)],
        ["index", "add", str(folder / "other"), str(good)],
        ["index", "search", str(folder / "index"), "taxes", "--relation", "agree", "-k", "3"],
        ["index", "info", str(folder / "index"), "--json"],
        ["evaluate", str(good), "--split", "dev"],
        ["calibrate", str(folder / "model"), str(good), "--out", str(folder / "out")],
        ["adapt", str(good), "--out", str(folder / "out")],
    ]
    runner = CliRunner()

    def once(rng: np.random.Generator) -> object:
        words = list(lines[int(rng.integers(len(lines)))])
        for _ in range(int(rng.integers(1, 3))):
            at, odd = int(rng.integers(len(words))), str(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])
            if rng.random() < _HALF:
                words[at] = odd
            else:
                words.insert(at, ("--json", "-k", "--model", "--filter", odd)[int(rng.integers(5))])
        # Odd words become paths: they are made where nothing else lies.
        with contextlib.chdir(folder):
            shown = runner.invoke(cli.app, words)
        if shown.exception is not None and not isinstance(shown.exception, SystemExit):
            raise shown.exception
        if shown.exit_code:
            raise JepaLangchainError(f"exit code {shown.exit_code}")
        return shown.output

    return Target("command line", 0.08, once)


def fuzz(target: Target, inputs: int, seed: int) -> tuple[Counter[str], dict[str, str]]:
    """(how often each outcome, one example of each failure)."""
    counts: Counter[str] = Counter()
    failures: dict[str, str] = {}
    for i in range(inputs):
        try:
            target.once(np.random.default_rng([seed, i]))
            counts["accepted"] += 1
        except (JepaLangchainError, OSError) as error:
            expected = isinstance(error, JepaLangchainError) or target.name == "command line"
            counts["refused" if expected else "failed"] += 1
            if not expected:
                failures.setdefault(repr(error)[:160], f"{target.name}, seed {seed}, input {i}")
        except Exception as error:  # noqa: BLE001
            counts["failed"] += 1
            failures.setdefault(repr(error)[:160], f"{target.name}, seed {seed}, input {i}")
    return counts, failures


def main() -> None:
    """Fuzz everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows, failures = [], dict[str, str]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for target in (*files(folder), *directories(folder), command_line(folder)):
            start = time.monotonic()
            counts, found = fuzz(target, round(asked.inputs * target.share), asked.seed)
            failures |= found
            cells = [counts.total(), counts["accepted"], counts["refused"], counts["failed"]]
            rows.append(
                f"| {target.name} | " + " | ".join(f"{n:,}" for n in cells) + f" | {time.monotonic() - start:.0f} |"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = ["| what | inputs | accepted | refused | failed | seconds |", "|---" * 6 + "|", *rows]
    listed = "\n".join(f"* `{error}` ({where})" for error, where in failures.items()) or "No failure."
    head = (
        f"{datetime.now(UTC).date()}, `python -m benchmarks.fuzz --inputs {asked.inputs}`, peak memory {peak:,.0f} MiB."
    )
    # A small process of its own: a child's peak memory counts what its parent held when it was made.
    limits = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz_limits"], check=True, capture_output=True, text=True
    ).stdout
    text = f"# Fuzzing\n\n{head}\n\n" + "\n".join(lines) + f"\n\n{listed}\n\n{limits}"
    write_table("fuzz.md", text)


if __name__ == "__main__":
    main()
