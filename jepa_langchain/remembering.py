"""A bounded memory of what was made from a key: the least recently used is forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembering(Generic[K, V]):
    """Values by key, for several threads; two that ask for the same new key at once may both make it.

    Args:
        most: what is kept at most, in the unit of ``size``.
        size: what a value counts; one a value when left out.

    Attributes:
        kept: the sizes of all values that are here, together; never more than ``most``.
    """

    def __init__(self, most: int, size: Callable[[V], int] = lambda _: 1) -> None:
        self.most, self.kept = most, 0
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: K) -> bool:
        with self._lock:
            return key in self._values

    def known(self, keys: Iterable[K]) -> dict[K, V]:
        """Those of some keys that are here, with their values."""
        with self._lock:
            found = {key: self._values[key] for key in keys if key in self._values}
            for key in found:
                self._values.move_to_end(key)
        return found

    def keep(self, values: Mapping[K, V]) -> dict[K, V]:
        """Take in values by key, and return what now stands for each; a key that is here already keeps its value."""
        with self._lock:
            for key, value in values.items():
                if key not in self._values:
                    self._values[key] = value
                    self.kept += self._size(value)
            standing = {key: self._values[key] for key in values}
            while self.kept > self.most:
                _, forgotten = self._values.popitem(last=False)
                self.kept -= self._size(forgotten)
        return standing

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not here."""
        found = self.known([key])
        return found[key] if key in found else self.keep({key: make()})[key]
