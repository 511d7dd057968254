"""A streamed answer: read as it comes, its tokens counted, cut off when it grows out of all proportion."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from jepa_langchain.chains.asking import UNREADABLE, Meter, failure
from jepa_langchain.chains.drafts import ItemReader

Shape = TypeVar("Shape", bound=BaseModel)


class Hearing(Generic[Shape]):
    """Takes the chunks of one answer.

    Args:
        reader: what finds complete objects in it.
        longest: characters that are heard; what comes after them is not.
    """

    def __init__(self, reader: ItemReader[Shape], longest: int) -> None:
        self._reader = reader
        self._left = longest
        self._read = 0
        self.meter = Meter(calls=1)

    def take(self, chunk: Any) -> list[Shape]:  # noqa: ANN401 - a message chunk, whatever its provider
        """Hear one chunk; the objects it completes."""
        self.meter.count(chunk)
        piece = str(chunk.text)
        self._left -= len(piece)
        if self._left < 0:
            return []
        found = self._reader.feed(piece)
        self._read += len(found)
        return found

    def fail(self, error: Exception) -> None:
        """The stream broke off."""
        self.meter.note = failure(error)

    @property
    def readable(self) -> bool:
        """Whether anything was read."""
        return self._read > 0

    def end(self) -> str:
        """What is to be said of the answer when it is over: nothing, or what went wrong."""
        return self.meter.note or ("" if self.readable else UNREADABLE)
