"""Every example runs as a newcomer runs it: in a process of its own, without a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
#: What a reader must find in the output.
SHOWN = {
    "agent_tool.py": "advice: misaligned",
    "climate/compare.py": "disagree  p=",
    "coalition.py": "ivy + leo + max",
    "langgraph_gate.py": "decided by human",
    "mcp_client.py": "a bad argument is an answer",
    "openai_narrative.py": "thrown out: 0",
    "search_aligned.py": "the retriever",
    "train_your_own.py": "labelled pairs, topics apart",
}


def test_every_example_is_run() -> None:
    scripts = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")} - {"common.py"}
    assert scripts == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_example_runs(name: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("API_KEY")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=tmp_path,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert SHOWN[name] in done.stdout
    assert (tmp_path / "coalition.html").is_file() == (name == "coalition.py")
