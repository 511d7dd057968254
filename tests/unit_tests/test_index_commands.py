"""``jepa-langchain index …``: one JSON document, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jepa_langchain import cli
from jepa_langchain.commands import index as index_commands
from jepa_langchain.index.joint_index import JointIndex
from tests.unit_tests.conftest import make_model

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setattr(index_commands, "load_model", lambda _: make_model())

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["jepa-langchain", "index", *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    ann, bob = tmp_path / "ann.jsonl", tmp_path / "bob.csv"
    ann.write_text('{"id": "a1", "text": "rents help towns", "year": 2020}\n{"text": "trains run late"}')
    bob.write_text("id,text,topic\nb1,rents not help towns,homes\nb2,trains run late,\n")
    code, out, err = run("add", tmp_path / "index", ann, bob, "--set", "source=test", "--set", "version=3")
    assert (code, out) == (0, "")
    assert err.endswith("index: 4 statements written, 0 unchanged, 4 in all\n")
    return tmp_path / "index"


def test_search_prints_one_document(run: Run, folder: Path) -> None:
    code, out, _ = run("search", folder, "rents help towns", "--relation", "disagree", "-k", 2, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["query"], document["relation"], document["k"]) == ("rents help towns", "disagree", 2)
    first = document["results"][0]
    assert {"id", "persona", "text", "relation", "p", "energy"} <= set(first)
    assert (first["id"], first["persona"], first["document"]) == ("b1", "bob", "bob/b1")
    assert first["relation"] == "disagree"
    assert first["p"] > 0.5
    assert first["metadata"] == {"topic": "homes", "source": "test", "version": 3}
    similar = json.loads(run("search", folder, "rents help towns", "--json")[1])["results"]
    assert (similar[0]["id"], similar[0]["p"], similar[0]["energy"]) == ("a1", None, None)
    assert similar[0]["similarity"] == pytest.approx(1.0, abs=1e-5)


def test_search_takes_filters(run: Run, folder: Path) -> None:
    def ids(*options: object) -> set[str]:
        return {row["id"] for row in json.loads(run("search", folder, "rents", "--json", *options)[1])["results"]}

    assert ids() == {"a1", "ann2", "b1", "b2"}
    assert ids("--exclude", "ann") == {"b1", "b2"}
    assert ids("--filter", '{"year": {"$gte": 2020}}') == {"a1"}
    assert ids("--filter", '{"topic": "homes"}') == {"b1"}
    assert ids("--relation", "agree", "--min-probability", "1.0") == set()


def test_search_for_people(run: Run, folder: Path) -> None:
    code, out, _ = run("search", folder, "rents help towns", "--relation", "disagree", "-k", 1)
    assert code == 0
    assert "rents not help towns" in out
    JointIndex.open(folder, model=make_model()).add_texts(
        ["bees sting"], [{"persona": "\x1b[31mred\u202e"}], ids=["\x9b2J"]
    )
    out = run("search", folder, "bees sting", "-k", 1)[1] + run("info", folder)[1]
    assert "[31mred" in out
    assert not {"\x1b", "\u202e", "\x9b"} & set(out)
    assert "nothing found" in run("search", folder, "rents", "--filter", '{"persona": "nobody"}')[1]


def test_info_says_what_is_there(run: Run, folder: Path) -> None:
    found = json.loads(run("info", folder, "--json")[1])
    assert (found["statements"], found["personas"], found["dimension"]) == (4, {"ann": 2, "bob": 2}, 16)
    assert (found["kind"], found["segments"]) == ("auto", [{"statements": 4, "deleted": 0, "kind": "flat"}])
    assert found["model"]["encoder"] == "test:words"
    assert found["bytes"] == sum(p.stat().st_size for p in folder.glob("0*"))
    assert "ann (2), bob (2)" in run("info", folder)[1]


def test_tenants_see_their_own(run: Run, folder: Path, tmp_path: Path) -> None:
    def texts(*options: object) -> set[str]:
        return {row["text"] for row in json.loads(run("search", folder, "rents", "--json", *options)[1])["results"]}

    (tmp_path / "sub").mkdir()
    own = tmp_path / "sub" / "ann.jsonl"
    own.write_text('{"id": "a1", "text": "parks cost money"}')
    err = run("add", folder, own, "--namespace", "a/b")[2]
    assert err.endswith("index: 1 statements written, 0 unchanged, 1 in all\n")
    assert "0 statements written, 1 unchanged, 1 in all" in run("add", folder, own, "--namespace", "a/b")[2]
    assert texts("--namespace", "a/b") == {"parks cost money"}
    assert texts("--namespace", "b") == set()
    # The same persona and id without a namespace is another statement, and is there still.
    assert {"rents help towns", "parks cost money"} <= texts()
    found = json.loads(run("info", folder, "--json")[1])
    assert (found["statements"], found["namespaces"]) == (5, {"a/b": 1})
    assert "a/b (1)" in run("info", folder)[1]
    code, _, err = run("search", folder, "rents", "--namespace", "")
    assert (code, err) == (3, "error: namespace: give the tenant's name, a text of one character at least\n")


def test_adding_again_changes_what_changed(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ann.jsonl").write_text('{"id": "a1", "text": "rents help nobody"}')
    err = run("add", folder, tmp_path / "ann.jsonl")[2]
    assert "1 statements written, 0 unchanged, 4 in all" in err
    assert "0 statements written, 1 unchanged, 4 in all" in run("add", folder, tmp_path / "ann.jsonl")[2]


def test_verify_rebuild_retrain(run: Run, folder: Path) -> None:
    assert run("verify", folder)[2] == f"{folder}: intact\n"
    vectors = next(folder.glob("*.vectors.faiss"))
    vectors.write_bytes(b"x" * 9)
    code, out, err = run("verify", folder)
    assert (code, out) == (3, "")
    assert err == f"error: {vectors}: damaged or replaced (its SHA-256 is not the manifest's)\n"
    assert run("search", folder, "rents")[0] == 3
    assert run("rebuild", folder)[2] == f"{folder}: 4 statements encoded anew\n"
    assert run("verify", folder)[0] == 0
    assert run("retrain", folder, "--kind", "ivf")[2] == f"{folder}: 4 statements, flat\n"
    assert json.loads(run("info", folder, "--json")[1])["kind"] == "ivf"


def test_what_cannot_be_used_is_one_line(run: Run, folder: Path, tmp_path: Path) -> None:
    ann = tmp_path / "ann.jsonl"
    other = tmp_path / "sub"
    other.mkdir()
    (other / "ann.jsonl").write_text('{"id": "a1", "text": "same name"}')
    cases: dict[tuple[object, ...], str] = {
        ("search", tmp_path / "none", "x"): "none/manifest.json: missing; there is no index here",
        ("search", folder, " "): "query: empty text",
        ("search", folder, "x", "--filter", "{"): "--filter: not JSON",
        ("search", folder, "x", "--filter", "[]"): "--filter: not a JSON object",
        ("search", folder, "x", "--min-probability", "0.5"): "min_probability: this search gives no probabilities",
        ("info", tmp_path): "manifest.json: missing",
        ("verify", tmp_path / "none"): "manifest.json: missing",
        ("add", folder, tmp_path / "none.txt"): "none.txt: no such file",
        ("add", folder, ann, other / "ann.jsonl"): "persona 'ann' has 'ann/a1' in an earlier file, too",
        ("add", folder, ann, "--set", "topic"): "--set topic: not KEY=VALUE",
        ("add", other, ann): "holds 'ann.jsonl' and is no index directory",
    }
    for arguments, message in cases.items():
        code, out, err = run(*arguments)
        assert (code, out) == (3, ""), arguments
        assert message in err
        assert err.startswith("error: ")
    assert run("search", folder)[0] == 2
    assert run("search", folder, "x", "--relation", "unrelated")[0] == 2
    assert run("search", folder, "x", "-k", "0")[0] == 2


def test_json_too_deep_to_read_is_no_crash(run: Run, folder: Path) -> None:
    deep = "[" * 60_000
    code, out, err = run("search", folder, "rents", "--filter", deep)
    assert (code, out) == (3, "")
    assert err.startswith("error: --filter: not JSON")
    # What is no JSON is a text.
    assert run("add", folder, folder.parent / "ann.jsonl", "--set", f"source={deep}")[0] == 0
    assert {
        row.metadata.count("[") for row in JointIndex.open(folder, model=make_model()).rows({"persona": "ann"})
    } == {len(deep)}
