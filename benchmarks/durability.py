"""Whether an index loses anything: killed writers, damaged files, readers beside a writer.

* kills: a process adds, replaces, deletes and retrains until SIGKILL hits it at a random moment; then the directory
  must open, every file must have its hash, and it must hold what was acknowledged, with or without the step that was
  under way, and nothing else.
* damage: copies of an index with one bit flipped, one file cut, removed, or exchanged for another; each must be refused
  with the file's name, or, where only the spare manifest is hit, be reported by ``verify``.
* readers: threads search while one writes; every answer must be of one committed state: all statements of a group in
  one version, none from the past, each with the cosine of its own text.

Run from the repository's root: ``python -m benchmarks.durability [--kills 300] [--copies 500] [--seconds 60]``. It
writes ``benchmarks/durability.md``. Texts are encoded by the small encoder of the tests: files and locks are what is
tested.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.durability_readers import read_while_writing
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import StoreError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.kinds import load_faiss
from jepa_langchain.index.repair import verify
from jepa_langchain.index.storage import LOCK
from tests.words import small_model

State = dict[str, str]


def _steps(seed: int, state: State) -> Iterator[tuple[str, list[str], list[str]]]:
    """Endless changes: (what, ids, texts)."""
    rng = np.random.default_rng(seed)
    for turn in range(1 << 30):
        what = rng.choice(["add", "add", "add", "delete", "retrain"])
        ids = [f"d{n}" for n in rng.permutation(200)[: rng.integers(1, 20)]]
        if what == "delete":
            ids = sorted(state)[: len(ids)] if turn % 2 else ids
        texts = [f"voice {id_} in run {seed} says thing {turn} of it" for id_ in ids] if what == "add" else []
        yield what, ids if what != "retrain" else [], texts


def _apply(state: State, what: str, ids: list[str], texts: list[str]) -> State:
    if what == "add":
        return state | dict(zip(ids, texts, strict=True))
    return {i: t for i, t in state.items() if i not in ids} if what == "delete" else state


def _write_until_killed(folder: Path, model: AlignmentModel, seed: int, state: State, pipe: int) -> None:
    index = JointIndex.open(folder, model=model)
    for what, ids, texts in _steps(seed, state):
        os.write(pipe, (json.dumps(["start", what, ids, texts]) + "\n").encode())
        if what == "add":
            index.add_texts(texts, ids=ids)
        elif what == "delete":
            index.delete(ids)
        else:
            index.retrain()
        state = _apply(state, what, ids, texts)
        os.write(pipe, (json.dumps(["done", what, ids, texts]) + "\n").encode())


def kill_writers(folder: Path, kills: int, *, seed: int = 0) -> Counter[str]:
    """Kill a writing process again and again over one directory; counts what was found afterwards.

    Raises:
        AssertionError: if the directory does not open, or holds anything but a committed state.
    """
    model, rng, state = small_model(), np.random.default_rng(seed), dict[str, str]()
    load_faiss().omp_set_num_threads(1)
    JointIndex.open(folder, model=model)
    outcome: Counter[str] = Counter()
    for turn in range(kills):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _write_until_killed(folder, model, turn + seed, state, write)
            finally:
                os._exit(1)
        os.close(write)
        begun = os.read(read, 1)  # The first step has begun: none of the time goes by while the directory is opened.
        time.sleep(float(rng.uniform(0.0, 0.35)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(f"the writer ended by itself: {status}")
        with os.fdopen(read, "rb") as handle:
            events = [
                json.loads(line) for line in (begun + handle.read()).splitlines(keepends=True) if line[-1:] == b"\n"
            ]
        for event, what, ids, texts in events:
            if event == "done":
                state = _apply(state, what, ids, texts)
        under_way = events[-1][1:] if events and events[-1][0] == "start" else None
        state, found = _state_after(folder, model, state, under_way)
        outcome[found] += 1
        outcome[f"during: {under_way[0]}" if under_way else "during: none"] += 1
        outcome["steps acknowledged"] += sum(event[0] == "done" for event in events)
    problems = verify(folder)
    if problems:
        raise AssertionError(problems[0])
    return outcome


def _state_after(
    folder: Path, model: AlignmentModel, state: State, under_way: tuple[str, list[str], list[str]] | None
) -> tuple[State, str]:
    rows = {row.id: row.text for row in JointIndex.open(folder, model=model).rows()}
    if rows == state:
        return state, "as acknowledged"
    if under_way is not None and rows == _apply(state, *under_way):
        return rows, "with the step under way"
    raise AssertionError(f"{folder}: holds {len(rows)} statements that were never committed together")


def _sample_index(folder: Path, model: AlignmentModel) -> None:
    """Several segments: a trained one, deleted statements, kept states."""
    index = JointIndex.open(folder, model=model, kind="ivf")
    for start, count in ((0, 400), (400, 60), (460, 7)):
        names = range(start, start + count)
        index.add_texts([f"voice {n} on thing {n % 17}" for n in names], ids=[f"d{n}" for n in names])
    index.delete([f"d{n}" for n in range(0, 400, 30)])


def _flip(path: Path, _: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def _cut(path: Path, _: Path, rng: np.random.Generator) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def _exchange(path: Path, other: Path, _: np.random.Generator) -> None:
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def _remove(path: Path, _: Path, __: np.random.Generator) -> None:
    path.unlink()


_DAMAGES: dict[str, Callable[[Path, Path, np.random.Generator], None]] = {
    "bit flipped": _flip,
    "cut": _cut,
    "exchanged": _exchange,
    "removed": _remove,
}


def damage_copies(folder: Path, copies: int, *, seed: int = 0) -> Counter[tuple[str, str]]:
    """Damage copies of an index; counts (damage, outcome).

    Raises:
        AssertionError: if a damaged copy opens and ``verify`` finds nothing.
    """
    model, rng = small_model(), np.random.default_rng(seed)
    original = folder / "original"
    _sample_index(original, model)
    names = sorted(p.name for p in original.iterdir() if p.name != LOCK)
    outcome: Counter[tuple[str, str]] = Counter()
    for turn in range(copies):
        copy = folder / f"copy{turn}"
        shutil.copytree(original, copy)
        damage = list(_DAMAGES)[turn % len(_DAMAGES)]
        name, other = rng.choice(names, 2, replace=False)
        if {name, other} == {"manifest.json", "manifest.copy.json"}:
            name = names[0]  # The two hold the same bytes: exchanging them is no damage.
        _DAMAGES[damage](copy / name, copy / other, rng)
        outcome[damage, _judge(copy, model, {name, other})] += 1
        shutil.rmtree(copy)
    return outcome


def _judge(copy: Path, model: AlignmentModel, touched: set[str]) -> str:
    try:
        JointIndex.open(copy, model=model)
    except StoreError as error:
        if not any(name in str(error) for name in touched):
            raise AssertionError(f"another file is named: {error}") from error
        return "refused, the file named"
    if any(name in line for line in verify(copy) for name in touched):
        return "opens, found by verify"
    raise AssertionError(f"{copy}: damage to {sorted(touched)} went unseen")


def main() -> None:
    """Run all three and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--copies", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed = kill_writers(Path(folder) / "killed", asked.kills)
        damaged = damage_copies(Path(folder) / "damaged", asked.copies)
        read = read_while_writing(Path(folder) / "read", asked.seconds)
    options = f"--kills {asked.kills} --copies {asked.copies} --seconds {asked.seconds:g}"
    lines = [f"| kills: {name} | {count:,} |" for name, count in sorted(killed.items())]
    lines += [f"| damage: {what}, {outcome} | {count:,} |" for (what, outcome), count in sorted(damaged.items())]
    lines += [f"| readers: {name} | {count:,} |" for name, count in sorted(read.items())]
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.durability {options}`, {os.cpu_count()} cores."
    note = "No committed statement lost, no damage unseen, no wrong answer: the script stops at the first."
    table = "\n".join(["| what | times |", "|---|---|", *lines])
    write_table(
        "durability.md", f"# Durability\n\n{head}\n{note} What the rows mean: `benchmarks/durability.py`.\n\n{table}\n"
    )


if __name__ == "__main__":
    main()
