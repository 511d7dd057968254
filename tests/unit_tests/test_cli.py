from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jepa_langchain import cli
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.commands import explain as explain_commands
from jepa_langchain.commands import group as group_commands
from jepa_langchain.commands import pictures as picture_commands
from jepa_langchain.commands import training as training_commands
from jepa_langchain.model_files import ModelFiles, save_model
from jepa_langchain.stages import Stages
from tests.unit_tests.conftest import make_stages
from tests.words import WordEncoder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(stages: Stages) -> AlignmentModel:
    return AlignmentModel(ModelFiles(stages, Baselines(), "toy"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: AlignmentModel) -> Run:
    """Run the command line in this process: (exit code, stdout, stderr). The toy model stands for the shipped one."""

    def call(*args: str, loaded: AlignmentModel | None = model) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["jepa-langchain", *args])
        if loaded is not None:
            for commands in (cli, explain_commands, training_commands, group_commands, picture_commands):
                monkeypatch.setattr(commands, "load_model", lambda _: loaded)
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call


def persona(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines))
    return str(path)


def test_explain_prints_one_document(run: Run, tmp_path: Path) -> None:
    a = persona(tmp_path / "ann.txt", "we should tax sugar", "trains run late")
    b = persona(tmp_path / "bob.txt", "we should not tax sugar")
    code, out, _ = run("explain", a, b, "--pair", "ann1", "bob1", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["a"]["id"], document["b"]["id"]) == ("ann1", "bob1")
    assert document["completeness_error"] < 1e-5
    assert document["margin"] == document["estimate"]["margin"]
    assert [share["id"] for share in document["statements"]] == ["ann1", "bob1"]
    assert max(document["words"]["b"], key=lambda w: abs(w["weight"]))["word"] == "not"
    code, out, _ = run("explain", a, b, "--pair", "ann1", "bob1")
    assert code == 0
    assert "we should not tax sugar" in out
    code, _, err = run("explain", a, b, "--pair", "ann1", "nobody")
    assert (code, err.count("\n")) == (3, 1)


