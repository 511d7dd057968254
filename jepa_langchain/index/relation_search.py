"""The two steps of a search: nearest vectors in every segment, then the pair stage on what they bring.

The first step asks FAISS with ŝ(x, z); it finds the topic and a little polarity. The second reads each candidate
jointly with the query, as :func:`jepa_langchain.estimates.estimate_pairs` does everywhere else, and gives calibrated
probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from jepa_langchain.encoder import Encoded
from jepa_langchain.errors import InputError
from jepa_langchain.estimates import estimate_pairs
from jepa_langchain.index.batches import TEXT_LIMITS, Row
from jepa_langchain.index.filters import Filter
from jepa_langchain.index.joint_embeddings import SearchRelation, query_vector, search_relation
from jepa_langchain.index.segments import Segment
from jepa_langchain.index.store import Snapshot
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Relation, RelationEstimate
from jepa_langchain.stages import Stages
from jepa_langchain.statements import clean_text

Floats = npt.NDArray[np.float32]
T = TypeVar("T")
#: Statements that the pair stage reads for a search by relation. This and the next were chosen on topics that training
#: held out, see ``benchmarks/search_weight.py``.
CANDIDATES = 30
#: What a cosine of 1 weighs beside a log-probability in the order of results.
NEARNESS = 4.0
#: Probabilities are rounded to six digits, and one of 0 has a logarithm, too.
_LEAST = 1e-6


class Hit(NamedTuple):
    """A statement that a search found; ``similarity`` is the cosine of its embedding and the query's vector."""

    row: Row
    segment: Segment
    position: int
    similarity: float

    @property
    def vector(self) -> Floats:
        """(d,) its target-side embedding."""
        vector: Floats = self.segment.structure.vectors[self.position]
        return vector


@dataclass(frozen=True)
class RelationQuery:
    """What is asked of an index; see :meth:`jepa_langchain.index.joint_index.JointIndex.search`."""

    text: str
    relation: SearchRelation
    k: int = 10
    wanted: Filter | None = None
    min_probability: float | None = None
    candidates: int = CANDIDATES
    rescored: bool = True

    @classmethod
    def of(
        cls,
        text: str,
        relation: str,
        k: int,
        wanted: Filter | None,
        exclude_personas: Sequence[str],
        **rest: Any,  # noqa: ANN401
    ) -> RelationQuery:
        """A checked query.

        Raises:
            InputError: naming what cannot be used.
        """
        require_one(k)
        cleaned = clean_text(text, where="query", limits=TEXT_LIMITS).text
        query = cls(cleaned, search_relation(relation), k, without_personas(wanted, exclude_personas), **rest)
        if query.min_probability is not None and not query.scored:
            raise InputError("min_probability: this search gives no probabilities; ask for a relation, rescored")
        return query

    @property
    def scored(self) -> bool:
        """Whether the pair stage takes part."""
        return self.rescored and self.relation != "similar"


def require_one(k: int) -> None:
    """Refuse to search for nothing.

    Raises:
        InputError: if ``k`` is under one.
    """
    if k < 1:
        raise InputError(f"k: {k}; ask for one at least")


def without_personas(wanted: Filter | None, personas: Sequence[str]) -> Filter | None:
    """A filter that leaves out some personas' statements, too.

    Raises:
        InputError: if ``personas`` is one text, whose letters would be taken for names.
    """
    if isinstance(personas, str):
        raise InputError("exclude_personas: a text given where a list of personas is needed")
    if not personas:
        return wanted
    others = {"persona": {"$nin": list(personas)}}
    return {"$and": [wanted, others]} if wanted else others


def related(stages: Stages, snapshot: Snapshot, query: RelationQuery) -> list[tuple[Hit, dict[str, Any]]]:
    """Hits, best first, each with what was found of it: the documents' metadata.

    Raises:
        InputError: if the filter cannot be understood, or ``min_probability`` is asked of an uncalibrated model.
    """
    encoded = stages.encoder.encode([query.text])
    vector = query_vector(stages, encoded, query.relation)[0]
    hits = nearest(snapshot, vector, max(query.k, query.candidates) if query.scored else query.k, query.wanted)
    if not query.scored:
        return [(hit, {"relation": query.relation, "similarity": hit.similarity}) for hit in hits]
    estimates = rescore(stages, query.text, encoded, hits)
    found = [
        (hit, described(Relation(query.relation), e) | {"similarity": hit.similarity})
        for hit, e in zip(hits, estimates, strict=True)
    ]
    return ranked(found, query)


def described(relation: Relation, estimate: RelationEstimate) -> dict[str, Any]:
    """An estimate as a document's metadata."""
    shares, energies = estimate.probabilities, estimate.energies.model_dump()
    return {
        "relation": relation.value,
        "probability": None if shares is None else shares.of(relation),
        "energy": energies[relation.value],
        "energies": energies,
        "probabilities": None if shares is None else shares.model_dump(),
        "verdict": None if estimate.relation is None else estimate.relation.value,
        "decided_by": estimate.decided_by,
    }


