"""What is measured, with one command: python -m benchmarks --pairs FOLDER [--full] [NAME...].

Each part is a module of this folder, run in a process of its own, that writes its table ``NAME.md`` here. This adds
``RESULTS.md``, all tables together, and ``results/DATE.json``, the same as data, with the machine and the versions.
Without ``--full`` the parts run at a small size and their tables are kept in a temporary folder.

Three modules are run apart, and their tables stand with the others: ``narrative_support`` and ``narrative_fit`` write
the networks of the narrative's verifier (``chains/``), and ``narrative_local`` needs two packages that no extra has.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.tables import parse_tables, place

#: Versions that a number depends on.
PACKAGES = ("torch", "sentence-transformers", "faiss-cpu", "langchain-core", "langchain", "numpy", "scikit-learn")

#: Run apart, see above.
APART = ("narrative_support", "narrative_fit", "narrative_local")
NEED_PAIRS = ("quality", "leave_one_out", "ablation", "search_weight", "search_quality", "attribution")


def parts(pairs: Sequence[str], work: str, *, full: bool) -> dict[str, list[str]]:
    """Arguments of every part, in the order of the results."""

    def size(small: Sequence[str], large: Sequence[str] = ()) -> list[str]:
        return [*(large if full else small)]

    return {
        "quality": [*pairs, *size(["--draws", "5"])],
        "leave_one_out": [*pairs, "--work", work, *size(["--each", "100", "--samples", "1024"])],
        "ablation": [*pairs, "--work", work, *size(["--seeds", "0", "--each", "100", "--samples", "1024"])],
        "minimal_pairs": [],
        "speed": size(["--statements", "10"]),
        "growth": size(["--sizes", "10", "30"]),
        "growth_agents": size(["--sizes", "2", "5"]),
        "search": size(["--sizes", "2000", "--statements", "500", "--queries", "5"], ["--queries", "20"]),
        "search_weight": [*pairs, *size(["--queries", "2", "--pool", "500"])],
        "search_quality": [*pairs, *size(["--queries", "2"])],
        "durability": size(["--kills", "5", "--copies", "10", "--seconds", "3"]),
        "attribution": [*pairs, *size(["--each", "1"])],
        "narrative": [],
        "agents": [],
        "fuzz": size(["--inputs", "1000"]),
    }


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    found = Path("/proc/cpuinfo")
    names = [line for line in found.read_text().splitlines() if "model name" in line] if found.is_file() else []
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def gather(folder: Path, names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """(the page of all tables, the same as data) of the parts whose table is there."""
    pages, data = [], dict[str, Any]()
    for name in names:
        path = folder / f"{name}.md"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            pages.append(re.sub(r"^(?=#+ )", "#", text, flags=re.MULTILINE).strip())
            data[name] = parse_tables(text)
    return "\n\n".join(pages), data


def main() -> None:
    """Run what is asked for and write the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts; all of them when left out")
    parser.add_argument("--pairs", type=Path, help="folder of the pairs files that the model was trained on")
    parser.add_argument(
        "--work", type=Path, default=Path("build/benchmarks"), help="encoded states, kept for the next run"
    )
    parser.add_argument("--full", action="store_true", help="the sizes that the tables here were made with")
    parser.add_argument("--gather", action="store_true", help="run nothing: only put the tables that are here together")
    asked = parser.parse_args()
    pairs = sorted(str(path) for path in asked.pairs.glob("*.jsonl*")) if asked.pairs else []
    known = parts(pairs, str(asked.work), full=asked.full)
    if strangers := [name for name in asked.names if name not in known]:
        parser.error(f"no part {strangers[0]!r}; there are {', '.join(known)}")
    folder = place(small=not asked.full and not asked.gather)
    asked.work.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in [] if asked.gather else asked.names or list(known):
        if name in NEED_PAIRS and not pairs:
            sys.stderr.write(f"{name}: left out, it needs --pairs\n")
            continue
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *known[name]], check=False)  # noqa: S603
        sys.stderr.write(f"{name}: exit code {done.returncode} after {time.monotonic() - start:.0f} s\n")
        failed += [name] if done.returncode else []
    page, data = gather(folder, [*known, *APART])
    today, where = f"{datetime.now(UTC).date()}", machine()
    versions = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    head = f"{today}. {where['processor']}, {where['cores']} cores, Python {where['python']}, {versions}."
    what = "Each table says its own command and date. `python -m benchmarks --pairs FOLDER --full` makes them all but "
    what += f"{', '.join(APART[:-1])} and {APART[-1]}, which are run apart (`benchmarks/__main__.py` says why)."
    (folder / "RESULTS.md").write_text(f"# Results\n\n{head}\n{what}\n\n{page}\n", encoding="utf-8")
    (folder / "results").mkdir(exist_ok=True)
    document = json.dumps({"date": today, "machine": where, "tables": data}, indent=1, ensure_ascii=False)
    (folder / "results" / f"{today}.json").write_text(document + "\n", encoding="utf-8")
    sys.stderr.write(f"{folder / 'RESULTS.md'}\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
