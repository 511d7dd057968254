"""The joint space in other vector stores: the same top 10 as FAISS Flat on 5,000 statements, and back.

Texts are the repository's own; they are encoded by the small encoder of the tests, as engines see vectors only. Each
engine is the real one: Milvus Lite on a file, PostgreSQL with pgvector on a port of this machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document

from benchmarks.search_data import texts
from jepa_langchain.index.joint_embeddings import JointEmbeddings
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.joint_retriever import JointRetriever
from tests.integration_tests import postgres
from tests.unit_tests.conftest import make_model
from tests.words import DIMENSION

STATEMENTS, QUERIES = 5_000, 10


@dataclass(frozen=True)
class Engine:
    """A store, how its documents are had by id (None: by its own ``get_by_ids``), and how one third is filtered."""

    store: Any
    fetch: Callable[[list[str]], list[Document]] | None
    one_third: dict[str, Any]


@pytest.fixture(scope="module")
def said() -> list[str]:
    return sorted(texts(), key=lambda text: (len(text), text))[: STATEMENTS + QUERIES]


@pytest.fixture(scope="module")
def filled(said: list[str]) -> JointIndex:
    index = JointIndex.open(model=make_model(), kind="flat", keep_states=False)
    fields = [{"number": n, "third": n % 3} for n in range(STATEMENTS)]
    index.add_texts(said[:STATEMENTS], fields, ids=[f"s{n}" for n in range(STATEMENTS)])
    return index


@pytest.fixture(scope="module")
def milvus(filled: JointIndex, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Milvus Lite; with the URI of a server the same lines are the distributed engine."""
    langchain_milvus = pytest.importorskip("langchain_milvus", reason="pip install 'jepa-langchain[milvus]'")
    pytest.importorskip("milvus_lite", reason="pip install 'jepa-langchain[milvus]'")
    store = langchain_milvus.Milvus(
        JointEmbeddings(filled.model),
        connection_args={"uri": str(tmp_path_factory.mktemp("milvus") / "joint.db")},
        index_params={"index_type": "FLAT", "metric_type": "COSINE"},
        enable_dynamic_field=True,
    )

    def fetch(ids: list[str]) -> list[Document]:
        rows = store.client.get(store.collection_name, ids=ids, output_fields=["*"])
        return [Document(id=row.pop("pk"), page_content=row.pop("text"), metadata=without_vector(row)) for row in rows]

    return Engine(store, fetch, {"expr": "third == 1"})


def without_vector(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "vector"}


@pytest.fixture(scope="module")
def pgvector(filled: JointIndex) -> Iterator[Engine]:
    langchain_postgres = pytest.importorskip("langchain_postgres", reason="pip install 'jepa-langchain[postgres]'")
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.running() as url:
        engine = langchain_postgres.PGEngine.from_connection_string(url)
        ids = langchain_postgres.Column("langchain_id", "TEXT", nullable=False)
        third = langchain_postgres.Column("third", "INTEGER", nullable=True)
        engine.init_vectorstore_table("joint", DIMENSION, id_column=ids, metadata_columns=[third])
        store = langchain_postgres.PGVectorStore.create_sync(
            engine, JointEmbeddings(filled.model), "joint", metadata_columns=["third"]
        )
        yield Engine(store, None, {"filter": {"third": 1}})


@pytest.fixture(params=["milvus", "pgvector"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def exported(engine: Engine, filled: JointIndex) -> Engine:
    if not engine.store.similarity_search_by_vector([1.0] * DIMENSION, k=1):
        ids = filled.export_to(engine.store)
        assert sorted(ids) == sorted(f"s{n}" for n in range(STATEMENTS))
    return engine


def id_of(document: Document) -> str:
    return str(document.id or document.metadata["pk"])


@pytest.mark.parametrize("filtered", [False, True])
def test_the_same_top_10_as_faiss_flat(
    exported: Engine, filled: JointIndex, said: list[str], *, filtered: bool
) -> None:
    (segment,) = filled.store.snapshot.segments
    vectors = segment.structure.vectors
    for relation in ("agree", "disagree", "similar"):
        queries = JointEmbeddings(filled.model, relation)
        for text in said[STATEMENTS:]:
            vector = queries.embed_query(text)
            ours = filled.similarity_search_with_score_by_vector(vector, 11, {"third": 1} if filtered else None)
            options = exported.one_third if filtered else {}
            theirs = [id_of(d) for d in exported.store.similarity_search_by_vector(vector, k=10, **options)]
            cosines = sorted((float(vectors[int(i[1:])] @ np.array(vector, np.float32)) for i in theirs), reverse=True)
            scores = [score for _, score in ours]
            assert cosines == pytest.approx(scores[:10], abs=1e-5)
            if scores[9] - scores[10] > 1e-5:  # Otherwise the tenth is any of several.
                assert set(theirs) == {doc.id for doc, _ in ours[:10]}


def test_an_agent_need_not_change(exported: Engine, filled: JointIndex, said: list[str]) -> None:
    there, here = (
        JointRetriever(vectorstore=store, relation="disagree", k=3).invoke(said[STATEMENTS])
        for store in (exported.store, filled)
    )
    assert [doc.metadata["probability"] for doc in there] == pytest.approx(
        [doc.metadata["probability"] for doc in here], abs=1e-4
    )


def test_and_back(exported: Engine, filled: JointIndex) -> None:
    back = JointIndex.open(model=filled.model, kind="flat", keep_states=False)
    ids = [f"s{n}" for n in range(0, STATEMENTS, 50)]
    assert back.import_from(exported.store, ids, fetch=exported.fetch) == len(ids)
    expected = {doc.id: doc for doc in filled.get_by_ids(ids)}
    for row in back.rows():
        assert row.text == expected[row.id].page_content
        assert json.loads(row.metadata) == expected[row.id].metadata
    (ours,), (theirs,) = filled.store.snapshot.segments, back.store.snapshot.segments
    where = ours.positions(ids)
    places = [where[row.id] for row in back.rows()]
    assert np.allclose(ours.structure.vectors[places], theirs.structure.vectors, atol=1e-6)
