"""Filters asked again answer from what lies side by side: the same as the first time, and never stale."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps

from jepa_langchain.index import repeated
from jepa_langchain.index.batches import Batch, Row
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.relation_search import nearest
from jepa_langchain.index.repeated import Filters, Gathered, Rows
from jepa_langchain.index.storage import ModelIdentity
from jepa_langchain.index.store import IndexStore
from tests.unit_tests.conftest import make_model

COUNT, WIDTH = 600, 16
FILTER = {"part": 3}


@pytest.fixture
def index(tmp_path: Path) -> JointIndex:
    model = make_model()
    store = IndexStore.create(tmp_path / "index", ModelIdentity.of(model.files), WIDTH, kind="flat", keep_states=False)
    store.commit(batch(range(COUNT)))
    return JointIndex(store, model)


def batch(numbers: range) -> Batch:
    rng = np.random.default_rng(numbers.start)
    vectors = rng.normal(size=(len(numbers), WIDTH)).astype(np.float32)
    rows = [Row(f"s{i}", f"statement {i}", f'{{"part": {i % 10}}}') for i in numbers]
    return Batch(rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def queries(count: int) -> list[list[float]]:
    found: list[list[float]] = np.random.default_rng(1).normal(size=(count, WIDTH)).tolist()
    return found


def ids(index: JointIndex, query: list[float], wanted: dict[str, int] | None = None, k: int = 10) -> list[str]:
    return [str(doc.id) for doc in index.similarity_search_by_vector(query, k, wanted or FILTER)]


def truth(index: JointIndex, query: list[float], wanted: dict[str, int] | None = None, k: int = 10) -> list[str]:
    """By brute force, from the stored rows and vectors."""
    scored = []
    for segment in index.store.snapshot.segments:
        for position, row in zip(segment.alive(), segment.rows(segment.alive().tolist()), strict=True):
            if f'"part": {(wanted or FILTER)["part"]}}}' in row.metadata:
                scored.append((-float(segment.structure.vectors[position] @ np.array(query, np.float32)), row.id))
    return [id_ for _, id_ in sorted(scored)[:k]]


def test_the_second_time_is_the_first_time(index: JointIndex) -> None:
    (segment,) = index.store.snapshot.segments
    for query in queries(5):
        vector = np.array(query, np.float32)[None]
        vector /= np.linalg.norm(vector)
        first = segment.structure.search(vector, 10, segment.selection(FILTER))
        again = segment.search(vector, 10, FILTER)
        np.testing.assert_array_equal(first[1], again[1])
        np.testing.assert_allclose(first[0], again[0], atol=1e-6)
        assert ids(index, query) == truth(index, query)
    assert segment._filters._gathered  # Else the loop above compared the selector with itself.


def test_fewer_kept_than_asked_for_and_none(index: JointIndex) -> None:
    for _ in range(3):
        assert len(ids(index, queries(1)[0], FILTER, k=200)) == COUNT // 10
        assert ids(index, queries(1)[0], {"part": 99}) == []


def test_nothing_remembered_outlives_a_change(index: JointIndex) -> None:
    query = queries(1)[0]
    for _ in range(3):
        before = ids(index, query)
    index.delete(before[:4])
    for _ in range(3):
        assert ids(index, query) == truth(index, query)
    assert not set(before[:4]) & set(ids(index, query))
    index.store.commit(batch(range(COUNT, COUNT + 50)))
    index.store.commit(Batch([Row(before[5], "another text", '{"part": 3}')], batch(range(1)).vectors))
    for _ in range(3):
        assert ids(index, query) == truth(index, query)
    texts = {doc.id: doc.page_content for doc in index.similarity_search_by_vector(query, 100, FILTER)}
    assert texts[before[5]] == "another text"


def test_tenants_share_no_answer(index: JointIndex) -> None:
    query = queries(1)[0]
    for tenant, text in (("ann", "from ann"), ("bob", "from bob")):
        view = index.namespace(tenant)
        view.store.commit(Batch([Row("s3", text, '{"part": 3}')], batch(range(1)).vectors))
    for _ in range(3):
        for tenant in ("ann", "bob"):
            found = index.namespace(tenant).similarity_search_by_vector(query, 10, FILTER)
            assert [(doc.id, doc.page_content) for doc in found] == [("s3", f"from {tenant}")]


def test_a_documents_metadata_is_the_callers_own(index: JointIndex) -> None:
    query = queries(1)[0]
    for _ in range(3):
        (found,) = index.similarity_search_by_vector(query, 1, FILTER)
        assert found.metadata == {"part": 3}
        found.metadata["part"] = "changed"


def test_vectors_kept_side_by_side_are_bounded(index: JointIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    (segment,) = index.store.snapshot.segments
    one = Gathered.of(segment._selected(FILTER)[1], segment.structure).bytes
    monkeypatch.setattr(repeated, "VECTOR_BYTES", 3 * one)
    monkeypatch.setattr(repeated, "FILTERS_KEPT", 5)
    query = queries(1)[0]
    for part in [*range(10), *range(10)]:
        for _ in range(2):
            assert ids(index, query, {"part": part}) == truth(index, query, {"part": part})
        filters = segment._filters
        assert len(filters._gathered) <= 3
        assert len(filters._known) <= 5
        assert filters._gathered.keys() <= filters._known.keys()


def test_rows_read_first_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows()
    each = repeated._cost(Row("s1", "text", "{}"))
    monkeypatch.setattr(repeated, "ROW_CHARACTERS", 3 * each)
    for i in range(6):
        rows.add({i: Row(f"s{i}", "text", "{}")})
        rows.add({i: Row(f"s{i}", "text", "{}")})
    assert sorted(rows.get(range(6))) == [3, 4, 5]


def test_a_filter_that_fails_is_not_remembered() -> None:
    filters = Filters()

    def fail() -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            filters.selection("key", fail)  # type: ignore[arg-type]
    assert not filters._known


def test_many_threads_ask_the_same_filters(index: JointIndex) -> None:
    asked = queries(8)
    expected = {part: [truth(index, query, {"part": part}) for query in asked] for part in range(10)}
    wrong: list[int] = []

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            part, n = int(rng.integers(10)), int(rng.integers(len(asked)))
            found = nearest(index.store.snapshot, np.array(asked[n], np.float32), 10, {"part": part})
            if [hit.row.id for hit in found] != expected[part][n]:
                wrong.append(part)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_lists_in_metadata_are_the_callers_own_too() -> None:
    row = Row("a", "text", '{"tags": ["x"], "in": {"year": 2020}}')
    first = row.document()
    first.metadata["tags"].append("changed")
    first.metadata["in"]["year"] = 0
    assert row.document({"relation": "agree"}).metadata == {"tags": ["x"], "in": {"year": 2020}, "relation": "agree"}
    long = Row("a", "text", '{"note": "' + "x" * 2_000 + '"}')
    long.document().metadata["note"] = "changed"
    assert len(long.document().metadata["note"]) == 2_000


def test_documents_are_what_langchain_makes() -> None:
    found, made = Row("a", "text", '{"n": 1}').document(), Document(id="a", page_content="text", metadata={"n": 1})
    assert (found, found.model_dump(), found.model_fields_set) == (made, made.model_dump(), made.model_fields_set)
    assert dumps(found) == dumps(made)
    assert found.model_copy(update={"page_content": "other"}).page_content == "other"
