"""The joint space in other vector stores: the same top 10 as FAISS Flat on 5,000 statements, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.vectorstores import VectorStore

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.index import JointIndex
from jepa_langchain.joint_embeddings import JointEmbeddings
from jepa_langchain.joint_retriever import JointRetriever
from tests.integration_tests import postgres

DATA = Path(__file__).parents[2] / "data"
STATEMENTS, QUERIES = 5_000, 10


def texts() -> list[str]:
    """Distinct short statements of the repository's own data sets."""
    found: dict[str, None] = {}
    for name in ("opinions", "polar"):
        for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found |= {row["a"]: None, row["b"]: None}
    return sorted(found, key=lambda text: (len(text), text))[: STATEMENTS + QUERIES]


@pytest.fixture(scope="module")
def filled(model: AlignmentModel) -> JointIndex:
    index = JointIndex.open(model=model, kind="flat", keep_states=False)
    some = texts()[:STATEMENTS]
    index.add_texts(
        some, [{"number": n, "third": n % 3} for n in range(len(some))], ids=[f"s{n}" for n in range(len(some))]
    )
    return index


@pytest.fixture(scope="module")
def milvus(model: AlignmentModel, tmp_path_factory: pytest.TempPathFactory) -> VectorStore:
    """Milvus Lite; with the URI of a server the same lines are the distributed engine."""
    langchain_milvus = pytest.importorskip("langchain_milvus", reason="pip install 'jepa-langchain[milvus]'")
    store: VectorStore = langchain_milvus.Milvus(
        JointEmbeddings(model),
        connection_args={"uri": str(tmp_path_factory.mktemp("milvus") / "joint.db")},
        index_params={"index_type": "FLAT", "metric_type": "COSINE"},
        enable_dynamic_field=True,
    )
    return store


@pytest.fixture(scope="module")
def pgvector(model: AlignmentModel) -> Iterator[VectorStore]:
    if reason := postgres.why_not():
        pytest.skip(reason)
    langchain_postgres = pytest.importorskip("langchain_postgres", reason="pip install 'jepa-langchain[postgres]'")
    with postgres.running() as url:
        engine = langchain_postgres.PGEngine.from_connection_string(url)
        width = model.stages.encoder.identity.dimension
        names = langchain_postgres.Column("langchain_id", "TEXT", nullable=False)
        engine.init_vectorstore_table("joint", width, id_column=names)
        yield langchain_postgres.PGVectorStore.create_sync(engine, JointEmbeddings(model), "joint")


@pytest.mark.parametrize("engine", ["milvus", "pgvector"])
def test_the_same_top_10_as_faiss_flat_and_back(
    engine: str, filled: JointIndex, request: pytest.FixtureRequest
) -> None:
    store: Any = request.getfixturevalue(engine)
    ids = filled.export_to(store)
    assert sorted(ids) == sorted(f"s{n}" for n in range(STATEMENTS))
    where = {row.id: vector for row, vector in zip(filled.rows(), all_vectors(filled), strict=True)}
    for relation in ("agree", "disagree", "similar"):
        queries = JointEmbeddings(filled.model, relation)
        for text in texts()[STATEMENTS:]:
            vector = queries.embed_query(text)
            ours = filled.similarity_search_with_score_by_vector(vector, k=11)
            theirs = store.similarity_search_by_vector(vector, k=10)
            cosines = sorted((float(np.dot(where[doc_id(doc)], vector)) for doc in theirs), reverse=True)
            assert np.allclose(cosines, [score for _, score in ours[:10]], atol=1e-5)
            if ours[9][1] - ours[10][1] > 1e-5:
                assert {doc_id(doc) for doc in theirs} == {doc.id for doc, _ in ours[:10]}
    agent = JointRetriever(vectorstore=store, relation="disagree", k=5)
    here = JointRetriever(vectorstore=filled, relation="disagree", k=5)
    query = texts()[STATEMENTS]
    assert [doc.page_content for doc in agent.invoke(query)] == [doc.page_content for doc in here.invoke(query)]

    back = JointIndex.open(model=filled.model, keep_states=False)
    some = ids[:50]
    fetch = (
        (lambda ids: store.search_by_metadata(f"pk in {json.dumps(ids)}", limit=len(ids)))
        if engine == "milvus"
        else None
    )
    assert back.import_from(store, some, fetch=fetch) == 50
    original = {row.text: json.loads(row.metadata)["number"] for row in filled.rows()}
    for row in back.rows():
        assert original[row.text] == json.loads(row.metadata)["number"]


def all_vectors(index: JointIndex) -> np.ndarray:
    return np.concatenate([s.structure.vectors[s.alive()] for s in index.store.snapshot.segments])


def doc_id(document: Any) -> str:
    return str(document.id or document.metadata["pk"])
