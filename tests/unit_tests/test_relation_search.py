"""What a search by relation answers, with a model of words: "not" turns a statement round."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.vectorstores import InMemoryVectorStore, VectorStoreRetriever

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.joint_retriever import JointRetriever
from jepa_langchain.index.relation_search import NEARNESS, RelationQuery, ranked
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.schema import Relation
from tests.unit_tests.conftest import make_model, make_stages
from tests.words import WordEncoder


def test_each_relation_finds_its_side(index: JointIndex) -> None:
    for relation, side in (("agree", "ann"), ("disagree", "bob")):
        best = index.search("rents help towns", relation, k=3)[0]
        assert best.id == f"{side}/s0"
        found = best.metadata
        assert (found["persona"], found["statement_id"], found["topic"]) == (side, "s0", "towns")
        assert (found["relation"], found["verdict"], found["decided_by"]) == (relation, relation, "linear")
        assert found["probability"] == found["probabilities"][relation] > 0.6
        assert found["energy"] == found["energies"][relation]
        expected = make_model().relate("rents help towns", best.page_content)
        assert found["probability"] == pytest.approx(getattr(expected.probabilities, relation), abs=1e-5)


def test_results_are_ordered_by_probability_and_nearness_opposites_last(index: JointIndex) -> None:
    found = index.search("rents help towns", Relation.DISAGREE, k=10)
    assert len(found) == 10
    opposite = [doc.metadata["probabilities"]["agree"] > doc.metadata["probability"] for doc in found]
    assert opposite == sorted(opposite)
    assert True in opposite
    assert False in opposite
    for last in (False, True):
        group = [doc.metadata for doc, is_last in zip(found, opposite, strict=True) if is_last == last]
        places = [math.log(max(m["probability"], 1e-6)) + NEARNESS * m["similarity"] for m in group]
        assert places == sorted(places, reverse=True)
    kept = index.search("rents help towns", "disagree", k=10, min_probability=0.5)
    assert [d.id for d in kept] == [d.id for d in found if d.metadata["probability"] >= 0.5]


def test_the_order_weighs_probability_and_nearness() -> None:
    def one(agree: float, disagree: float, similarity: float) -> dict[str, Any]:
        shares = {"agree": agree, "disagree": disagree, "unrelated": 1 - agree - disagree}
        return {"relation": "agree", "probability": agree, "probabilities": shares, "similarity": similarity}

    found = {
        "opposite": one(0.4, 0.5, 0.9),
        "likely, far": one(0.8, 0.1, 0.2),
        "less likely, near": one(0.4, 0.3, 0.7),
        "not at all, near": one(0.0, 0.0, 0.7),
    }
    query = RelationQuery.of("x", "agree", 4, None, ())
    order = ["likely, far", "less likely, near", "not at all, near", "opposite"]
    assert [name for name, _ in ranked(list(found.items()), query, nearness=0)] == order
    order = ["less likely, near", "likely, far", "not at all, near", "opposite"]
    assert [name for name, _ in ranked(list(found.items()), query)] == order


def test_personas_can_be_left_out_and_filters_hold(index: JointIndex) -> None:
    found = index.search("rents help towns", "agree", k=10, exclude_personas=["ann"])
    assert {doc.metadata["persona"] for doc in found} == {"bob"}
    found = index.search("rents help towns", k=10, filter={"year": {"$gte": 2023}}, exclude_personas=["bob"])
    assert {doc.id for doc in found} == {"ann/s3", "ann/s4"}
    assert index.similarity_search("rents", k=3, filter={"persona": "nobody"}) == []


def test_every_way_of_asking_leaves_personas_out(index: JointIndex) -> None:
    text, options = "rents help towns", dict[str, Any](k=10, exclude_personas=["ann"])
    vector = index.embeddings.embed_query(text)
    for found in (
        index.similarity_search(text, **options),
        [doc for doc, _ in index.similarity_search_with_score(text, **options)],
        [doc for doc, _ in index.similarity_search_with_relevance_scores(text, **options)],
        index.similarity_search_by_vector(vector, **options),
        index.max_marginal_relevance_search(text, **options),
        index.max_marginal_relevance_search(text, relation="agree", rescore=False, **options),
        index.max_marginal_relevance_search_by_vector(vector, **options),
        *(index.search(text, kind, **options) for kind in VectorStoreRetriever.allowed_search_types),
    ):
        assert {doc.metadata["persona"] for doc in found} == {"bob"}
    with pytest.raises(InputError, match="exclude_personas: a text given where a list"):
        index.search(text, exclude_personas="ann")
    elsewhere = InMemoryVectorStore(JointEmbeddings(index.model))
    retriever = JointRetriever(vectorstore=elsewhere, search_kwargs={"exclude_personas": ["ann"]})
    with pytest.raises(InputError, match="exclude_personas: InMemoryVectorStore takes filters in its own words"):
        retriever.invoke(text)


def test_a_probability_is_not_asked_for_where_there_is_none(index: JointIndex) -> None:
    text, least = "rents help towns", dict[str, Any](min_probability=0.5)
    elsewhere = InMemoryVectorStore(JointEmbeddings(index.model))
    asked: tuple[Callable[[], object], ...] = (
        lambda: index.similarity_search(text, **least),
        lambda: index.similarity_search_with_score(text, **least),
        lambda: index.max_marginal_relevance_search(text, **least),
        lambda: index.search(text, "mmr", **least),
        lambda: index.search(text, "agree", rescore=False, **least),
        lambda: JointRetriever(vectorstore=elsewhere, **least).invoke(text),
        lambda: index.similarity_search_by_vector(index.embeddings.embed_query(text), relation="agree"),
    )
    for ask in asked:
        with pytest.raises(InputError, match="gives no probabilities"):
            ask()


def test_the_base_classs_words_are_taken(index: JointIndex) -> None:
    text = "rents help towns"
    plain = index.similarity_search(text, k=3)
    assert index.search(query=text, search_type="similarity", k=3) == plain
    assert index.search(query=text, search_type="disagree", k=3) == index.search(text, "disagree", 3)
    assert asyncio.run(index.asearch(text, relation="disagree", k=3)) == index.search(text, "disagree", 3)
    found = index.search(query=text, search_type="mmr", relation="disagree", min_probability=0.5)
    assert {doc.metadata["persona"] for doc in found} == {"bob"}
    with pytest.raises(InputError, match="search_type 'agree' and relation 'disagree': give one"):
        index.search(text, "disagree", search_type="agree")


def test_without_rescoring_the_order_is_that_of_the_vectors(index: JointIndex) -> None:
    found = index.search("rents help towns", "disagree", k=4, rescore=False)
    vector = JointEmbeddings(index.model, "disagree").embed_query("rents help towns")
    assert [d.id for d in found] == [d.id for d in index.similarity_search_by_vector(vector, k=4)]
    assert found[0].metadata["similarity"] >= found[-1].metadata["similarity"]


def test_an_uncalibrated_model_ranks_by_energy(tmp_path: Path) -> None:
    model = AlignmentModel(ModelFiles(make_stages(WordEncoder(), calibrated=False), make_model().files.baselines, "b"))
    index = JointIndex.open(tmp_path / "i", model=model)
    index.add_texts(["rents help towns", "rents not help towns", "bees fly"])
    found = index.search("rents help towns", "disagree", k=3)
    assert [d.metadata["probability"] for d in found] == [None] * 3
    assert found[0].page_content == "rents not help towns"
    energies = [d.metadata["energy"] for d in found]
    assert energies == sorted(energies)
    with pytest.raises(InputError, match="uncalibrated"):
        index.search("rents", "agree", min_probability=0.5)


def test_retrievers_ask_by_relation(index: JointIndex) -> None:
    retriever = index.as_retriever(search_kwargs={"relation": "disagree", "k": 2})
    assert retriever.invoke("rents help towns")[0].metadata["relation"] == "disagree"
    ours = JointRetriever(vectorstore=index, relation="disagree", k=2, search_kwargs={"exclude_personas": ["bob"]})
    assert {doc.metadata["persona"] for doc in ours.invoke("rents help towns")} == {"ann"}
    threshold = index.as_retriever(
        search_type="similarity_score_threshold",
        search_kwargs={"relation": "disagree", "score_threshold": 0.5, "k": 10},
    )
    assert {doc.metadata["persona"] for doc in threshold.invoke("rents help towns")} == {"bob"}
    mmr = index.as_retriever(search_type="mmr", search_kwargs={"relation": "agree", "k": 3, "fetch_k": 10})
    assert len({doc.id for doc in mmr.invoke("rents help towns")}) == 3


def test_the_same_search_over_another_store(index: JointIndex) -> None:
    store = InMemoryVectorStore(JointEmbeddings(index.model))
    ids = index.export_to(store)
    assert sorted(ids) == sorted(row.id for row in index.rows())
    for relation in ("agree", "disagree", "similar"):
        ours, theirs = (
            JointRetriever(vectorstore=where, relation=relation, k=4).invoke("trains help towns")
            for where in (index, store)
        )
        assert [doc.id for doc in ours] == [doc.id for doc in theirs]
    other = JointIndex.open(model=index.model)
    assert other.import_from(store, ids) == len(index)
    assert {r.id: (r.text, r.metadata) for r in other.rows()} == {r.id: (r.text, r.metadata) for r in index.rows()}


def test_another_store_is_not_rescored_where_that_is_not_asked_for(index: JointIndex) -> None:
    store = InMemoryVectorStore(JointEmbeddings(index.model))
    index.export_to(store)
    retriever = JointRetriever(vectorstore=store, relation="disagree", k=3, search_kwargs={"rescore": False})
    found = retriever.invoke("rents help towns")
    assert [d.id for d in found] == [d.id for d in index.search("rents help towns", "disagree", 3, rescore=False)]
    assert all("probability" not in d.metadata for d in found)


def test_export_reuses_vectors_and_refuses_another_space(index: JointIndex) -> None:
    encoder = index.model.stages.encoder
    assert isinstance(encoder, WordEncoder)
    before = len(encoder.calls)
    index.export_to(InMemoryVectorStore(JointEmbeddings(index.model)))
    assert len(encoder.calls) == before
    other = AlignmentModel(ModelFiles(make_stages(WordEncoder("test:others")), make_model().files.baselines, "o"))
    with pytest.raises(InputError, match="another encoder"):
        index.export_to(InMemoryVectorStore(JointEmbeddings(other)))
