"""JointEmbeddings: the joint space as a LangChain ``Embeddings``, so that any vector store can hold and search it.

Documents are the target side, s_y; a query is the context side's prediction for one relation, ŝ(x, z), or the
plain sentence embedding for "similar". A store filled through one relation's object can be asked through another's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.embeddings import Embeddings

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.encoder import Encoded
from jepa_langchain.errors import InputError
from jepa_langchain.schema import Relation
from jepa_langchain.stages import Stages

Floats = npt.NDArray[np.float32]
#: What can be asked of a vector search.
SearchRelation = Literal["agree", "disagree", "similar"]
#: Environment variable with a model directory, for where none is given.
MODEL_VARIABLE = "JEPA_LANGCHAIN_MODEL"


def search_relation(relation: str) -> SearchRelation:
    """A relation as a search knows it.

    Raises:
        InputError: if it is another word; "unrelated" predicts nothing that could be searched.
    """
    if relation not in get_args(SearchRelation):
        raise InputError(f"relation {str(relation)!r}: ask for {', '.join(get_args(SearchRelation))}")
    return cast("SearchRelation", str(relation))


def query_vector(stages: Stages, encoded: Encoded, relation: SearchRelation) -> Floats:
    """(n, d) unit vectors to search with, of n encoded texts."""
    if relation == "similar":
        return encoded.embeddings
    with torch.inference_mode():
        predicted = stages.linear.predict(torch.from_numpy(encoded.context), Relation(relation))
    return predicted.numpy().astype(np.float32)


class JointEmbeddings(Embeddings):
    """Target-side embeddings of documents, and of queries what the predictor expects under a relation.

    Args:
        model: the model; when None the one that the environment variable ``JEPA_LANGCHAIN_MODEL`` names, else the
            shipped one.
        relation: what queries ask for: "agree", "disagree", or "similar" (plain cosine).

    Raises:
        InputError: for another relation.
        ModelError: if the model cannot be loaded.

    Example:
        >>> store = InMemoryVectorStore(JointEmbeddings(model, relation="disagree"))  # doctest: +SKIP
        >>> store.similarity_search("Homework helps children learn.")  # doctest: +SKIP
    """

    def __init__(self, model: AlignmentModel | None = None, relation: str = "similar") -> None:
        self.relation = search_relation(relation)
        self.model_path = None if model else os.environ.get(MODEL_VARIABLE) or None
        self.model = model or AlignmentModel.load(self.model_path)
        self._known: Mapping[str, Floats] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Target-side unit vectors of d numbers, one a text."""
        known = self._known
        missing = [text for text in texts if text not in known]
        found: dict[str, Sequence[float]] = {text: known[text].tolist() for text in texts if text in known}
        if missing:
            vectors = self.model.stages.encoder.encode(missing).embeddings
            found |= {text: vector.tolist() for text, vector in zip(missing, vectors, strict=True)}
        return [list(found[text]) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The d numbers to search with: ŝ(x, z), or the sentence embedding for "similar"."""
        encoded = self.model.stages.encoder.encode([text])
        values: list[float] = query_vector(self.model.stages, encoded, self.relation)[0].tolist()
        return values

    @contextmanager
    def knowing(self, vectors: Mapping[str, Floats]) -> Iterator[None]:
        """While this lasts, texts whose vectors are given are not encoded again."""
        self._known = vectors
        try:
            yield
        finally:
            self._known = {}
