"""Adjudication, extraction and the command line over a real HTTP server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from jepa_langchain import cli
from jepa_langchain.chains import adjudication_chain, comparison_chain, statement_chain
from jepa_langchain.errors import InputError
from jepa_langchain.schema import AbstainedPair, AlignmentReport, Cited, Energies, Persona, Probabilities, Statement
from tests.ledgers import report, row
from tests.scripted_openai import Reply, ScriptedOpenAI, chat
from tests.unit_tests.conftest import make_model


def open_pair(number: int) -> AbstainedPair:
    return AbstainedPair(
        id=f"U{number}",
        a=Cited(id=f"a{number}", text=f"Left{number} is fine."),
        b=Cited(id=f"b{number}", text=f"Right{number} is fine."),
        probabilities=Probabilities(agree=0.4, disagree=0.35, unrelated=0.25),
        energies=Energies(agree=0.4, disagree=0.4),
        margin=0.0,
    )


def undecided(pairs: int) -> AlignmentReport:
    base = report(row("A1", "Parks need trees.", "Parks need more trees."))
    return base.model_copy(update={"abstained": tuple(open_pair(n) for n in range(1, pairs + 1))})


def answer(relation: str) -> Reply:
    return Reply(json.dumps({"relation": relation, "reason": "both say so"}), tokens=(30, 9))


def test_adjudication_asks_open_pairs_only_in_both_orders() -> None:
    before = undecided(3)
    replies = [answer(r) for r in ("agree", "agree", "agree", "disagree", "unrelated", "unrelated")]
    with ScriptedOpenAI(replies) as server:
        done = adjudication_chain(chat(server)).invoke(before)
        prompts = [server.prompt(n, "user") for n in range(6)]
    assert prompts[0].index("Left1") < prompts[0].index("Right1")
    assert prompts[1].index("Right1") < prompts[1].index("Left1")
    assert not any("Parks" in prompt for prompt in prompts)
    assert [p.relation for p in done.pairs] == ["agree", None, "unrelated"]
    added = done.report.agreements[1]
    assert (added.id, added.decided_by, added.p, added.a.id) == ("A2", "llm", 0.4, "a1")
    assert [p.id for p in done.report.abstained] == ["U2"]
    assert (done.report.score, done.report.verdict) == (before.score, before.verdict)
    assert done.report.agreements[0] == before.agreements[0]
    assert (done.usage.calls, done.usage.tokens_in) == (6, 180)
    assert "Left1" in done.report.narrative.text


async def test_a_budget_caps_the_calls_and_failures_leave_pairs_open() -> None:
    replies = [answer("agree"), Reply("what?"), Reply(status=500), answer("agree")]
    with ScriptedOpenAI(replies) as server:
        done = await adjudication_chain(chat(server), budget=5).ainvoke(undecided(4))
        assert len(server.requests) == 4
    assert [p.relation for p in done.pairs] == [None, None]
    assert len(done.report.abstained) == 4
    assert "2 pairs were not asked about" in done.note


def test_statements_are_verbatim_and_their_speaker_is_the_turns() -> None:
    transcript = "Ann: Hi! Rents need caps, I think.\nBob: Caps backfire. Why not build?"
    found = [(1, "Rents need caps"), (2, "Caps backfire."), (1, "Caps backfire."), (2, "Bob loves caps"), (9, "x")]
    spans = {"statements": [{"turn": turn, "text": text} for turn, text in found]}
    with ScriptedOpenAI([Reply(json.dumps(spans)), Reply(status=500)]) as server:
        chain = statement_chain(chat(server))
        said = chain.invoke(transcript)
        fallen = chain.invoke([HumanMessage("Rents need caps now."), AIMessage("Caps do backfire.", name="Bob")])
    assert said.rejected == 3
    for statement in said.statements:
        start, stop = statement.span
        assert said.turns[statement.turn - 1].text[start:stop] == statement.text
    ann, bob = said.personas()
    assert (ann.id, ann.statements[0].text, bob.id, bob.statements[0].id) == ("Ann", "Rents need caps", "Bob", "t2.1")
    assert [p.id for p in fallen.personas()] == ["human", "Bob"]
    assert "every sentence counts" in fallen.note


def test_without_a_model_every_sentence_counts() -> None:
    said = statement_chain().invoke("Ann: Rents need caps. Do they? Yes.\nBob: Caps backfire badly.")
    assert [s.text for s in said.statements] == ["Rents need caps.", "Caps backfire badly."]
    with pytest.raises(InputError, match="no turn in it"):
        statement_chain().invoke("nothing said")


def test_a_comparison_is_worded_over_http() -> None:
    a = Persona(id="Ann", statements=(Statement(id="a1", text="tax sugar now"),))
    b = Persona(id="Bob", statements=(Statement(id="b1", text="do not tax sugar now"),))
    text = "Ann would tax sugar now, while Bob would not tax sugar now."
    item = {"area": "disagreement", "title": "Tax on sugar", "text": text, "rows": ["D1"]}
    with ScriptedOpenAI([Reply(json.dumps({"items": [item]}))]) as server:
        done = comparison_chain(make_model(), chat(server)).invoke({"a": a, "b": b})
    plain = comparison_chain(make_model()).invoke({"a": a, "b": b})
    assert done.narrative.sentences[0].text == text
    assert done.model_copy(update={"narrative": plain.narrative}) == plain


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr("sys.argv", ["jepa-langchain", *args])
    monkeypatch.setattr(cli, "load_model", lambda _: make_model())
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code if isinstance(stopped.value.code, int) else 0


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [tmp_path / "Ann.txt", tmp_path / "Bob.txt"]
    files[0].write_text("tax sugar now")
    files[1].write_text("do not tax sugar now")
    names = [str(path) for path in files]
    text = "Ann would tax sugar now, while Bob would not tax sugar now."
    item = {"area": "disagreement", "title": "Tax on sugar", "text": text, "rows": ["D1"]}
    with ScriptedOpenAI([Reply(json.dumps({"items": [item, {**item, "text": "Both tax sugar."}]}))]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(monkeypatch, "compare", *names, "--llm", "openai:scripted", "--style", "brief", "--json") == 0
    out, err = capsys.readouterr()
    told: dict[str, Any] = json.loads(out)["narrative"]
    assert (told["source"], told["rejected"], told["sentences"][0]["text"]) == ("llm", 1, text)
    assert (told["sentences"][0]["a"], told["sentences"][0]["b"]) == ("Ann1", "Bob1")
    assert "1 sentences of openai:scripted were not verified" in err
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run(monkeypatch, "compare", *names, "--llm", "openai:scripted", "--budget", "4", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["narrative"]["source"] == "template"
    assert "the template words the ledger" in err
    assert run(monkeypatch, "compare", *names, "--style", "loud") == 3
    assert "no such style: 'loud'" in capsys.readouterr().err
    assert run(monkeypatch, "compare", *names, "--llm", "nobody:x") == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_line_of_a_group_tells_its_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("jepa_langchain.commands.group.load_model", lambda _: make_model())
    said = {"Ann": "tax sugar now", "Bob": "do not tax sugar now", "Cid": "tax sugar now"}
    for name, text in said.items():
        (tmp_path / f"{name}.txt").write_text(text)
    names = [str(tmp_path / f"{name}.txt") for name in said]
    text = "Ann would tax sugar now, while Bob would not tax sugar now."
    item = {"area": "disagreement", "title": "Tax on sugar", "text": text, "rows": ["D1"]}
    prices = ("--price-in", "2", "--price-out", "8")
    with ScriptedOpenAI([Reply(json.dumps({"items": [item]}), tokens=(100, 50))] * 3) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(monkeypatch, "matrix", *names, "--llm", "openai:scripted", *prices, "--json") == 0
    out, err = capsys.readouterr()
    told: dict[str, Any] = json.loads(out)["narrative"]
    assert (told["source"], told["usage"]["calls"], told["usage"]["cost"]) == ("llm", 3, 0.0018)
    assert text in told["text"]
    assert "openai:scripted: 3 calls, 300 tokens in, 150 out, cost 0.0018" in err
    assert run(monkeypatch, "matrix", *names, "--style", "fr", "--json") == 0
    assert "Points de désaccord" in json.loads(capsys.readouterr().out)["narrative"]["text"]
    assert run(monkeypatch, "matrix", *names, "--json") == 0
    assert json.loads(capsys.readouterr().out)["narrative"] is None
    assert run(monkeypatch, "matrix", *names, "--llm", "openai:scripted", "--price-in", "2") == 3
    assert "go together" in capsys.readouterr().err
