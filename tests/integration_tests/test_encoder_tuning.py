"""Adapters move the lower layers of the real encoder, are merged, and what is saved is an ordinary encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.errors import InputError, ModelError
from jepa_langchain.pairs import PairSource, read_pairs
from jepa_langchain.training.encoder_tuning import EncoderTuning, tune_encoder, tuned_encoder
from jepa_langchain.training.runs import run_training

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def source() -> PairSource:
    whole = read_pairs(ROOT / "data" / "polar.jsonl")
    return whole.only(whole.pairs[:200])


def test_tuning_moves_the_lower_layers_alone_and_saves_a_plain_encoder(tmp_path: Path, source: PairSource) -> None:
    before = TransformerEncoder()
    weights = {k: v.clone() for k, v in before.model.state_dict().items()}
    tuned = tune_encoder(before, [source], tmp_path / "tuned", EncoderTuning(rank=2, samples=64, batch=16))
    after = tuned.model.state_dict()
    assert after.keys() == weights.keys()
    moved = {name for name, tensor in weights.items() if not torch.equal(tensor, after[name])}
    assert moved
    assert all(int(name.split("layer.")[1].split(".")[0]) < 3 for name in moved)
    assert tuned.identity.sha256 != TransformerEncoder().identity.sha256
    texts = ["Homework helps.", "Taxes are too high in this town."]
    one, two = (encoder.encode(texts).embeddings for encoder in (tuned, TransformerEncoder(str(tmp_path / "tuned"))))
    assert np.array_equal(one, two)
    cosine = (one * TransformerEncoder().encode(texts).embeddings).sum(1)
    assert (cosine > 0.9).all()


def test_a_place_that_is_taken_and_nothing_to_learn_are_refused(tmp_path: Path, source: PairSource) -> None:
    encoder = TransformerEncoder()
    with pytest.raises(InputError, match="already there"):
        tune_encoder(encoder, [source], tmp_path, EncoderTuning())
    with pytest.raises(InputError, match="nothing to tune"):
        tune_encoder(encoder, [source.only([])], tmp_path / "new", EncoderTuning())


def test_an_encoder_tuned_before_is_used_again_for_the_same_run_only(tmp_path: Path, source: PairSource) -> None:
    config, place = EncoderTuning(rank=2, samples=32, batch=16), tmp_path / "tuned"
    tuned = tuned_encoder(TransformerEncoder(), [source], place, config)
    written = (place / "model.safetensors").stat().st_mtime_ns
    again = tuned_encoder(TransformerEncoder(), [source], place, config)
    assert again.identity.sha256 == tuned.identity.sha256
    assert (place / "model.safetensors").stat().st_mtime_ns == written
    for others, settings in (([source.only(source.pairs[1:])], config), ([source], replace(config, rank=4))):
        with pytest.raises(InputError, match="left by a run on other data or settings"):
            tuned_encoder(TransformerEncoder(), others, place, settings)


def run(out: Path, *, start: Path | None = None) -> None:
    run_training(
        [ROOT / "data" / "polar.jsonl"],
        out,
        resume=False,
        seed=0,
        name="t",
        encoder=None,
        pair_samples=0,
        start=start,
        lora=2,
        direction="symmetric",
        command="",
    )


def test_tuning_under_torchrun_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="one process"):
        run(tmp_path / "model")


def test_what_would_fail_after_tuning_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--lora and --start"):
        run(tmp_path / "model", start=tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match="is no model directory"):
        run(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