def test_explain_tells_directions_and_draws_the_words(run: Run, tmp_path: Path) -> None:
    a = persona(tmp_path / "ann.txt", "we should tax sugar", "trains run late")
    b = persona(tmp_path / "bob.txt", "we should not tax sugar")
    asked = ("explain", a, b, "--pair", "ann1", "bob1", "--directions")
    code, out, _ = run(*asked, "--json", "--plot", str(tmp_path / "words.svg"))
    told = json.loads(out)["directions"]
    assert code == 0
    assert told["directions"][0]["relation"] == "disagree"
    assert told["completeness_error"] < 1e-5
    assert (tmp_path / "words.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    code, out, _ = run(*asked)
    assert code == 0
    assert "by direction of the relation maps" in out
    code, _, err = run(*asked, "--plot", str(tmp_path / "words.doc"))
    assert (code, err.count("\n")) == (3, 1)


def test_pictures_of_a_comparison_and_of_a_model(run: Run, tmp_path: Path, model: AlignmentModel) -> None:
    a = persona(tmp_path / "ann.txt", "we should tax sugar")
    b = persona(tmp_path / "bob.txt", "we should not tax sugar")
    code, out, err = run("compare", a, b, "--json", "--plots", str(tmp_path / "pictures"))
    assert code == 0
    assert json.loads(out)["personas"]
    names = sorted(p.name for p in (tmp_path / "pictures").iterdir())
    assert names == ["heat_map.png", "map.png", "predictions.png", "words_D1.png"]
    assert all(name in err for name in names)
    code, _, err = run("plot", str(tmp_path / "shipped"))
    assert (code, [p.name for p in (tmp_path / "shipped").iterdir()]) == (0, ["training.png"])
    assert "warning: model 'toy': its manifest holds no measured calibration" in err
    model.save(tmp_path / "bare")
    code, _, err = run("plot", str(tmp_path / "none"), "--model", str(tmp_path / "bare"))
    assert (code, err.count("\n")) == (3, 1)


def test_compare_prints_one_document(run: Run, tmp_path: Path) -> None:
    a = persona(tmp_path / "ann.txt", "tax sugar now", "trains run late\u200b")
    b = persona(tmp_path / "bob.txt", "do not tax sugar", "trains run late")
    code, out, err = run("compare", a, b, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["personas"][0] == {"id": "ann", "statements": 2, "clauses": 0}
    assert {"score", "verdict", "agreements", "disagreements", "mixed", "only_a", "only_b"} <= set(document)
    row = document["agreements"][0]
    assert set(row) == {"id", "a", "b", "relation", "p", "margin", "energies", "decided_by", "weights"}
    assert row["a"]["id"] == "ann2"
    assert row["id"] == "A1"
    assert document["narrative"]["sentences"][0]["rows"] == ["A1"]
    assert document["narrative"]["source"] == "template"
    assert document["model"]["name"] == "toy"
    assert "warning: ann: 1 invisible character" in err


def test_json_is_utf_8_whatever_the_terminal_is(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out.json").open("w", encoding="cp1252") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert run("relate", "caf\u00e9s help \U0001f600", "they do not", "--json")[0] == 0
    assert json.loads((tmp_path / "out.json").read_bytes())["a"] == "caf\u00e9s help \U0001f600"


def test_what_could_not_be_written_is_refused_before_any_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = persona(tmp_path / "ann.txt", "tax sugar now")
    for commands in (cli, explain_commands, group_commands, training_commands):
        monkeypatch.setattr(commands, "load_model", lambda _: pytest.fail("worked before it checked"))
    for args, message in {
        ("compare", a, a, "--report", str(tmp_path)): "a folder; name a file",
        ("compare", a, a, "--report", str(tmp_path / "none" / "x.html")): "none: no such folder",
        ("compare", a, a, "--plots", a): "ann.txt: a file stands where a folder is to be",
        ("calibrate", a, a, "--out", a): "a file stands where the model directory is to be written",
        ("adapt", a, "--out", a): "a file stands where the model directory is to be written",
        ("compare", a, a, "--price-in", "inf", "--price-out", "1"): "no finite number",
        ("compare", a, a, "--price-in", "1"): "--price-in and --price-out go together",
        ("compare", a, a, "--style", "purple"): "no such style: 'purple'",
        ("matrix", a, a, "--report", str(tmp_path)): "a folder; name a file",
        ("matrix", a, a, "--price-in", "inf", "--price-out", "1"): "no finite number",
        ("explain", a, a, "--pair", "ann1", "ann1", "--plot", str(tmp_path / "x.jpg")): "a picture ends with",
    }.items():
        code, out, err = run(*args, loaded=None)
        assert (code, out) == (3, ""), args
        assert message in err
        assert err.count("\n") == 1, err
    assert [p.name for p in tmp_path.iterdir()] == ["ann.txt"]


def test_compare_for_people_is_plain_when_piped(run: Run, tmp_path: Path) -> None:
    a = persona(tmp_path / "[red]ann.txt", "tax [bold]sugar[/] now")
    code, out, _ = run("compare", a, a)
    assert code == 0
    assert "\x1b" not in out
    assert "tax [bold]sugar[/] now" in out
    assert "ALIGNED" in out
    assert "Summary (template)" in out


def test_fail_under(run: Run, tmp_path: Path) -> None:
    a = persona(tmp_path / "ann.txt", "tax sugar now")
    b = persona(tmp_path / "bob.txt", "do not tax sugar now")
    code, out, _ = run("compare", a, b, "--json", "--fail-under", "0.9")
    assert (code, json.loads(out)["score"] < 0.9) == (1, True)
    assert run("compare", a, a, "--json", "--fail-under", "0.9")[0] == 0


def test_relate(run: Run) -> None:
    code, out, _ = run("relate", "tax sugar", "not tax sugar", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["relation"] == "disagree"
    assert document["margin"] == pytest.approx(document["energies"]["disagree"] - document["energies"]["agree"])
    assert "DISAGREE" in run("relate", "tax sugar", "not tax sugar")[1]


def test_an_uncalibrated_model_says_so_and_gives_no_probability(run: Run, tmp_path: Path) -> None:
    loaded = AlignmentModel(ModelFiles(make_stages(WordEncoder(), calibrated=False), Baselines(), "bare"))
    a = persona(tmp_path / "ann.txt", "tax sugar now")
    code, out, err = run("compare", a, a, "--json", loaded=loaded)
    document = json.loads(out)
    assert code == 0
    assert "uncalibrated" in err
    assert document["agreements"][0]["p"] is None
    assert "uncalibrated" in run("relate", "a b", "c d", loaded=loaded)[1]


def test_train_and_evaluate(run: Run, model: AlignmentModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for i in range(60):
        topic = f"plan{i} helps towns"
        for label, b in (
            ("agree", f"{topic} indeed"),
            ("disagree", f"{topic} not"),
            ("unrelated", f"cats like box{i}"),
        ):
            rows.append({"a": f"voice says {topic}", "b": b, "label": label, "split": "dev" if i % 3 == 0 else "train"})
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr("jepa_langchain.training.runs.TransformerEncoder", lambda _: WordEncoder())
    out_dir = tmp_path / "model"
    code, out, err = run("train", str(pairs), "--out", str(out_dir), "--name", "mine")
    assert (code, out) == (0, "")
    assert f"{out_dir}: linear stage, calibrated" in err
    trained = AlignmentModel.load(out_dir, encoder=WordEncoder())
    assert trained.files.training["command"].startswith("jepa-langchain train ")
    code, out, _ = run("evaluate", str(pairs), "--json", loaded=trained)
    document = json.loads(out)
    assert (code, document["n"], document["split"], document["model"]) == (0, 60, "dev", "mine")
    keys = {"auroc_agree_vs_disagree", "auroc_related", "macro_f1", "ece", "coverage", "accuracy_at_coverage"}
    assert keys <= set(document)
    assert keys <= set(document["baselines"]["cosine"])
    assert keys <= set(document["files"][str(pairs)]["baselines"]["pair_features"])
    perfect = document["auroc_agree_vs_disagree"] == 1.0
    assert run("evaluate", str(pairs), "--fail-under", "1.0", loaded=trained)[0] == int(not perfect)
    assert trained.files.metrics["auroc_agree_vs_disagree"] == round(document["auroc_agree_vs_disagree"], 4)
    code, _, err = run("calibrate", str(out_dir), str(pairs), "--out", str(tmp_path / "again"), loaded=trained)
    assert (code, err.strip()) == (0, f"{tmp_path / 'again'}: calibrated on 120 pairs")
    named = tmp_path / "esc\x1b[31m.jsonl"
    named.write_text(json.dumps({**rows[0], "b": "fine\u200b words"}))
    code, _, err = run("evaluate", str(named), loaded=trained)
    assert (code, "1 invisible characters stripped" in err, "\x1b" in err) == (0, True, False)
    code, _, err = run("evaluate", str(pairs), "--split", "test", loaded=trained)
    assert (code, err.strip()) == (3, f"error: {pairs}: no rows of split 'test'")


def test_adapt_says_what_it_did(run: Run, tmp_path: Path) -> None:
    topics = ("rent caps", "uniforms", "night trains", "open offices", "city bees", "paper maps")
    rows = [{"a": f"{t} are good", "b": f"good {t} are welcome", "label": "agree"} for t in topics]
    rows += [{"a": f"{t} are good", "b": f"{t} are not good", "label": "disagree"} for t in topics]
    pairs = tmp_path / "few.jsonl"
    pairs.write_text("\n".join(json.dumps(row) for row in rows))
    code, out, err = run("adapt", str(pairs), "--out", str(tmp_path / "mine"))
    assert (code, out) == (0, "")
    assert "leave-one-out loss" in err
    assert (tmp_path / "mine" / "manifest.json").is_file()
    pairs.write_text(json.dumps(rows[0]))
    code, _, err = run("adapt", str(pairs), "--out", str(tmp_path / "other"))
    assert code == 3
    assert err == 'error: 1 distinct pairs with label "agree"; adaptation takes 2 to 500\n'


def test_usage_errors_exit_with_2(run: Run) -> None:
    for args in (
        ("compare", "only-one"),
        ("nothing",),
        ("relate", "a"),
        ("compare", "a", "b", "--fail-under", "2"),
        ("train", "a", "--out", "m", "--direction", "up"),
        ("train", "a", "--out", "m", "--seed", "-1"),
    ):
        code, out, err = run(*args)
        assert (code, out) == (2, "")
        assert err


def test_bad_input_is_one_line_and_exits_with_3(run: Run, tmp_path: Path, stages: Stages) -> None:
    good = persona(tmp_path / "good.txt", "fine words here")
    empty, huge = persona(tmp_path / "empty.txt"), persona(tmp_path / "huge.txt", "x" * 5_000_000)
    broken = persona(tmp_path / "broken.jsonl", '{"text": "ok"}', '{"text": 1}')
    wrong = tmp_path / "wrong"
    save_model(wrong, ModelFiles(stages, Baselines(), "toy"))
    (wrong / "predictor.safetensors").write_bytes(b"not weights")
    cases = {
        ("compare", good, str(tmp_path / "none.txt")): "none.txt: no such file",
        ("compare", good, empty): "empty.txt: no statements in it",
        ("compare", good, huge): "huge.txt, line 1: 5,000,000 characters; a statement may have 2,000",
        ("compare", good, good, "--max-characters", "5"): "good.txt, line 1: 15 characters; a statement may have 5",
        ("compare", good, good, "--max-bytes", "5"): "good.txt: over 5 bytes",
        ("compare", broken, good): 'broken.jsonl, line 2: not an object with a "text" field',
        ("compare", good, good, "--model", str(wrong)): "predictor.safetensors: damaged or replaced",
        ("compare", good, good, "--model", str(tmp_path / "nowhere")): "no model here (manifest.json is missing)",
        ("relate", "words", "a\x07b"): "TEXT_B: control character U+0007 at character 2",
        ("relate", "words", " "): "TEXT_B: empty text",
        ("evaluate", broken): 'broken.jsonl, line 1: field "a" is missing',
        ("train", good, "--out", good): "good.txt: a file stands where the model directory is to be written",
        ("train", good, "--out", str(tmp_path)): "and is no model directory; choose another place",
        ("train", good, "--out", str(tmp_path / "m"), "--encoder", "./no/such/folder"): "no such encoder folder",
        ("train", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "m")): "none.jsonl: no such file",
    }
    for args, message in cases.items():
        code, out, err = run(*args, loaded=None)
        assert (code, out) == (3, ""), args
        assert err.startswith("error: "), err
        assert message in err
        assert err.count("\n") == 1, err


def test_matrix_prints_the_group(run: Run, tmp_path: Path) -> None:
    files = [persona(tmp_path / f"{n}.txt", text) for n, text in (("ann", "tax sugar"), ("bob", "do not tax sugar"))]
    code, out, _ = run("matrix", *files, "--json")
    document = json.loads(out)
    assert code == 0
    assert [agent["id"] for agent in document["agents"]] == ["ann", "bob"]
    assert document["pairs"][0]["verdict"] == "misaligned"
    assert document["communities"] == [["ann"], ["bob"]]
    code, out, _ = run("matrix", *files)
    assert (code, "Communities  ann  |  bob" in out) == (0, True)
    code, _, err = run("matrix", files[0])
    assert (code, "a group has 2 to" in err) == (3, True)
