from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from jepa_langchain.errors import InputError
from jepa_langchain.personas import clean_persona, load_persona, persona_from_messages
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.statements import Limits


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_three_formats_hold_the_same_persona(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "ann.jsonl", '{"text": "One is here."}\n\n{"id": null, "text": "Two, too."}\n'),
        write(tmp_path / "ann.csv", '\ufeffnote,text\r\nx,One is here.\r\ny,"Two, too."\r\n'),
        write(tmp_path / "ann.txt", "One is here.\r\n\r\n  Two, too.\n"),
    ]
    loaded = [load_persona(path) for path in files]
    assert loaded[0] == loaded[1] == loaded[2]
    persona = loaded[0].persona
    assert persona.id == "ann"
    assert [(s.id, s.text) for s in persona.statements] == [("ann1", "One is here."), ("ann2", "Two, too.")]


def test_given_ids_are_kept_and_a_name_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", '{"id": 7, "text": "Seven."}\n{"id": "b", "text": "Bee."}')
    persona = load_persona(path, persona_id="Bob").persona
    assert (persona.id, [s.id for s in persona.statements]) == ("Bob", ["7", "b"])


def test_stripped_characters_are_reported(tmp_path: Path) -> None:
    loaded = load_persona(write(tmp_path / "x.txt", "a\u200bb\nc\u202ed\n"))
    assert loaded.removed == 2
    assert loaded.warnings == ("x: 2 invisible characters (zero-width, bidi or tag) stripped",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", '{"text": "a"}\n{"text": ', "x.jsonl, line 2: not JSON"),
        ("x.jsonl", "[" * 100_000, "x.jsonl, line 1: not JSON"),
        ("x.jsonl", '["a"]', 'x.jsonl, line 1: not an object with a "text" field'),
        ("x.jsonl", '{"text": 3}', 'x.jsonl, line 1: not an object with a "text" field'),
        ("x.jsonl", '{"id": [1], "text": "a"}', 'x.jsonl, line 1: field "id" is not a text'),
        ("x.jsonl", '{"id": "s", "text": "a"}\n{"id": "s", "text": "b"}', "x.jsonl, line 2: duplicate id 's'"),
        ("x.jsonl", json.dumps({"id": "i" * 201, "text": "a"}), 'x.jsonl, line 1, field "id": an id of 201 characters'),
        ("x.jsonl", '{"text": ' + "9" * 5_000 + "}", "x.jsonl, line 1: not JSON"),
        ("x.csv", "id,words\n1,a\n", 'x.csv, line 1: no column named "text"'),
        ("x.csv", "id,text\n1,a,b\n", "x.csv, line 2: not as many fields as the header has"),
        ("x.csv", 'id,text\n1,"a', "x.csv, line 1: not CSV"),
        ("x.csv", "id,text\n", "x.csv: no statements in it"),
        ("x.txt", "", "x.txt: no statements in it"),
        ("x.txt", "ok\na\x00b\n", "x.txt, line 2: control character U\\+0000 at character 2"),
        ("x.txt", b"ok\n\xff\xfe", "x.txt: not UTF-8 text \\(byte 3\\)"),
        ("x.txt", "y" * 2_001, "x.txt, line 1: 2,001 characters; a statement may have 2,000"),
        ("x.txt", "y" * 10_000_001, "x.txt: over 10,000,000 bytes"),
        ("x.txt", "y\n" * 501, "x.txt, line 501: more than 500 statements"),
    ],
)
def test_bad_files_name_the_place(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_persona(write(tmp_path / name, content))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_persona(tmp_path / "nobody.txt")
    with pytest.raises(InputError, match="a folder, not a persona file"):
        load_persona(tmp_path)


def test_limits_are_settings(tmp_path: Path) -> None:
    path = write(tmp_path / "x.txt", "y\n" * 501)
    assert len(load_persona(path, limits=Limits(statements=501)).persona.statements) == 501
    long = load_persona(path, persona_id="i" * 200, limits=Limits(statements=501, id_characters=203)).persona
    assert len(long.statements[-1].id) == 203


def test_a_name_too_long_to_be_numbered_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.txt", "y\n")
    with pytest.raises(InputError, match=r"x.txt, line 1, the persona's id and a number: an id of 201 characters"):
        load_persona(path, persona_id="i" * 200)
    assert load_persona(path, persona_id="i" * 199).persona.statements[0].id == "i" * 199 + "1"


def test_the_limit_of_ids_holds_for_personas_made_in_code() -> None:
    statement = Statement(id="s" * 201, text="y")
    with pytest.raises(InputError, match="an id of 201 characters; it may have 200"):
        clean_persona(Persona(id="p", statements=(statement,)))
    assert clean_persona(Persona(id="p", statements=(statement,)), limits=Limits(id_characters=201)).removed == 0


def test_a_speaker_of_a_message_history() -> None:
    history = [
        HumanMessage("What do you think?"),
        AIMessage("Rents are too high. We should build more!", name="ann"),
        AIMessage("I disagree.", name="bob"),
        AIMessage([{"type": "text", "text": "Caps fail."}], name="ann"),
    ]
    persona = persona_from_messages(history, persona_id="Ann", speaker="ann").persona
    assert [(s.id, s.text) for s in persona.statements] == [
        ("m2.1", "Rents are too high."),
        ("m2.2", "We should build more!"),
        ("m4.1", "Caps fail."),
    ]
    with pytest.raises(InputError, match="messages of 'eve': no statements in it"):
        persona_from_messages(history, persona_id="Eve", speaker="eve")
    everyone = persona_from_messages([*history, AIMessageChunk(content="So be it.")], persona_id="AI").persona
    assert [s.id for s in everyone.statements] == ["m2.1", "m2.2", "m3.1", "m4.1", "m5.1"]
    human = persona_from_messages(history, persona_id="H", speaker="human").persona
    assert [s.text for s in human.statements] == ["What do you think?"]
