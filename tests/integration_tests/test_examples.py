"""Every example runs as a newcomer runs it, without a key, and says what it promises to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "agent_tool.py": ["advice: misaligned", "Rita's agent: I looked at what Leo has said"],
    "coalition.py": ["ada + rita", "ivy + leo", "because ada", "linked only through"],
    "langgraph_gate.py": [
        "ada works with rita",
        "ada declines to work with leo",
        "ada talks to max",
        "decided by human",
    ],
    "mcp_client.py": ["check_alignment", "advice misaligned", "no statement of it here"],
    "openai_narrative.py": ["worded by: template", "[D1]", "thrown out: 0"],
    "search_aligned.py": ["disagree:", "ivy   Animal testing is needed"],
    "train_your_own.py": ["240 labelled pairs", "my model: margin", "the shipped model: margin"],
}


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*SAYS, "common.py"}
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"python examples/{name}`" in listed for name in SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_it_runs_and_says_what_it_promises(name: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OPENAI_API_KEY"}
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in SAYS[name]:
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == []
