"""Inputs made to exhaust memory, each read by the command line in a process of its own; see :mod:`benchmarks.fuzz`."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_CHUNK = b"a" * 2**20


def _endless_line(path: Path) -> list[str]:
    # Letters past the limit of a file, then a hole: two gigabytes without a line end, and no disk is filled.
    with path.open("wb") as handle:
        handle.write(_CHUNK * 16)
        handle.truncate(2 * 2**30)
    return ["compare", str(path), str(path)]


def _long_pairs_line(path: Path) -> list[str]:
    path = path.with_suffix(".jsonl")
    with path.open("wb") as handle:
        handle.write(b'{"a": "')
        for _ in range(256):
            handle.write(_CHUNK)
    return ["evaluate", str(path)]


def _bomb(path: Path) -> list[str]:
    path = path.with_suffix(".jsonl.gz")
    blank = b"\n" * 2**20
    with gzip.open(path, "wb", compresslevel=9) as handle:
        for _ in range(4_096):
            handle.write(blank)
    return ["evaluate", str(path)]


def _deep(path: Path) -> list[str]:
    path = path.with_suffix(".jsonl")
    path.write_bytes(b'{"text": ' + b"[" * 1_000_000)
    return ["compare", str(path), str(path)]


def _many_statements(path: Path) -> list[str]:
    path.write_bytes(b"short one\n" * 1_000_000)
    return ["compare", str(path), str(path)]


def _many_agents(path: Path) -> list[str]:
    path.write_text("We should tax sugar.\n", encoding="utf-8")
    return ["matrix", *[str(path)] * 50_000]


def _device(path: Path) -> list[str]:  # noqa: ARG001
    return ["compare", "/dev/zero", "/dev/zero"]


ATTEMPTS: dict[str, Callable[[Path], list[str]]] = {
    "a persona file of 2 GiB without a line end": _endless_line,
    "a pairs file with a line of 256 MiB": _long_pairs_line,
    "a gzip of 4 MB that unpacks to 4 GiB": _bomb,
    "JSON nested a million deep": _deep,
    "a million statements": _many_statements,
    "50,000 agents": _many_agents,
    "a device that never ends": _device,
}


def attempts() -> Iterator[tuple[str, int, float, float, str]]:
    """(what, exit code, seconds, peak MiB, the last line on stderr) of every attempt."""
    with tempfile.TemporaryDirectory() as place:
        for number, (name, make) in enumerate(ATTEMPTS.items()):
            words = make(Path(place) / f"{number}.txt")
            start = time.monotonic()
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "jepa_langchain", *words],
                stdout=subprocess.DEVNULL,
                stderr=(Path(place) / "stderr").open("wb"),
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )
            _, status, usage = os.wait4(process.pid, 0)
            said = (Path(place) / "stderr").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            line = said[-1].replace(place, "") if said else ""
            yield name, os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_maxrss / 1024, line


def limits_table() -> str:
    """All attempts as Markdown."""
    lines = ["| attempt | exit code | seconds | peak MiB | what the user reads |", "|---" * 5 + "|"]
    for name, code, seconds, peak, said in attempts():
        lines.append(f"| {name} | {code} | {seconds:.1f} | {peak:,.0f} | `{said[:120]}` |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(limits_table() + "\n")
