"""FAISS structures: recall of the trained ones, exactness inside filters, the same results on a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jepa_langchain.errors import InputError
from jepa_langchain.index import kinds as index_kinds
from jepa_langchain.index.batches import Batch, Row
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.kinds import Selection, Structure, kind_for, load_faiss, write_flat, write_inverted
from tests.unit_tests.conftest import make_model

Floats = np.typing.NDArray[np.float32]
COUNT, WIDTH = 6_000, 24


def unit(rows: np.typing.NDArray[np.floating]) -> Floats:
    scaled: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


@pytest.fixture(scope="module")
def vectors() -> Floats:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, WIDTH))
    return unit(centres[rng.integers(200, size=COUNT)] + 0.4 * rng.normal(size=(COUNT, WIDTH)))


@pytest.fixture(scope="module")
def queries(vectors: Floats) -> Floats:
    rng = np.random.default_rng(1)
    return unit(vectors[:50] + 0.05 * rng.normal(size=(50, WIDTH)).astype(np.float32))


def make(folder: Path, vectors: Floats, kind: str, *, mapped: bool = False, gpu: bool | None = False) -> Structure:
    write_flat(folder / "v", vectors)
    if kind == "flat":
        return Structure.read(folder / "v", None, kind=kind, mapped=mapped, gpu=gpu)
    write_inverted(folder / "s", vectors, kind)  # type: ignore[arg-type]
    return Structure.read(folder / "v", folder / "s", kind=kind, mapped=mapped, gpu=gpu)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kind", ["flat", "ivf", "sq8"])
def test_each_kind_finds_the_neighbours(
    kind: str, mapped: bool, vectors: Floats, queries: Floats, tmp_path: Path
) -> None:
    structure = make(tmp_path, vectors, kind, mapped=mapped)
    scores, found = structure.search(queries, 10, None)
    truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, found, strict=True)])
    assert recall == 1.0 if kind == "flat" else recall >= 0.95
    # Whatever the codes, the scores are cosines of the exact vectors.
    assert np.allclose(scores, np.einsum("qd,qkd->qk", queries, vectors[found]), atol=1e-5)
    assert np.array_equal(structure.vectors, vectors)


@pytest.mark.parametrize("kind", ["flat", "ivf", "sq8"])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.9])
def test_filters_hold_inside_the_search(  # noqa: PLR0917
    kind: str, share: float, vectors: Floats, queries: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_kinds, "EXACT_UP_TO", COUNT // 10)
    mask = np.random.default_rng(2).random(COUNT) < share
    structure = make(tmp_path, vectors, kind)
    _, found = structure.search(queries, 10, Selection.of(mask))
    assert mask[found[found >= 0]].all()
    inside = np.flatnonzero(mask)
    truth = inside[np.argsort(-(queries @ vectors[inside].T), axis=1)[:, :10]]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, found, strict=True)])
    exact = kind == "flat" or mask.sum() <= COUNT // 10
    assert recall == 1.0 if exact else recall >= 0.9


@pytest.mark.parametrize("kind", ["ivf", "sq8"])
def test_a_filter_far_from_the_query_is_searched_all_the_same(
    kind: str, vectors: Floats, queries: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_kinds, "EXACT_UP_TO", 10)
    structure, query = make(tmp_path, vectors, kind), queries[:1]
    far = np.argsort(vectors @ query[0])[: COUNT // 20]
    mask = np.zeros(COUNT, dtype=bool)
    mask[far] = True
    _, found = structure.search(query, 10, Selection.of(mask))
    truth = far[np.argsort(-(vectors[far] @ query[0]))[:10]]
    assert len(set(found[0].tolist()) & set(truth.tolist())) >= 9


@pytest.mark.parametrize("kind", ["ivf", "sq8"])
def test_more_than_the_visited_lists_hold_is_found_all_the_same(
    kind: str, vectors: Floats, queries: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structure = make(tmp_path, vectors, kind)
    assert structure.inverted.nprobe < structure.inverted.nlist // 2
    scores, found = structure.search(queries[:1], COUNT, None)
    assert set(found[0].tolist()) == set(range(COUNT))
    assert (np.diff(scores[0]) <= 0).all()
    monkeypatch.setattr(index_kinds, "EXACT_UP_TO", 10)
    mask = np.arange(COUNT) % 3 == 0
    _, found = structure.search(queries[:1], COUNT, Selection.of(mask))
    assert set(found[found >= 0].tolist()) == set(np.flatnonzero(mask).tolist())


def test_a_filter_that_keeps_nothing_finds_nothing(vectors: Floats, queries: Floats, tmp_path: Path) -> None:
    for kind in ("flat", "sq8"):
        _, found = make(tmp_path, vectors, kind).search(queries, 10, Selection.of(np.zeros(COUNT, dtype=bool)))
        assert (found == -1).all()


def test_the_stated_rule() -> None:
    assert [kind_for("auto", n) for n in (0, 199_999, 200_000, 999_999, 1_000_000)] == [
        *("flat", "flat"),
        *("ivf", "ivf"),
        "sq8",
    ]
    assert [kind_for("sq8", n) for n in (10, 255, 256)] == ["flat", "flat", "sq8"]
    assert kind_for("flat", 10**9) == "flat"


def test_an_index_of_every_kind_answers_alike_and_is_retrained(tmp_path: Path) -> None:
    model = make_model()
    rng = np.random.default_rng(3)
    rows = [Row(f"d{n}", f"text {n}", f'{{"n": {n}}}') for n in range(3_000)]
    vectors = unit(rng.normal(size=(3_000, 16)).astype(np.float32))
    index = JointIndex.open(tmp_path / "i", model=model, keep_states=False)
    index.store.commit(Batch(rows[:2_000], vectors[:2_000]))
    index.store.commit(Batch(rows[2_000:], vectors[2_000:]))
    index.delete(["d5"])
    expected = [[d.id for d, _ in index.similarity_search_with_score_by_vector(v, 10)] for v in vectors[:20]]
    for kind in ("ivf", "sq8", "flat"):
        index.retrain(kind)
        (segment,) = index.store.snapshot.segments
        assert (segment.entry.kind, segment.entry.count) == (kind, 2_999)
        found = [[d.id for d, _ in index.similarity_search_with_score_by_vector(v, 10)] for v in vectors[:20]]
        recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(expected, found, strict=True)])
        assert recall == 1.0 if kind == "flat" else recall >= 0.9
        few = index.similarity_search_by_vector(vectors[7], k=3, filter={"n": {"$lt": 8}})
        assert few[0].id == "d7"
        assert "d5" not in {row.id for row in index.rows()}


def test_a_gpu_that_is_not_there_is_named(vectors: Floats, tmp_path: Path) -> None:
    if load_faiss().get_num_gpus():
        pytest.skip("there is a GPU here")
    with pytest.raises(InputError, match="gpu=True: no GPU that FAISS can use"):
        make(tmp_path, vectors, "flat", gpu=True)
    assert make(tmp_path, vectors, "flat", gpu=None).gpu is None


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["flat", "ivf", "sq8"])
def test_a_gpu_finds_the_same(kind: str, vectors: Floats, queries: Floats, tmp_path: Path) -> None:
    faiss = load_faiss()
    if not hasattr(faiss, "StandardGpuResources") or faiss.get_num_gpus() == 0:
        pytest.skip("FAISS finds no GPU here (faiss-cpu, or no device)")
    expected, _ = make(tmp_path, vectors, kind).search(queries, 10, None)
    structure = make(tmp_path, vectors, kind, gpu=True)
    assert structure.gpu is not None
    scores, _ = structure.search(queries, 10, None)
    assert np.allclose(scores, expected, atol=1e-3)