def ranked(
    found: list[tuple[T, dict[str, Any]]], query: RelationQuery, *, nearness: float = NEARNESS
) -> list[tuple[T, dict[str, Any]]]:
    """The best k that are probable enough; of an uncalibrated model those of the lowest energy.

    Statements that are more probably of the opposite relation come last; else the order is that of
    log p(z | x, y) + nearness · cos(ŝ(x, z), s_y). The probability judges polarity, and the cosine knows better what
    belongs to the same question: among thousands of statements some of other questions look probable to any judge.

    Args:
        found: anything with its :func:`described` estimate and its ``similarity``.
        query: gives the relation, k and the least probability.
        nearness: weight of the cosine.

    Raises:
        InputError: if ``min_probability`` is asked of an uncalibrated model.
    """
    least = query.min_probability
    if least is not None:
        if any(one["probability"] is None for _, one in found):
            raise InputError("min_probability: the model is uncalibrated and gives no probabilities")
        found = [pair for pair in found if pair[1]["probability"] >= least]
    return sorted(found, key=lambda pair: _place(pair[1], nearness))[: query.k]


def _place(one: Mapping[str, Any], nearness: float) -> tuple[bool, float]:
    own = one["probability"]
    if own is None:
        return False, float(one["energy"])
    agree, disagree = (one["probabilities"][relation.value] for relation in RELATIONS)
    opposite = disagree if one["relation"] == Relation.AGREE.value else agree
    return opposite > own, -(math.log(max(own, _LEAST)) + nearness * one["similarity"])


def nearest(snapshot: Snapshot, vector: Floats, k: int, wanted: Filter | None) -> list[Hit]:
    """The k statements nearest to one query vector among those that a filter keeps, nearest first.

    Args:
        snapshot: the state to search.
        vector: (d,) of unit length.
        k: how many at the most.
        wanted: a filter, applied while FAISS searches.

    Raises:
        InputError: if the filter cannot be understood.
    """
    queries = np.ascontiguousarray(vector, dtype=np.float32)[None]
    found: list[tuple[float, int, int]] = []
    for number, segment in enumerate(snapshot.segments):
        scores, positions = segment.search(queries, k, wanted)
        found += [(-s, number, p) for s, p in zip(scores[0].tolist(), positions[0].tolist(), strict=True) if p >= 0]
    found = sorted(found)[:k]
    hits: dict[int, Hit] = {}
    for number, segment in enumerate(snapshot.segments):
        where = [i for i, one in enumerate(found) if one[1] == number]
        for i, row in zip(where, segment.rows([found[i][2] for i in where]), strict=True):
            hits[i] = Hit(row, segment, found[i][2], -found[i][0])
    return [hits[i] for i in range(len(found))]


def rescore_texts(
    stages: Stages, query: str, encoded: Encoded, texts: Sequence[str], found: Encoded
) -> list[RelationEstimate]:
    """How each text stands to the query; ``encoded`` is the query alone, ``found`` the texts, in their order."""
    return _estimates(stages, query, texts, _together(query, encoded, texts, found))


def rescore(stages: Stages, query: str, encoded: Encoded, hits: Sequence[Hit]) -> list[RelationEstimate]:
    """How each hit stands to the query; hits without kept states are encoded anew."""
    if not hits:
        return []
    texts = [hit.row.text for hit in hits]
    return rescore_texts(stages, query, encoded, texts, _kept(hits) or stages.encoder.encode(texts))


def _kept(hits: Sequence[Hit]) -> Encoded | None:
    """The states that the index keeps of hits, in their order; None if it lacks some."""
    vectors = np.stack([hit.vector for hit in hits])
    context: list[Floats] = [np.zeros(0, np.float32)] * len(hits)
    tokens = list(context)
    for segment in {id(hit.segment): hit.segment for hit in hits}.values():
        places = [i for i, hit in enumerate(hits) if hit.segment is segment]
        states = segment.states([hits[i].position for i in places])
        if states is None:
            return None
        for n, i in enumerate(places):
            context[i] = states.context[n].astype(np.float32)
            tokens[i] = states.tokens[states.bounds[n] : states.bounds[n + 1]].astype(np.float32)
    return Encoded(vectors, np.stack(context), tokens, ())


def _together(query: str, encoded: Encoded, texts: Sequence[str], found: Encoded) -> Encoded:
    """The states of ``sorted({query, *texts})``."""
    where = {text: i for i, text in enumerate(texts)}
    where[query] = len(texts)
    order = [where[text] for text in sorted(where)]
    tokens = None
    if encoded.tokens is not None and found.tokens is not None:
        both = [*found.tokens, *encoded.tokens]
        tokens = [both[i] for i in order]
    return Encoded(
        np.concatenate([found.embeddings, encoded.embeddings])[order],
        np.concatenate([found.context, encoded.context])[order],
        tokens,
        (),
    )


def _estimates(stages: Stages, query: str, texts: Sequence[str], encoded: Encoded) -> list[RelationEstimate]:
    pairs = np.array([(0, i) for i in range(1, len(texts) + 1)], dtype=np.int64).reshape(-1, 2)
    estimates = estimate_pairs(stages, [query, *texts], pairs, encoded=encoded)
    return [estimates.estimate(i, stages) for i in range(len(pairs))]
