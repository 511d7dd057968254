from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from langchain_core.embeddings import DeterministicFakeEmbedding

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import Calibrator
from jepa_langchain.encoder import EmbeddingsEncoder, TransformerEncoder
from jepa_langchain.errors import ModelError
from jepa_langchain.estimates import estimate_texts
from jepa_langchain.model_files import MANIFEST, ModelFiles, load_model, save_model
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.stages import Stages
from jepa_langchain.weights import packaged_folder, sha256_of, weights_sha256
from tests.words import DIMENSION, WordEncoder


@pytest.fixture
def model(stages: Stages) -> ModelFiles:
    torch.manual_seed(0)
    pair = PairPredictor(PairConfig(DIMENSION, 4, 1, 32))
    pair.load_state_dict({k: v.half().float() for k, v in pair.state_dict().items()})
    calibrators = {**stages.calibrators, "pair": Calibrator(np.ones((3, 5)), np.zeros(3), 0.4)}
    peers = Baselines(Calibrator(np.ones((3, 1)), np.zeros(3), 0.4), {"w1": np.ones((2, 2), dtype=np.float16)})
    return ModelFiles(replace(stages, pair=pair, calibrators=calibrators), peers, "toy", {"seed": 1}, {"auroc": 0.5})


def test_round_trip(model: ModelFiles, folder: Path, words: WordEncoder) -> None:
    save_model(folder, model)
    again = load_model(folder, encoder=words)
    assert (again.name, again.training, again.metrics) == ("toy", {"seed": 1}, {"auroc": 0.5})
    assert set(again.files) == {MANIFEST, "predictor.safetensors", "pair.safetensors", "baselines.safetensors"}
    for pair in (("tax sugar", "not tax sugar"), ("a", "b c d")):
        assert estimate_texts(again.stages, *pair) == estimate_texts(model.stages, *pair)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_saving_again_drops_what_the_new_model_has_not(model: ModelFiles, folder: Path, words: WordEncoder) -> None:
    save_model(folder, model)
    save_model(folder, replace(model, stages=replace(model.stages, pair=None), baselines=Baselines()))
    assert {p.name for p in folder.iterdir()} == {MANIFEST, "predictor.safetensors"}
    assert load_model(folder, encoder=words).stages.pair is None


NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
SMALL = {"dimension": 8, "heads": 2, "layers": 1, "feedforward": 8}
GOOD = {"weights": [[0.0] * 5] * 3, "bias": [0.0] * 3, "threshold": 0.5}
BIN = {"bin": 3, "n": 50, "stated": 0.35, "observed": 0.3}
LINEAR, NAN = {**GOOD, "weights": [[0.0] * 3] * 3}, float("nan")


def edit(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **changes}))


def test_every_mismatch_is_one_clear_error(model: ModelFiles, folder: Path, words: WordEncoder) -> None:
    with pytest.raises(ModelError, match="no model here"):
        load_model(folder, encoder=words)
    with pytest.raises(ModelError, match="no model here"):
        AlignmentModel.load("", encoder=words)
    save_model(folder, model)
    good = {p.name: p.read_bytes() for p in folder.iterdir()}

    def restore() -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        for name, data in good.items():
            (folder / name).write_bytes(data)

    for name in ("predictor.safetensors", "pair.safetensors"):
        damaged = bytearray(good[name])
        damaged[-1] ^= 1
        (folder / name).write_bytes(bytes(damaged))
        with pytest.raises(ModelError, match=rf"{name}: damaged or replaced"):
            load_model(folder, encoder=words)
        (folder / name).unlink()
        with pytest.raises(ModelError, match=rf"{name}: missing"):
            load_model(folder, encoder=words)
        restore()
    identity = json.loads(good[MANIFEST])["encoder"]
    (folder / MANIFEST).write_text("{")
    with pytest.raises(ModelError, match=r"manifest.json: field the document: Invalid JSON"):
        load_model(folder, encoder=words)
    for changes, message in (
        ({"format": 99}, "field format: Input should be 2"),
        ({"pair": {"dimension": 8}}, "field pair.heads: Field required"),
        ({"calibration": {"linear": {"weights": [[1]], "bias": [1], "threshold": 0}}}, "do not fit together"),
        ({"encoder": {}}, "field encoder.name: Field required"),
        ({"files": {}}, "field files: no hash of predictor.safetensors"),
        ({"pair": SMALL}, "field pair: of another width than the encoder"),
        ({"pair": {**SMALL, "dimension": DIMENSION}}, "do not fit together"),
        ({"pair": {**SMALL, "dimension": DIMENSION, "layers": 10**9}}, "no such transformer"),
        ({"calibration": {}}, None),
        ({"calibration": {"pair": GOOD}}, "field calibration: none for 'linear'"),
        ({"calibration": {"linear": GOOD, "pair": GOOD}}, "field calibration.linear: not 3 finite weights"),
        (
            {"calibration": {"linear": LINEAR, "pair": {**GOOD, "bias": [0, NAN, 0]}}},
            "calibration.pair.bias: not finite",
        ),
        ({"calibration": {"linear": LINEAR, "pair": {**GOOD, "threshold": 7}}}, "pair.threshold: 7.0 lies not between"),
        ({"calibration": {"linear": {**LINEAR, "threshold": NAN}, "pair": GOOD}}, "linear.threshold: nan lies not"),
        ({"cosine_calibration": {**GOOD, "threshold": 0}}, "field cosine_calibration: not 1 finite weights"),
        ({"direction": None}, "field direction"),
        ({"pair": {**SMALL, "dimension": DIMENSION, "norm_eps": -1}}, "no such transformer"),
        ({"metrics": {"files": 3}}, "field files: Input should be a valid dictionary"),
        ({"metrics": {"files": {"x": {"reliability": [{**BIN, "observed": NAN}]}}}}, "reliability.0.observed: Input"),
        ({"metrics": {"files": {"x": {"reliability": [BIN]}}}, "calibration": {}}, None),
        ({"encoder": {**identity, "probe": [0.1, 0.2]}}, "embeds a known text otherwise"),
    ):
        restore()
        edit(folder, **changes)
        if message is None:
            assert not load_model(folder, encoder=words).stages.calibrated
            continue
        with pytest.raises(ModelError, match=message):
            load_model(folder, encoder=words)


