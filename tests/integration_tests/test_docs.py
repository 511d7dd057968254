"""Every Python block of the README and the docs runs, in the order of its page; every command in them parses."""

from __future__ import annotations

import re
import shlex
import shutil
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


def commands() -> list[list[str]]:
    found = []
    for page in PAGES:
        for line in "\n".join(blocks(page, "bash", "console")).splitlines():
            for part in line.split("&&"):
                words = shlex.split(part)
                if words and Path(words[0]).name == "jepa-langchain":
                    found.append(words[1:])
    return found


def test_there_are_blocks_and_commands() -> None:
    assert len(commands()) > 5
    assert len([page for page in PAGES if blocks(page, "python")]) > 5


@pytest.mark.parametrize("words", commands(), ids=shlex.join)
def test_commands_exist_with_their_options(words: list[str]) -> None:
    depth = 2 if words[0] == "index" else 1
    shown = CliRunner().invoke(app, [*words[:depth], "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    for word in words[depth:]:
        if word.startswith("-"):
            assert word.split("=")[0] in shown.output
