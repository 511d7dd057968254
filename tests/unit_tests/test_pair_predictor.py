from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from jepa_langchain.errors import InputError
from jepa_langchain.pair_predictor import PairConfig, PairPredictor, collate, from_encoder
from jepa_langchain.pairs import PairSource
from jepa_langchain.schema import Relation
from jepa_langchain.training.pair import train_pair
from jepa_langchain.training.sampling import PairTraining, Rows, draw_block
from jepa_langchain.training.states import StateStore
from tests.words import DIMENSION, WordEncoder

CONFIG = PairConfig(dimension=DIMENSION, heads=4, layers=2, feedforward=32)


def make(seed: int = 0) -> PairPredictor:
    torch.manual_seed(seed)
    model = PairPredictor(CONFIG)
    with torch.no_grad():
        for block in model.blocks:
            bias = block.cross_bias
            assert isinstance(bias, torch.Tensor)
            bias.normal_()
        for layer in (model.readout, model.each):
            layer.weight.normal_()
    return model.eval()


def states(rng: np.random.Generator, length: int) -> npt.NDArray[np.float32]:
    return rng.normal(size=(length, DIMENSION)).astype(np.float32)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
def test_energies_are_symmetric_by_construction(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    model, x, y = make(seed), states(rng, n), states(rng, m)
    with torch.inference_mode():
        ahead, back = model(*collate([(x, y)])), model(*collate([(y, x)]))
    assert torch.allclose(ahead, back, atol=1e-5)


def test_which_statement_a_token_stands_in_matters() -> None:
    rng = np.random.default_rng(5)
    model, x, y = make(), states(rng, 4), states(rng, 4)
    with torch.inference_mode():
        whole = model(*collate([(x, y)]))
        moved = model(*collate([(np.concatenate([x[:3], y[:1]]), np.concatenate([x[3:], y[1:]]))]))
    assert not torch.allclose(whole, moved, atol=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_token_shares_sum_to_the_energy_and_padding_has_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = make(seed)
    batch = collate([(states(rng, 3), states(rng, 7)), (states(rng, 2), states(rng, 1))])
    with torch.inference_mode():
        energies, weights = model.token_energies(*batch)
        whole = model(*batch)
    assert whole.abs().sum() > 0
    assert torch.allclose((energies * weights.unsqueeze(-1)).sum(1), whole, atol=1e-5)
    assert torch.allclose(weights.sum(1), torch.ones(2))
    assert (weights[batch[1] == -1] == 0).all()


def test_scores_do_not_depend_on_batching() -> None:
    rng = np.random.default_rng(0)
    tokens = [states(rng, int(n)) for n in rng.integers(1, 20, 12)]
    pairs = np.array([(i, j) for i in range(12) for j in range(12)], dtype=np.int64)
    model = make()
    one = model.score(tokens, pairs, batch_tokens=1)
    many = model.score(tokens, pairs, batch_tokens=700)
    assert np.allclose(one, many, atol=1e-5)
    assert np.allclose(one, one.reshape(12, 12, 2).transpose(1, 0, 2).reshape(-1, 2), atol=1e-5)
    assert model.score(tokens, pairs[:0]).shape == (0, 2)


def test_a_block_equals_the_encoder_layer_it_starts_from() -> None:
    """Without cross bias, a block initialised from a BERT layer computes what that layer computes."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        hidden_size=DIMENSION, num_attention_heads=4, intermediate_size=32, num_hidden_layers=2, vocab_size=10
    )
    torch.manual_seed(0)
    bert = transformers.BertModel(config).eval()
    layers: list[nn.Module] = list(bert.encoder.layer)
    model = from_encoder(layers, heads=4, norm_eps=config.layer_norm_eps).eval()
    x = torch.randn(2, 5, DIMENSION)
    nothing = torch.zeros(2, 1, 5, 5), torch.zeros(2, 1, 1, 5)
    with torch.inference_mode():
        theirs = bert(inputs_embeds=x, output_hidden_states=True)
        h = theirs.hidden_states[0]
        for block, expected in zip(model.blocks, theirs.hidden_states[1:], strict=True):
            h = block(h, *nothing)
            assert torch.allclose(h, expected, atol=1e-5)


def test_layers_of_another_kind_start_fresh() -> None:
    model = from_encoder([nn.TransformerEncoderLayer(8, 2, 16)], heads=2, norm_eps=1e-5)
    assert model.config == PairConfig(8, 2, 1, 32, 1e-5)


@pytest.fixture
def store(tmp_path: Path, source: PairSource, words: WordEncoder) -> StateStore:
    texts = [text for pair in source.pairs for text in (pair.a, pair.b)]
    return StateStore(tmp_path / "states", texts, words, with_tokens=True)


def test_blocks_are_deterministic_and_cover_a_source(source: PairSource, store: StateStore) -> None:
    rows = Rows.of(source, store)
    config = PairTraining(batch=10, seed=3)
    blocks = [draw_block([rows], block, config) for block in range(2)]
    again = [draw_block([rows], block, config) for block in range(2)]
    flat = [np.stack(batch).tolist() for block in blocks for batch in block]
    assert flat == [np.stack(batch).tolist() for block in again for batch in block]
    seen = {(int(x), int(y)) for block in blocks for batch in block for x, y in zip(*batch[:2], strict=True)}
    assert seen == set(zip(rows.x.tolist(), rows.y.tolist(), strict=True))


def run(folder: Path, source: PairSource, store: StateStore, *, samples: int, stop: int | None = None) -> PairPredictor:
    folder.mkdir(exist_ok=True)
    rows = Rows.of(source, store)

    class KilledError(Exception):
        pass

    def log(row: dict[str, float | str]) -> None:
        if row["stage"] == "pair":
            losses.append(float(row["loss"]))

    def evaluate(model: PairPredictor) -> float:
        if stop is not None and len(losses) >= stop:
            raise KilledError
        return float(model.readout.weight.detach().abs().sum())

    losses: list[float] = []
    config = PairTraining(
        samples=samples,
        batch=8,
        evaluate_every=1,
        seed=1,
        fresh_rate=1e-2,
        rate=1e-2,
    )
    torch.manual_seed(1)
    model = PairPredictor(CONFIG)
    try:
        train_pair(model, [rows], store, folder, config=config, evaluate=evaluate, log=log, resume=True)
    except KilledError:
        return model
    assert all(np.isfinite(losses))
    return model


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path, source: PairSource, store: StateStore) -> None:
    whole = run(tmp_path / "whole", source, store, samples=8 * 32 * 4)
    run(tmp_path / "killed", source, store, samples=8 * 32 * 4, stop=2)
    resumed = run(tmp_path / "killed", source, store, samples=8 * 32 * 4)
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_a_run_on_corrected_labels_is_another_run(tmp_path: Path, source: PairSource, store: StateStore) -> None:
    run(tmp_path / "killed", source, store, samples=8 * 32 * 4, stop=2)
    first, *rest = source.pairs
    corrected = source.only([replace(first, label=Relation.UNRELATED), *rest])
    with pytest.raises(InputError, match="left by a run on other data or settings"):
        run(tmp_path / "killed", corrected, store, samples=8 * 32 * 4)


def test_store_resumes_after_a_kill_and_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jepa_langchain.training.states._CHUNK", 4)
    texts = [f"word{i} and more{i % 3}" for i in range(10)]

    class DyingEncoder(WordEncoder):
        def encode(self, texts: object, *, progress: bool = False) -> object:  # type: ignore[override]
            if len(self.calls) >= 8:
                raise KeyboardInterrupt
            return super().encode(texts, progress=progress)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        StateStore(tmp_path, texts, DyingEncoder(), with_tokens=True)  # type: ignore[arg-type]
    encoder = WordEncoder()
    store = StateStore(tmp_path, texts, encoder, with_tokens=True)
    assert len(encoder.calls) == 2
    expected = encoder.encode(store.texts)
    assert np.allclose(store.embeddings, expected.embeddings, atol=1e-3)
    assert expected.tokens is not None
    for row, states_of in enumerate(expected.tokens):
        assert np.allclose(store.token_states(row), states_of, atol=1e-2)
    lengths = [int(b - a) for a, b in pairwise(store.bounds)]
    assert lengths == [len(t) for t in expected.tokens]
