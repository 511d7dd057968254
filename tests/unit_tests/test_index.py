"""What an index holds and refuses, and how it behaves under several readers and writers."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError, StoreError
from jepa_langchain.index import kinds as index_kinds
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.repair import rebuild
from jepa_langchain.index.rows import document_id
from jepa_langchain.index.storage import locked
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.schema import Persona, Statement
from tests.unit_tests.conftest import make_model, make_stages
from tests.words import WordEncoder


def test_mmr_prefers_what_differs(index: JointIndex) -> None:
    index.add_texts(["rents help towns", "rents help towns"], ids=["x", "y"])
    near = [d.page_content for d in index.similarity_search("rents help towns", k=3)]
    apart = [d.page_content for d in index.max_marginal_relevance_search("rents help towns", k=3, lambda_mult=0.1)]
    assert len(set(near)) == 1 < len(set(apart))


def test_scores_are_cosines_and_relevance_stays_in_range(index: JointIndex) -> None:
    encoder = index.model.stages.encoder
    query = encoder.encode(["bees help towns"]).embeddings[0]
    for doc, score in index.similarity_search_with_score("bees help towns", k=10):
        assert score == pytest.approx(float(query @ encoder.encode([doc.page_content]).embeddings[0]), abs=1e-5)
    for _, score in index.similarity_search_with_relevance_scores("bees help towns", k=10):
        assert 0 <= score <= 1
    probable = index.similarity_search_with_score("bees help towns", k=2, relation="agree")
    assert all(score == doc.metadata["probability"] for doc, score in probable)


def test_delete_by_id_by_filter_and_all(index: JointIndex) -> None:
    assert index.delete(["ann/s0", "nobody"])
    assert index.get_by_ids(["ann/s0", "ann/s1"])[0].id == "ann/s1"
    assert len(index) == 9
    index.delete(filter={"persona": "bob"})
    assert {row.id for row in index.rows()} == {"ann/s1", "ann/s2", "ann/s3", "ann/s4"}
    assert "ann/s0" not in {d.id for d in index.similarity_search("rents help towns", k=20)}
    index.delete(["ann/s1", "ann/s2", "nobody"], filter={"statement_id": {"$ne": "s1"}})
    assert {row.id for row in index.rows()} == {"ann/s1", "ann/s3", "ann/s4"}
    with pytest.raises(InputError, match="field 'persona': an empty condition"):
        index.delete(filter={"persona": {}})
    index.add_texts(["bees fly", "bees sting"], ids=["1", "2"])
    with pytest.raises(InputError, match="ids: a text given where a list"):
        index.delete("12")
    assert len(index) == 5
    index.delete()
    assert len(index) == 0
    assert index.search("rents", "agree") == []


def test_an_upsert_replaces_and_a_refused_addition_changes_nothing(index: JointIndex) -> None:
    index.add_texts(["bees sting"], [{"topic": "bees"}], ids=["ann/s0"])
    assert len(index) == 10
    assert index.get_by_ids(["ann/s0"])[0].metadata == {"topic": "bees"}
    for texts, metadatas, message in (
        (["fine", "bad \ud800"], None, r"control character U\+D800"),
        (["fine", "\x1b[31mred"], None, r"control character U\+001B at character 1"),
        (["fine", " \u200b "], None, "empty text"),
        (["fine", "bad"], [{}, {"when": "\ud800"}], "lone surrogate"),
        (["fine", "bad"], [{}, {"n": 10**400}], "metadata field 'n'"),
        (["fine", "bad"], [{}, {"when": object()}], "metadata field 'when'"),
        (["fine"], [{}, {}], "1 texts, 2 metadatas"),
        (["fine", "bad"], [{}, ["n"]], "its metadata is a list, no dictionary"),
    ):
        with pytest.raises(InputError, match=message):
            index.add_texts(texts, metadatas)  # type: ignore[arg-type]
    assert len(index) == 10


def test_bad_questions_are_refused(index: JointIndex) -> None:
    for arguments, message in (
        ({"relation": "unrelated"}, "relation 'unrelated': ask for agree, disagree, similar"),
        ({"relation": "similar", "min_probability": 0.5}, "gives no probabilities"),
        ({"k": 0}, "k: 0"),
        ({"query": " "}, "query: empty text"),
        ({"filter": {"$what": 1}}, "unknown operator"),
    ):
        with pytest.raises(InputError, match=message):
            index.search(**{"query": "rents", **arguments})  # type: ignore[arg-type]
    ways: tuple[Callable[..., object], ...] = (index.similarity_search, index.max_marginal_relevance_search)
    for nothing in ways:
        with pytest.raises(InputError, match="k: 0; ask for one"):
            nothing("rents", k=0)
    with pytest.raises(InputError, match=r"shape \(3,\); this index has 16"):
        index.similarity_search_by_vector([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="metadata of 'zz'"):
        index.add_persona(Persona(id="c", statements=(Statement(id="a", text="b"),)), statements={"zz": {}})
    with pytest.raises(InputError, match="takes JointEmbeddings"):
        JointIndex.from_texts(["a"], object())
    with pytest.raises(InputError, match="asked for 'disagree' at each search"):
        JointIndex.from_texts(["a"], JointEmbeddings(index.model, "disagree"))


def test_texts_are_cleaned_as_a_personas_are(index: JointIndex) -> None:
    index.add_texts(["bees \u202e sting\n  bears"], ids=["new"])
    assert index.get_by_ids(["new"])[0].page_content == "bees sting bears"


def test_an_id_that_is_no_text_is_named(index: JointIndex) -> None:
    for view in (index, index.namespace("acme")):
        ways: tuple[Callable[..., object], ...] = (view.get_by_ids, view.delete)
        for ask in ways:
            with pytest.raises(InputError, match=r"id 'a\\ud800': holds a lone surrogate"):
                ask(["ann/s0", "a\ud800"])
    assert len(index) == 10


def test_document_ids_cannot_be_confused() -> None:
    assert document_id("a/b", "c") != document_id("a", "b/c")


def test_searching_does_not_block_the_event_loop(index: JointIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    encoder: Any = index.model.stages.encoder
    encode = encoder.encode

    def slow(texts: list[str], *, progress: bool = False) -> Any:
        assert asked.wait(10)
        return encode(texts, progress=progress)

    monkeypatch.setattr(encoder, "encode", slow)

    async def both() -> int:
        task = asyncio.create_task(index.asearch("rents help towns", "agree", k=3))
        other = asyncio.create_task(index.aadd_texts(["more rents"]))
        await asyncio.sleep(0)
        asked.set()  # Reached while both wait in their threads: the loop is free.
        found, _ = await asyncio.gather(task, other)
        return len(found)

    assert asyncio.run(both()) == 3


def test_another_model_is_refused_and_another_predictor_can_adopt(index: JointIndex) -> None:
    folder = index.store.folder
    retrained = make_model("later")
    files = ModelFiles(retrained.stages, retrained.files.baselines, "later", files={"predictor.safetensors": "1"})
    with pytest.raises(StoreError, match=r"manifest.json: made with model 'toy', whose predictor .* adopt=True"):
        JointIndex.open(folder, model=AlignmentModel(files))
    adopted = JointIndex.open(folder, model=AlignmentModel(files), adopt=True)
    assert adopted.store.snapshot.manifest.model.name == "later"
    stranger = AlignmentModel(ModelFiles(make_stages(WordEncoder("test:others")), files.baselines, "o"))
    with pytest.raises(StoreError, match=r"manifest.json: made with model 'later', whose encoder"):
        JointIndex.open(folder, model=stranger, adopt=True)


def test_an_open_index_does_not_follow_to_another_encoder(index: JointIndex) -> None:
    folder, files = index.store.folder, make_model().files
    other = ModelFiles(files.stages, files.baselines, "later", files={"predictor.safetensors": "1"})
    JointIndex.open(folder, model=AlignmentModel(other), adopt=True)
    assert index.search("rents help towns", "agree", k=1), "the vectors are those that it was opened with"
    rebuild(folder, AlignmentModel(ModelFiles(make_stages(WordEncoder("test:others")), files.baselines, "o")))
    for view in (index, index.namespace("acme")):
        with pytest.raises(StoreError, match=r"manifest.json: rebuilt with model 'o', whose encoder is not that of"):
            view.search("rents help towns")
        with pytest.raises(StoreError, match="open the index again, with that model"):
            view.add_texts(["bees sting"])
    rebuild(folder, index.model)
    assert len(index) == len(index.search("rents help towns", k=50)) == 10


def test_read_only_never_writes(index: JointIndex) -> None:
    reader = JointIndex.open(index.store.folder, model=index.model, read_only=True)
    assert reader.search("rents help towns", "agree")[0].id == "ann/s0"
    with pytest.raises(StoreError, match="opened read-only"):
        reader.add_texts(["more"])
    index.add_texts(["bees sting"], ids=["new"])
    assert reader.get_by_ids(["new"])[0].page_content == "bees sting"


def test_no_faiss_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_kinds.load_faiss.cache_clear()
    real = importlib.import_module("faiss")
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(InputError, match=r"pip install 'jepa-langchain\[cpu\]', or \[gpu\]"):
        index_kinds.load_faiss()
    monkeypatch.setitem(__import__("sys").modules, "faiss", real)
    monkeypatch.setattr(index_kinds, "_installed", lambda _: True)
    with pytest.raises(InputError, match="both faiss-cpu and faiss-gpu"):
        index_kinds.load_faiss()
    monkeypatch.undo()
    index_kinds.load_faiss.cache_clear()


@settings(max_examples=15)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "delete"]), st.lists(st.integers(0, 12), min_size=1, max_size=5)),
        max_size=8,
    )
)
def test_any_history_leaves_what_a_dictionary_would(steps: list[tuple[str, list[int]]]) -> None:
    index = JointIndex.open(model=make_model())
    expected: dict[str, str] = {}
    for turn, (what, numbers) in enumerate(steps):
        ids = [f"d{n}" for n in numbers]
        if what == "add":
            texts = [f"topic{n} said {turn} {place}" for place, n in enumerate(numbers)]
            index.add_texts(texts, ids=ids)
            expected |= dict(zip(ids, texts, strict=True))
        else:
            index.delete(ids)
            expected = {i: t for i, t in expected.items() if i not in ids}
    assert {row.id: row.text for row in index.rows()} == expected
    assert len(index) == len(expected)
    found = index.similarity_search_with_score("topic3 said", k=20)
    assert {doc.id for doc, _ in found} == set(expected)
    query = index.model.stages.encoder.encode(["topic3 said"]).embeddings[0]
    for doc, score in found:
        vector = index.model.stages.encoder.encode([expected[str(doc.id)]]).embeddings[0]
        assert score == pytest.approx(float(np.dot(query, vector)), abs=1e-5)


def test_readers_do_not_wait_for_a_writer(index: JointIndex) -> None:
    with locked(index.store.folder):
        assert index.search("rents help towns", "agree", k=1)
        with pytest.raises(StoreError, match="lock: held by another process"), locked(index.store.folder, patience=0.1):
            pass
