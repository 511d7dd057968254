from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from jepa_langchain.commands.render import evaluation_view
from jepa_langchain.errors import InputError, ModelError
from jepa_langchain.estimates import estimate_texts
from jepa_langchain.evaluation import evaluate
from jepa_langchain.model_files import load_model, save_model
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import LabelledPair, PairSource, for_evaluation, for_training, hold_out, read_pairs
from jepa_langchain.schema import Persona, Relation, Statement
from jepa_langchain.training.augmentation import self_supervised
from jepa_langchain.training.data import hold_out_topics
from jepa_langchain.training.held_out import calibrate
from jepa_langchain.training.runs import holds_pairs, training_sources
from jepa_langchain.training.sampling import Rows, at_most
from jepa_langchain.training.trainer import TrainingOptions, train
from tests.words import WordEncoder


def test_training_learns_the_relation_and_saves_it(source: PairSource, folder: Path, words: WordEncoder) -> None:
    stages = train([source], folder, encoder=words, options=TrainingOptions(name="toy", command="test"))
    assert (
        estimate_texts(stages, "voice9 says taxes on bread help towns", "taxes on bread help towns indeed").margin > 0
    )
    assert estimate_texts(stages, "voice9 says taxes on bread help towns", "taxes on bread help towns not").margin < 0
    saved = load_model(folder, encoder=WordEncoder())
    assert saved.training["sources"] == [{"name": "words", "sha256": "0" * 64, "pairs": 240}]
    assert saved.training["calibrated_on"] == "held-out topics"
    rows = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    assert rows[0]["stage"] == "linear"
    dev = source.only([replace(p, split="dev") for p in source.pairs])
    result = evaluate(saved, [dev])
    ours = result["auroc_agree_vs_disagree"]
    assert ours > 0.95
    assert result["n"] == 240
    assert result["new_topics"]["n"] == 240
    assert set(result["baselines"]) == {"cosine", "pair_features"}
    assert result["files"]["words.jsonl"]["coverage"] > 0


def shown(result: dict[str, Any]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(evaluation_view(result))
    return capture.get()


def test_topics_that_another_file_trains_on_are_told_apart(
    source: PairSource, folder: Path, words: WordEncoder
) -> None:
    train([source], folder, encoder=words, options=TrainingOptions(name="toy"))
    topic = source.pairs[0].topic
    known = [replace(p, split="train") for p in source.pairs if p.topic == topic]
    dev = source.only([replace(p, split="dev") for p in source.pairs])
    other = replace(source.only([*known, replace(known[0], topic="another", split="dev")]), path="other.jsonl")
    saved = load_model(folder, encoder=WordEncoder())
    result = evaluate(saved, [dev, other])
    assert result["n"] == 241
    assert result["files"]["words.jsonl"]["new_topics"]["n"] == 240 - len(known)
    assert result["new_topics"]["n"] == 241 - len(known)
    assert result["new_topics"]["auroc_agree_vs_disagree"] is not None
    assert "new topics" in shown(result)
    trained_on = evaluate(saved, [other], split="train")
    assert trained_on["new_topics"] == {**dict.fromkeys(trained_on["new_topics"]), "n": 0}
    assert "new topics" not in shown(trained_on)


def test_training_twice_gives_the_same_files(source: PairSource, tmp_path: Path) -> None:
    options = TrainingOptions(name="toy")
    for name in ("one", "two"):
        train([source], tmp_path / name, encoder=WordEncoder(), options=options)
    one, two = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("one", "two"))
    one["files"].pop("train_log.jsonl")
    two["files"].pop("train_log.jsonl")
    assert one == two


def test_without_unrelated_pairs_they_are_made(source: PairSource, folder: Path, words: WordEncoder) -> None:
    related = source.only([p for p in source.pairs if p.label is not Relation.UNRELATED])
    stages = train([related], folder, encoder=words)
    assert stages.calibrated
    estimate = estimate_texts(stages, "voice9 says taxes on bread help towns", "cats like boxes")
    assert estimate.probabilities is not None
    assert estimate.probabilities.unrelated > 0.5
    assert not (folder / ".training").exists()


def test_one_sided_labels_are_refused(source: PairSource, folder: Path, words: WordEncoder) -> None:
    agreeing = source.only([p for p in source.pairs if p.label is Relation.AGREE])
    with pytest.raises(InputError, match='no pair with label "disagree"'):
        train([agreeing], folder, encoder=words)


