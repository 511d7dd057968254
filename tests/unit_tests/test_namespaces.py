"""Tenants of one index: none reads, replaces or deletes what another has, whatever it passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.vectorstores import InMemoryVectorStore

from jepa_langchain.errors import InputError
from jepa_langchain.index.building import add_in_bulk
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.joint_retriever import JointRetriever
from jepa_langchain.index.repair import rebuild, verify
from jepa_langchain.index.rows import make_row
from jepa_langchain.schema import Persona, Statement
from tests.unit_tests.conftest import make_model

TEXT = "rents help towns"


def fill(index: JointIndex, mine: str) -> JointIndex:
    index.add_texts([f"{TEXT} {mine}", f"{TEXT} not {mine}"], [{"of": mine}, {"of": mine, "old": True}], ids=["a", "b"])
    index.add_persona(Persona(id="ann", statements=(Statement(id="s0", text=f"trains {mine}"),)))
    return index


@pytest.fixture
def whole(tmp_path: Path) -> JointIndex:
    index = fill(JointIndex.open(tmp_path / "index", model=make_model()), "whole")
    for tenant in ("acme", "bolt", "acm", "acme/a"):
        fill(index.namespace(tenant), tenant)
    return index


@pytest.fixture
def acme(whole: JointIndex) -> JointIndex:
    return whole.namespace("acme")


FILTERS: tuple[dict[str, Any] | None, ...] = (
    None,
    {},
    {"of": {"$ne": "acme"}},
    {"$or": [{"of": "bolt"}, {"of": "acme"}]},
    {"$not": {"of": "acme"}},
    {"of": {"$nin": ["acme"]}},
    {"old": {"$exists": False}},
)


@pytest.mark.parametrize("wanted", FILTERS)
def test_no_way_of_asking_shows_another_tenants_statement(acme: JointIndex, wanted: dict[str, Any] | None) -> None:
    vector = acme.embeddings.embed_query(TEXT)
    found = [
        *acme.search(TEXT, k=50, filter=wanted),
        *acme.search(TEXT, "disagree", k=50, filter=wanted, exclude_personas=["nobody"]),
        *acme.search(TEXT, "agree", k=50, filter=wanted, rescore=False),
        *acme.similarity_search(TEXT, k=50, filter=wanted),
        *acme.similarity_search_by_vector(vector, k=50, filter=wanted),
        *(doc for doc, _ in acme.similarity_search_with_score(TEXT, k=50, filter=wanted)),
        *acme.max_marginal_relevance_search(TEXT, k=50, fetch_k=50, filter=wanted),
        *acme.max_marginal_relevance_search(TEXT, k=50, fetch_k=50, filter=wanted, relation="agree"),
        *acme.as_retriever(search_kwargs={"k": 50, "filter": wanted}).invoke(TEXT),
        *JointRetriever(vectorstore=acme, k=50, search_kwargs={"filter": wanted}).invoke(TEXT),
        *(row.document() for row in acme.rows(wanted)),
    ]
    assert all(doc.page_content.endswith(" acme") for doc in found)
    assert {doc.id for doc in found} <= {"a", "b", "ann/s0"}
    assert all("$namespace" not in doc.metadata for doc in found)


def test_ids_reach_only_what_is_the_tenants_own(whole: JointIndex, acme: JointIndex) -> None:
    assert len(acme) == len(whole.namespace("acm")) == 3
    assert len(whole) == 15
    others = ["a", "bolt\x1fa", "acme\x1fa", "../bolt/a", "acm\x1fa"]
    assert [doc.page_content for doc in acme.get_by_ids(others)] == [f"{TEXT} acme"]
    acme.delete(others[1:])
    assert len(whole) == 15
    acme.add_texts(["bees sting"], ids=["a"])
    assert [d.page_content for t in ("acme", "bolt") for d in whole.namespace(t).get_by_ids(["a"])] == [
        "bees sting",
        f"{TEXT} bolt",
    ]
    assert whole.get_by_ids(["a"])[0].page_content == f"{TEXT} whole"
    acme.delete(filter={"of": {"$ne": "acme"}})
    acme.delete()
    assert len(acme) == 0
    assert acme.search(TEXT, "agree", k=5) == []
    assert len(whole) == 12


def test_a_namespace_can_be_neither_claimed_nor_asked_for(whole: JointIndex, acme: JointIndex) -> None:
    for index in (whole, whole.namespace("bolt")):
        index.add_texts([f"{TEXT} planted"], [{"$namespace": "acme"}], ids=["planted"])
        with pytest.raises(InputError, match=r"U\+001F in an id marks a namespace"):
            index.add_texts([TEXT], ids=["acme\x1fplanted"])
    assert len(acme) == 3
    for wanted in ({"$namespace": "bolt"}, {"$or": [{"$namespace": "bolt"}]}, {"$not": {"$namespace": "acme"}}):
        with pytest.raises(InputError, match=r"unknown operator \$namespace"):
            acme.search(TEXT, filter=wanted)
    for call in (
        acme.retrain,
        lambda: acme.namespace("bolt"),
        lambda: whole.namespace(""),
        lambda: whole.namespace("\ud800"),
    ):
        with pytest.raises(InputError, match="namespace"):
            call()


def test_namespaces_outlive_merges_retraining_rebuilding_and_reopening(whole: JointIndex) -> None:
    folder, model = whole.store.folder, whole.model
    expected = {tenant: whole.namespace(tenant).rows() for tenant in ("acme", "bolt", "acm", "acme/a")}
    whole.retrain()
    rebuild(folder, model)
    assert verify(folder) == []
    for reopened in (whole, JointIndex.open(folder, model=model, read_only=True)):
        for tenant, rows in expected.items():
            assert sorted(reopened.namespace(tenant).rows(), key=repr) == sorted(rows, key=repr)
        assert reopened.namespace("stranger").rows() == []


def test_a_tenants_statements_are_found_however_few_they_are(tmp_path: Path) -> None:
    index = JointIndex.open(tmp_path / "index", model=make_model(), keep_states=False)
    index.add_texts([f"{TEXT} {n}" for n in range(400)])
    index.namespace("small").add_texts(["bees sting", "trains run late"], ids=["x", "y"])
    found = index.namespace("small").similarity_search_with_score(f"{TEXT} 7", k=5)
    assert {doc.id for doc, _ in found} == {"x", "y"}
    query, vectors = (
        make_model().stages.encoder.encode(t).embeddings for t in ([f"{TEXT} 7"], [d.page_content for d, _ in found])
    )
    assert np.allclose([score for _, score in found], vectors @ query[0], atol=1e-5)


def test_bulk_addition_and_export_stay_inside(acme: JointIndex, whole: JointIndex) -> None:
    rows = [make_row("a", f"{TEXT} acme", {"of": "acme"}), make_row("c", "bees sting", {})]
    added = add_in_bulk(acme, rows)
    assert (added.written, added.unchanged) == (1, 1)
    store = InMemoryVectorStore(JointEmbeddings(acme.model))
    ids = acme.export_to(store)
    assert sorted(ids) == ["a", "ann/s0", "b", "c"]
    back = whole.namespace("copy")
    assert back.import_from(store, ids) == 4
    assert sorted((r.id, r.text, json.loads(r.metadata)["of"] if r.id in "ab" else "") for r in back.rows()) == [
        ("a", f"{TEXT} acme", "acme"),
        ("ann/s0", "trains acme", ""),
        ("b", f"{TEXT} not acme", "acme"),
        ("c", "bees sting", ""),
    ]


@settings(max_examples=10)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["x", "y/", "é", None]),
            st.sampled_from(["add", "delete"]),
            st.lists(st.integers(0, 6), min_size=1, max_size=4),
        ),
        max_size=8,
    )
)
def test_any_history_of_tenants_leaves_a_dictionary_each(steps: list[tuple[str | None, str, list[int]]]) -> None:
    index = JointIndex.open(model=make_model(), keep_states=False)
    expected: dict[str | None, dict[str, str]] = {"x": {}, "y/": {}, "é": {}, None: {}}
    for turn, (tenant, what, numbers) in enumerate(steps):
        view = index if tenant is None else index.namespace(tenant)
        ids = [f"d{n}" for n in numbers]
        if what == "add":
            texts = [f"{tenant} said {turn} {place}" for place, _ in enumerate(numbers)]
            view.add_texts(texts, ids=ids)
            expected[tenant] |= dict(zip(ids, texts, strict=True))
        else:
            view.delete(ids)
            expected[tenant] = {i: t for i, t in expected[tenant].items() if i not in ids}
    for tenant, held in expected.items():
        if tenant is not None:
            assert {row.id: row.text for row in index.namespace(tenant).rows()} == held
            assert len(index.namespace(tenant)) == len(held)
    own = {row.id: row.text for row in index.rows() if "\x1f" not in row.id}
    assert own == expected[None]
    assert len(index) == sum(map(len, expected.values()))
