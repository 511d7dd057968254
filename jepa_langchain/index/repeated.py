"""What a segment remembers of the searches it answered: filters, the vectors that they keep, and statements.

A filter asked for the first time is one query to SQLite, and FAISS is given what it keeps. Asked again, it has its own
flat index: the kept vectors lie side by side, so that a search reads those alone, in order. Both are bounded, by
the number of filters and by bytes, and the least recently used goes first. A segment never changes, so nothing here
grows stale; one with more deleted statements is another segment and starts afresh.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jepa_langchain.index.batches import Row
from jepa_langchain.index.kinds import Floats, Integers, Selection, Structure, load_faiss

FILTERS_KEPT = 64
#: Bytes of vectors that a segment keeps side by side for filters asked again; the most that one filter takes is 20,000
#: vectors, 30 MB of the shipped encoder's.
VECTOR_BYTES = 64 * 2**20
#: Characters of statements that a segment remembers.
ROW_CHARACTERS = 8 * 2**20
#: About what a row costs beside its characters.
_ROW_COST = 256


@dataclass(frozen=True)
class Gathered:
    """The statements that a filter keeps: (n,) positions, ascending, and a flat index of their vectors side by side."""

    positions: Integers
    index: Any

    @classmethod
    def of(cls, selection: Selection, structure: Structure) -> Gathered:
        """Copy what a selection of at least one statement keeps."""
        index = load_faiss().IndexFlatIP(int(structure.exact.d))
        index.add(structure.vectors[selection.positions])
        return cls(selection.positions, index)

    @property
    def bytes(self) -> int:
        """What it takes."""
        return len(self.positions) * (4 * int(self.index.d) + self.positions.itemsize)

    def search(self, queries: Floats, k: int) -> tuple[Floats, Integers]:
        """As :meth:`Structure.search`, with as many columns as there are statements, k at the most."""
        scores, found = self.index.search(queries, min(k, len(self.positions)))
        return scores, self.positions[found]


class Filters:
    """The last filters a segment was asked with. Any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[object, Selection] = OrderedDict()
        self._gathered: OrderedDict[object, Gathered] = OrderedDict()

    def selection(self, key: object, make: Callable[[], Selection]) -> tuple[Selection, bool]:
        """(what the filter of that key keeps, whether it was asked before)."""
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known, True
            made = self._known[key] = make()
            if len(self._known) > FILTERS_KEPT:
                old, _ = self._known.popitem(last=False)
                self._gathered.pop(old, None)
            return made, False

    def gathered(self, key: object, make: Callable[[], Gathered]) -> Gathered:
        """What a filter keeps, side by side; copied if it is not yet."""
        with self._lock:
            known = self._gathered.get(key)
            if known is None:
                known = self._gathered[key] = make()
                while len(self._gathered) > 1 and sum(one.bytes for one in self._gathered.values()) > VECTOR_BYTES:
                    self._gathered.popitem(last=False)
            else:
                self._gathered.move_to_end(key)
            return known


class Rows:
    """Statements that were read before, by position; those read first are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, Row] = {}
        self._size = 0

    def get(self, positions: Sequence[int]) -> dict[int, Row]:
        """Those that are remembered."""
        known = self._known
        return {p: row for p in positions if (row := known.get(p)) is not None}

    def add(self, rows: Mapping[int, Row]) -> None:
        """Remember some more."""
        with self._lock:
            for position, row in rows.items():
                if position not in self._known:
                    self._known[position] = row
                    self._size += _cost(row)
            while self._size > ROW_CHARACTERS:
                self._size -= _cost(self._known.pop(next(iter(self._known))))


def _cost(row: Row) -> int:
    return len(row.id) + len(row.text) + len(row.metadata) + _ROW_COST


def nothing(queries: Floats) -> tuple[Floats, Integers]:
    """The answer of a search among no statements."""
    return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