def test_no_relation_is_held_out_altogether(folder: Path, words: WordEncoder) -> None:
    pairs = [
        LabelledPair(f"voice says plan{i} helps", f"plan{i} helps{tail}", label, topic=f"t{i % 4}", split="train")
        for i in range(120)
        for tail, label in ((" indeed", Relation.AGREE), (" not", Relation.DISAGREE))
    ]
    lone = [LabelledPair(f"plan{i} helps", f"cats like box{i}", Relation.UNRELATED, topic="rare") for i in range(30)]
    source = PairSource("s", (*pairs, *lone))
    rare_only = 0
    for seed in range(20):
        folds = TrainingOptions(seed=seed).folds([source])
        assert {p.label for s in folds.kept for p in s.pairs} == set(LABELS)
        rare_only += not folds.held
        if not folds.held and rare_only == 1:
            stages = train([source], folder, encoder=words, options=TrainingOptions(seed=seed))
            assert stages.calibrated
    assert 0 < rare_only < 20


def test_what_calibrates_on_training_pairs_is_a_share_of_each_label() -> None:
    label = np.array([0] * 90 + [1] * 9 + [2])
    rows = Rows("s", np.arange(100), np.arange(100) + 1, label, np.ones(100, dtype=np.int64))
    few = at_most([rows], 20, seed=0)[0]
    assert np.bincount(few.label).tolist() == [18, 2, 1]
    assert (few.y == few.x + 1).all()
    assert at_most([rows], 100, seed=0) == [rows]


def test_bare_statements_train_an_uncalibrated_model(folder: Path, words: WordEncoder) -> None:
    personas = [
        Persona(id=name, statements=tuple(Statement(id=f"{name}{i}", text=f"{name} is for plan{i}") for i in range(6)))
        for name in ("ann", "bob")
    ]
    options = TrainingOptions(labelled=False)
    stages = train(self_supervised(personas), folder, encoder=words, options=options)
    assert not stages.calibrated
    estimate = estimate_texts(stages, "ann is for plan1", "ann is not for plan1")
    assert (estimate.probabilities, estimate.relation) == (None, None)
    assert estimate.margin < estimate_texts(stages, "ann is for plan1", "ann is for plan2").margin
    result = evaluate(load_model(folder, encoder=WordEncoder()), [labelled()])
    assert result["ece"] is None
    assert result["auroc_agree_vs_disagree"] is not None


def test_calibration_gives_a_bare_model_probabilities(source: PairSource, folder: Path, words: WordEncoder) -> None:
    said = [p.a for p in source.pairs[::6]]
    persona = Persona(id="ann", statements=tuple(Statement(id=f"s{i}", text=t) for i, t in enumerate(said)))
    train(self_supervised([persona]), folder, encoder=words, options=TrainingOptions(labelled=False))
    bare = load_model(folder, encoder=words)
    fitted = calibrate(bare, [source])
    assert fitted.stages.linear is bare.stages.linear
    estimate = estimate_texts(fitted.stages, source.pairs[0].a, source.pairs[0].b)
    assert estimate.probabilities is not None
    save_model(folder, fitted)
    assert estimate_texts(load_model(folder, encoder=words).stages, source.pairs[0].a, source.pairs[0].b) == estimate
    with pytest.raises(InputError, match='no pair with label "unrelated"'):
        calibrate(bare, [labelled()])


