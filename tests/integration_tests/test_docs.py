"""Every Python block of the README and the docs runs, in its page's order, and the commands for one's own files."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jepa_langchain.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "docs"}
    for number, body in enumerate(blocks(page, "python"), start=1):
        exec(compile(body, f"{page.name}, block {number}", "exec"), names)  # noqa: S102


def test_there_are_blocks() -> None:
    assert len([page for page in PAGES if blocks(page, "python")]) > 5


def test_two_files_of_ones_own_go_as_the_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = next(body for body in blocks(ROOT / "README.md", "bash") if "printf" in body).splitlines()
    shown = {}
    for line in lines:
        if line.startswith("printf"):
            subprocess.run(["/bin/sh", "-c", line], check=True)
        elif (words := shlex.split(line))[0] == "jepa-langchain":
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, done.output
            shown[" ".join(words[1 : 3 if words[1] == "index" else 2])] = done.output
    assert list(shown) == ["compare", "explain", "index add", "index search"]
    assert "Disagreements (1)" in shown["compare"]
    assert "cycle lanes" in shown["explain"]
    assert "Cycle lanes are a waste of money." in shown["index search"]
