"""A streamed answer: read as it comes, its tokens counted, cut off when it grows out of all proportion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from jepa_langchain.chains.asking import UNREADABLE, Meter, failure
from jepa_langchain.chains.drafts import ItemReader

Shape = TypeVar("Shape", bound=BaseModel)

_CUT_OFF = "the language model's answer was cut off, it grew too long; the template stands in"


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

    def listen(self, chunks: Iterator[Any]) -> Iterator[list[Shape]]:
        """The objects that are complete, as they come. A stream that breaks off or grows too long ends, and is closed.

        Args:
            chunks: message chunks, whatever their provider.
        """
        try:
            for chunk in chunks:
                found = self._take(chunk)
                if found:
                    yield found
                if self._left < 0:
                    break
        except Exception as error:  # noqa: BLE001 - every provider has its own errors
            self.meter.note = failure(error)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    async def alisten(self, chunks: AsyncIterator[Any]) -> AsyncIterator[list[Shape]]:
        """As :meth:`listen`."""
        try:
            async for chunk in chunks:
                found = self._take(chunk)
                if found:
                    yield found
                if self._left < 0:
                    break
        except Exception as error:  # noqa: BLE001 - every provider has its own errors
            self.meter.note = failure(error)
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    def _take(self, chunk: Any) -> list[Shape]:  # noqa: ANN401 - a message chunk
        self.meter.count(chunk)
        piece = str(chunk.text)
        self._left -= len(piece)
        found = [] if self._left < 0 else self._reader.feed(piece)
        self._read += len(found)
        return found

    @property
    def readable(self) -> bool:
        """Whether anything was read."""
        return self._read > 0

    def end(self) -> str:
        """What is to be said of the answer when it is over: nothing, or what went wrong."""
        if self.meter.note or self._left < 0:
            return self.meter.note or _CUT_OFF
        return "" if self.readable else UNREADABLE