def test_weights_are_found_where_sentence_transformers_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "models--an--encoder" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("1")
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ModelError, match="an/encoder: not in the hub's cache"):
        weights_sha256("an/encoder")
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    assert weights_sha256("an/encoder") == sha256_of(snapshot / "model.safetensors")


def test_another_encoder_is_refused(model: ModelFiles, folder: Path) -> None:
    save_model(folder, model)
    with pytest.raises(
        ModelError, match="trained with encoder name 'test:words', but the encoder here has 'test:other'"
    ):
        load_model(folder, encoder=WordEncoder("test:other"))


def test_a_model_is_not_written_over_something_else(model: ModelFiles, folder: Path, words: WordEncoder) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match=r"holds 'thesis.tex' and is no model directory"):
        save_model(folder, model)
    assert (folder / "thesis.tex").read_text() == "years of work"
    (folder / "thesis.tex").unlink()
    save_model(folder, model)
    (folder / "MODEL_CARD.md").write_text("kept")
    save_model(folder, model)
    assert (folder / "MODEL_CARD.md").read_text() == "kept"
    assert load_model(folder, encoder=words).name == "toy"
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_nothing_is_left_of_a_model_that_cannot_be_written(model: ModelFiles, folder: Path, words: WordEncoder) -> None:
    save_model(folder, model)
    with pytest.raises(ValueError, match="surrogates"):
        save_model(folder, replace(model, training={"command": "\udcff"}))
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    assert load_model(folder, encoder=words).training == {"seed": 1}


@pytest.mark.parametrize("device", ["nowhere", pytest.param("cuda", marks=NO_GPU)])
def test_a_device_that_is_not_there_is_named(model: ModelFiles, folder: Path, words: WordEncoder, device: str) -> None:
    save_model(folder, model)
    with pytest.raises(ModelError, match=f"device '{device}': torch has none such here"):
        load_model(folder, encoder=words, device=device)


def test_a_damaged_encoder_is_one_clear_error(tmp_path: Path) -> None:
    source = packaged_folder()
    if source is None:
        pytest.skip("the offline extra is not installed")
    damaged = tmp_path / "encoder"
    shutil.copytree(source, damaged, ignore=shutil.ignore_patterns("*.safetensors"))
    (damaged / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="its folder cannot be loaded") as failed:
        TransformerEncoder(str(damaged), device="cpu")
    assert "\n" not in str(failed.value)


def test_embeddings_that_are_none_are_refused() -> None:
    class Service(DeterministicFakeEmbedding):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            good = super().embed_documents(texts)
            found = {"left out": good[:-1], "no number": [[NAN] * 8] * len(texts), "wider": [[*v, 1.0] for v in good]}
            return next((given for text, given in found.items() if text in texts), good)

    encoder = EmbeddingsEncoder(Service(size=8))
    assert encoder.encode(["fine", "well"]).embeddings.shape == (2, 8)
    assert encoder.encode([]).embeddings.shape == (0, 8)
    for text in ("left out", "no number", "wider"):
        with pytest.raises(ModelError, match="Service: not one finite vector of one width for each text"):
            encoder.encode(["fine", text])


def test_a_file_name_in_the_manifest_cannot_leave_the_folder(
    model: ModelFiles, folder: Path, words: WordEncoder
) -> None:
    save_model(folder, model)
    outside = folder.parent / "secret"
    outside.write_text("x")
    manifest = json.loads((folder / MANIFEST).read_text())
    edit(folder, files={**manifest["files"], "../secret": "0" * 64})
    with pytest.raises(ModelError, match="model/secret: missing"):
        load_model(folder, encoder=words)
