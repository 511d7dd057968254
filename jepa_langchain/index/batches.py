"""What an index keeps of a statement, before it is in a file: its row, its vector, and what re-scoring reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from jepa_langchain.statements import Limits

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Integers = npt.NDArray[np.int64]
#: A text is one statement, but may be longer than one of a persona; queries are held to the same.
TEXT_LIMITS = Limits(statement_characters=100_000)
#: Between namespace and id of a statement that a tenant owns; see :mod:`jepa_langchain.index.namespaces`.
MARK = "\x1f"
#: Characters of metadata up to which what they say is remembered; the last 4,096 different ones are.
_SHORT = 1_000
_validated = Document.__pydantic_validator__.validate_python


class Row(NamedTuple):
    """A stored statement; ``metadata`` is JSON."""

    id: str
    text: str
    metadata: str

    def document(self, found: Mapping[str, Any] | None = None) -> Document:
        """The statement with its own metadata, and with what a search found of it."""
        known = _flat(self.metadata) if len(self.metadata) <= _SHORT else None
        # A copy, for what is remembered is no caller's to change.
        metadata: dict[str, Any] = json.loads(self.metadata) if known is None else known.copy()
        metadata.update(found or {})
        # What Document(...) does, without the three constructors around it, which take as long as FAISS in a filter.
        document: Document = _validated(
            {"id": self.id, "page_content": self.text, "metadata": metadata}, self_instance=Document.__new__(Document)
        )
        return document


@lru_cache(maxsize=4_096)
def _flat(metadata: str) -> dict[str, Any] | None:
    """The metadata that a text says; None if a value of it is a container, which a copy of the whole would share."""
    read: dict[str, Any] = json.loads(metadata)
    return None if any(isinstance(value, dict | list) for value in read.values()) else read


@dataclass(frozen=True)
class States:
    """What the pair stage reads of n statements, so that they need not be encoded again.

    Attributes:
        context: (n, c) context states.
        tokens: (t_1 + … + t_n, d) token states.
        bounds: (n + 1,) where each statement's tokens start and end.
    """

    context: Halves
    tokens: Halves
    bounds: Integers

    @classmethod
    def of(cls, context: npt.NDArray[np.floating], tokens: Sequence[npt.NDArray[np.floating]]) -> States:
        """From what an encoder gives, to half precision."""
        bounds = np.concatenate([[0], np.cumsum([len(t) for t in tokens])]).astype(np.int64)
        return cls(context.astype(np.float16), np.concatenate(tokens).astype(np.float16), bounds)

    @classmethod
    def join(cls, parts: Sequence[States]) -> States:
        """One after the other."""
        ends = np.cumsum([0, *(part.bounds[-1] for part in parts)])
        bounds = [part.bounds[1:] + start for part, start in zip(parts, ends, strict=False)]
        return cls(
            np.concatenate([part.context for part in parts]),
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([[0], *bounds]).astype(np.int64),
        )

    def take(self, positions: Integers) -> States:
        """Those of some statements."""
        tokens = [self.tokens[self.bounds[p] : self.bounds[p + 1]] for p in positions]
        return States.of(self.context[positions], tokens)


@dataclass(frozen=True)
class Batch:
    """n statements with their (n, d) vectors, and their states where an index keeps them."""

    rows: list[Row]
    vectors: Floats
    states: States | None = None


def join(parts: Sequence[Batch]) -> Batch:
    """One batch of several; states are kept if all have them."""
    states = [part.states for part in parts if part.states is not None]
    return Batch(
        [row for part in parts for row in part.rows],
        np.concatenate([part.vectors for part in parts]),
        States.join(states) if len(states) == len(parts) else None,
    )
