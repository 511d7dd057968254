"""What the pages say of the code and of each other: commands, links, names, modules, numbers that stand twice."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import jepa_langchain
from jepa_langchain import chains
from jepa_langchain.cli import app

ROOT = Path(__file__).parents[2]
SITE = sorted((ROOT / "docs").glob("*.md"))
#: What a reader meets first outside the site, whose links its strict build checks.
ALONE = [
    *sorted(ROOT.glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("data", "examples")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
PAGES = [*SITE, *ALONE]
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PROGRAM = "jepa-langchain"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in _BLOCK.findall(read(page)) if language in languages]


def written(page: Path) -> Iterator[tuple[str, ...]]:
    """The words after the program's name of every command on a page."""
    lines = [line for body in blocks(page, "bash", "console") for line in body.splitlines()]
    # In running text a command may be named without what it needs; with words after it, it is one to type.
    inline = re.findall(rf"`({_PROGRAM} [\w-]+ [^`\n]+)`", _BLOCK.sub("", read(page)))
    for part in (part for line in (*lines, *inline) for part in line.split("&&")):
        words = shlex.split(part)
        if words and Path(words[0]).name == _PROGRAM:
            yield tuple(words[1:])
        elif words[:1] == ["torchrun"] and "…" not in words:
            yield tuple(words[words.index("jepa_langchain") + 1 :])


COMMANDS = sorted({words for page in PAGES for words in written(page)})


def parse(words: tuple[str, ...]) -> None:
    """Parse a command as the program does, and run nothing."""
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(words[0], rest)


def test_there_are_commands() -> None:
    assert {words[0] for words in COMMANDS} >= {"compare", "explain", "index", "train", "matrix", "serve-mcp"}
    with pytest.raises(Exception, match="repot"):
        parse(("compare", "A", "B", "--repot", "out.html"))


@pytest.mark.parametrize("words", COMMANDS, ids=shlex.join)
def test_commands_parse(words: tuple[str, ...]) -> None:
    parse(words)


def test_what_clients_of_the_protocol_paste_starts_the_server() -> None:
    pasted = [json.loads(body) for page in PAGES for body in blocks(page, "json")]
    assert len(pasted) > 1
    for configuration in pasted:
        for server in configuration["mcpServers"].values():
            assert server["command"] == _PROGRAM
            parse(tuple(server["args"]))


@pytest.mark.parametrize("page", ALONE, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", read(page)):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_are_there(page: Path) -> None:
    folders = "benchmarks|chains|data|docs|examples|jepa_langchain|prompts|tests"
    for name in re.findall(rf"`((?:{folders})/[\w./*-]+\.\w+)`", read(page)):
        assert list(ROOT.glob(name)), name


def test_every_module_has_its_place_in_the_map() -> None:
    said = read(ROOT / "CONTRIBUTING.md")
    # A command, a picture and a page of the terminal are found by their names.
    named = ("commands", "plots", "templates")
    for folder in ("jepa_langchain", "chains"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name[0] != "_" and path.parent.name not in named:
                assert re.search(rf"\b{path.stem}\b", said), path.relative_to(ROOT)


def test_every_public_name_is_in_the_reference() -> None:
    page = read(ROOT / "docs" / "api.md")
    whole = re.findall(
        r"^::: (jepa_langchain\.(?:schema|group_schema|errors|attribution\.explanation_schema))$", page, re.MULTILINE
    )
    assert len(whole) == 4
    for package in (jepa_langchain, chains):
        for name in package.__all__:
            home = getattr(package, name).__module__
            assert home in whole or re.search(rf"\b{name}\b", page), name


def numbers(row: str) -> list[float]:
    """The first number of every cell that begins with one."""
    return [float(n) for n in re.findall(r"\|\s*\**(\d*\.\d+)", row)]


def test_the_table_of_the_readme_is_that_of_the_measurement() -> None:
    said, measured = read(ROOT / "README.md"), read(ROOT / "benchmarks" / "quality.md")
    rows = {
        "**jepa_langchain**": "**two stages**",
        "its linear stage alone": "linear stage",
        "pair-feature MLP": "pair-feature MLP",
        "cosine": "cosine",
        "*y* alone (hypothesis-only)": "y alone (hypothesis-only)",
    }
    for ours, theirs in rows.items():
        stated, found = (
            next(numbers(line) for line in text.splitlines() if line.startswith(f"| {name} |"))
            for text, name in ((said, ours), (measured, theirs))
        )
        assert len(stated) == 4
        assert stated == found[:4], ours
    # Of two tables the second is of the topics that no source is trained on.
    pairs = re.findall(r"On the ([\d,]+) of", measured)[0]
    two, cosine = (
        [f"{n:.3f}".lstrip("0") for n in [numbers(line) for line in measured.splitlines() if line.startswith(name)][1]]
        for name in ("| **two stages** |", "| cosine |")
    )
    line = f"{pairs} pairs without these, AUROC is {two[0]} and {two[1]} (cosine {cosine[0]} and {cosine[1]})"
    assert f"{line}, macro-F1 {two[2]}, ECE {two[3]}." in said


def test_the_model_card_is_what_its_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("model_card", ROOT / "docs" / "model_card.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.card() == read(script.MODEL / "MODEL_CARD.md")
