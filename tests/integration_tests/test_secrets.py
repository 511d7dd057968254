"""A planted API key turns up nowhere: not in narratives, notes, errors, logs or what is saved."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from jepa_langchain import AlignmentModel
from jepa_langchain.chains import comparison_chain, narrative_chain
from jepa_langchain.schema import Persona, Statement
from tests.ledgers import report, row
from tests.scripted_openai import Reply, ScriptedOpenAI

KEY = "sk-planted-5b1f0e7c9a"
REPORT = report(row("A1", "Parks need more trees.", "The parks should get more trees.", ids=("a1", "b1")))
ANSWERS = {
    "refused": Reply(status=401, text=f"Incorrect API key provided: {KEY}"),
    "broken": Reply(status=500),
    "half": Reply('{"items": [', cut=40),
    "echoed": Reply(f"The key is {KEY}"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_key_in_what_is_said_or_logged(answer: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="jepa_langchain")
    with ScriptedOpenAI([ANSWERS[answer]] * 3) as server:
        llm = ChatOpenAI(
            model="scripted", api_key=SecretStr(KEY), base_url=server.base_url, max_retries=0, stream_usage=True
        )
        told = narrative_chain(llm).invoke(REPORT)
        assert server.requests
    assert told.source == "template"
    assert KEY not in told.model_dump_json()
    assert KEY not in caplog.text
    assert "more trees" not in caplog.text


def test_no_key_in_a_saved_report_or_model(
    model: AlignmentModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    a, b = (
        Persona(id=name, statements=(Statement(id=f"{name}1", text=text),))
        for name, text in (("a", "We should plant trees."), ("b", "Trees should be planted."))
    )
    said = comparison_chain(model).invoke({"a": a, "b": b})
    (tmp_path / "report.json").write_text(said.model_dump_json(), encoding="utf-8")
    model.save(tmp_path / "model")
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert KEY.encode() not in path.read_bytes()