def test_calibrating_again_keeps_concessions_and_the_log(
    source: PairSource, folder: Path, words: WordEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    conceding = source.only(
        [
            *source.pairs,
            *(
                LabelledPair(p.a, f"While cats like box{i}, {p.b}.", p.label, topic=p.topic, split="train")
                for i, p in enumerate(source.pairs)
            ),
        ]
    )
    train([conceding], folder, encoder=words)
    trained = load_model(folder, encoder=words)
    fitted = calibrate(trained, [conceding])
    assert set(fitted.stages.calibrators) == {"linear", "concession"}
    before = (folder / "train_log.jsonl").read_bytes()
    save_model(folder, fitted)
    assert (folder / "train_log.jsonl").read_bytes() == before
    save_model(folder.with_name("other"), load_model(folder, encoder=words))
    assert (folder.with_name("other") / "train_log.jsonl").read_bytes() == before
    assert set(calibrate(fitted, [source.only(source.pairs[:12])]).stages.calibrators) == {"linear"}
    assert "the calibrator of concessions is dropped" in caplog.text


def labelled() -> PairSource:
    pairs = [
        LabelledPair("ann is for plan1", "ann is not for plan1", Relation.DISAGREE),
        LabelledPair("ann is for plan1", "ann is for plan1 now", Relation.AGREE),
    ]
    return PairSource("few", tuple(pairs))


def test_going_on_needs_a_model_with_a_pair_stage(source: PairSource, tmp_path: Path, words: WordEncoder) -> None:
    train([source], tmp_path / "first", encoder=words)
    with pytest.raises(ModelError, match="has no pair stage to go on from"):
        train([source], tmp_path / "second", encoder=words, options=TrainingOptions(start=tmp_path / "first"))
    assert not (tmp_path / "second").exists()


def test_held_out_topics_are_never_trained_on(source: PairSource) -> None:
    kept, held = hold_out(source, share=0.3, seed=0)
    assert {p.topic for p in kept.pairs}.isdisjoint({p.topic for p in held.pairs})
    assert len(kept.pairs) + len(held.pairs) == len(source.pairs)
    assert held.pairs
    assert hold_out(source, share=0.0, seed=0)[1].pairs == ()


def test_a_topic_of_two_sources_does_not_stand_on_both_sides() -> None:
    def about(name: str, topics: int) -> PairSource:
        labels = (Relation.AGREE, Relation.DISAGREE, Relation.UNRELATED)
        return PairSource(
            name,
            tuple(
                LabelledPair(f"{name} {i} {z}", f"on {i} {z}", z, topic=f"t{i}") for i in range(topics) for z in labels
            ),
        )

    # The small one holds out a topic that the large one is trained on.
    sources = [about("small", 6), about("large", 40)]
    kept, held = hold_out_topics(sources, share=0.05, concessions=0, negations=0, seed=1)
    assert held
    assert {p.group for s in kept for p in s.pairs}.isdisjoint({p.group for s in held for p in s.pairs})


@pytest.mark.parametrize(("topics", "held_out"), [(3, 0), (4, 1), (12, 1)])
def test_a_source_of_few_topics_holds_out_one_of_them(topics: int, held_out: int) -> None:
    pairs = [LabelledPair(f"a{i}", f"b{i}", Relation.AGREE, topic=f"t{i % topics}", split="train") for i in range(60)]
    held = hold_out(PairSource("s", tuple(pairs)), share=1e-9, seed=0)[1]
    assert len({p.topic for p in held.pairs}) == held_out


def test_splits() -> None:
    rows = [LabelledPair("a", "b", Relation.AGREE, split=s) for s in ("train", "dev", None)]
    source = PairSource("s", tuple(rows))
    assert [p.split for p in for_training(source).pairs] == ["train", None]
    assert [p.split for p in for_evaluation(source, "dev").pairs] == ["dev", None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "p.jsonl, line 2: not JSON"),
        ("[]", "p.jsonl, line 2: not a JSON object"),
        ('{"a": "x", "label": "agree"}', 'p.jsonl, line 2: field "b" is missing or not a text'),
        (
            '{"a": "x", "b": "y", "label": "yes"}',
            "p.jsonl, line 2: field \"label\" is 'yes', not one of agree, disagree",
        ),
        ('{"a": "x", "b": "y", "label": "agree", "topic": 3}', 'p.jsonl, line 2: field "topic" is not a text'),
        ('{"a": "x", "b": " ", "label": "agree"}', 'p.jsonl, line 2, field "b": empty text'),
    ],
)
def test_bad_pairs_name_the_line_and_the_field(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"a": "x", "b": "y", "label": "agree"}\n' + line)
    with pytest.raises(InputError, match=message):
        read_pairs(path)


def test_any_file_name_and_a_byte_order_mark_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    path.write_bytes(b'\xef\xbb\xbf{"a": "x", "b": "y", "label": "agree"}\n')
    source = read_pairs(path)
    assert (source.name, len(source.pairs)) == ("caf\\udce9", 1)
    assert source.path.encode().endswith(b"caf\\udce9.jsonl")


def test_damaged_or_missing_pairs_files(tmp_path: Path) -> None:
    for name, content, message in (
        ("p.jsonl.gz", b"not gzip", "cannot be read"),
        ("p.jsonl", b"", "no pairs in it"),
        ("p.jsonl", b"\xff\xfe", "cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_pairs(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_pairs(tmp_path / "none.jsonl")


def test_pairs_and_bare_statements_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"a": "x", "b": "y", "label": "agree"}\n')
    (tmp_path / "s.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "s.txt").write_text("x is y\nz is not y\n")
    (tmp_path / "blank.jsonl").write_text('\n  \n{"text": "x"}\n')
    assert holds_pairs(tmp_path / "p.jsonl")
    assert not holds_pairs(tmp_path / "blank.jsonl")
    assert not holds_pairs(tmp_path / "s.jsonl")
    assert not holds_pairs(tmp_path / "s.txt")
    with pytest.raises(InputError, match=r"s\.txt: bare statements among labelled pairs"):
        training_sources([tmp_path / "p.jsonl", tmp_path / "s.txt"], seed=0)
    with pytest.raises(InputError, match=r"typo\.jsonl: no such file"):
        training_sources([tmp_path / "p.jsonl", tmp_path / "typo.jsonl"], seed=0)
    sources, has_labels = training_sources([tmp_path / "s.txt"], seed=0)
    assert not has_labels
    assert {p.label for p in sources[0].pairs} == {Relation.AGREE, Relation.DISAGREE}
