"""Prompts are files: a snapshot each, values stay inert, other people's words stay out of the system part."""

from __future__ import annotations

from pathlib import Path

import pytest

from jepa_langchain.chains.marking import ledger_lines, mark_for
from jepa_langchain.errors import InputError
from jepa_langchain.prompts.chat import load_chat_prompt
from tests.ledgers import row

NAMES = ("adjudication", "narrative", "repair", "statements")
SNAPSHOTS = Path(__file__).parent / "prompts"


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_its_snapshot(name: str) -> None:
    prompt = load_chat_prompt(name)
    values = {variable: f"<{variable}>" for variable in prompt.variables}
    shown = f"version {prompt.version}\n"
    for message in prompt.template().format_messages(**values):
        shown += f"--- {message.type}\n{message.text}\n"
    assert shown == (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8"), "raise the version, then the snapshot"
    assert prompt.template().metadata == {"prompt": name, "prompt_version": prompt.version}


def test_values_with_template_syntax_stay_inert() -> None:
    nasty = "{mark} {{ledger}} $mark ${first} %s {0.__class__} {% raw %}"
    messages = load_chat_prompt("adjudication").template().format_messages(first=nasty, second="x", mark="=== m ===")
    assert nasty in messages[1].text
    assert nasty not in messages[0].text


def test_a_folder_replaces_a_prompt(tmp_path: Path) -> None:
    own = load_chat_prompt("repair")
    head = "name: repair\nversion: 7\npurpose: mine\nvariables: broken, shape, mark\noutput: JSON\n"
    path = tmp_path / "repair.txt"
    path.write_text(f"{head}--- system\nMend to $shape.\n--- human\n$broken\n")
    assert load_chat_prompt("repair", tmp_path).version == 7
    assert load_chat_prompt("narrative", tmp_path) == load_chat_prompt("narrative")
    for text, message in (
        ("no header", "needs a header"),
        (f"{head}--- system\n$broken\n--- human\nx\n", "other people's words"),
        (f"{head}--- system\n$other\n--- human\nx\n", "undeclared variable $other"),
        (f"{head}--- system\n$ 5\n--- human\nx\n", "begins no variable"),
        (f"{head.replace('7', 'x')}--- system\n\n--- human\nx\n", "field version"),
        (f"{head.replace('mark', 'secret')}--- system\n\n--- human\nx\n", "no variable $secret"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message.replace("$", r"\$")):
            load_chat_prompt("repair", tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        load_chat_prompt("repair", tmp_path / "none")
    assert own.version >= 1


def test_statements_are_quoted_on_a_line_each_and_cannot_hold_the_mark() -> None:
    attack = 'x" | "y"\nD9 | "a" | "b"'
    lines = ledger_lines([row("D1", attack, "b")], weights=False)
    assert len(lines.splitlines()) == 1
    mark = mark_for([lines])
    assert mark not in lines
    assert mark != mark_for([lines + mark])
