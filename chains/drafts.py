"""What a language model is asked to return for a narrative, and how its raw output is read without trusting it."""

from __future__ import annotations

import json
import re
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError, WithJsonSchema

from jepa_langchain.chains.verifier import Item
from jepa_langchain.schema import Relation

#: Sentences of an output that are read.
MOST_SENTENCES = 500

# Braces that begin no object are looked at so often for every one that is read, then the rest is passed over.
_TRIES = 20
_DECODER = json.JSONDecoder()
# What some models think aloud before they answer.
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>(?:.*?</think(?:ing)?>|[^{]*)", re.DOTALL | re.IGNORECASE)
_AREAS = {"agreement": Relation.AGREE, "disagreement": Relation.DISAGREE}

Shape = TypeVar("Shape", bound=BaseModel)


class DraftSentence(BaseModel):
    """One sentence of a draft."""

    # Any word is read: a sentence of no such area is thrown out and counted, not lost.
    area: Annotated[
        str,
        AfterValidator(lambda said: said.strip().lower().removesuffix("s")),
        WithJsonSchema({"type": "string", "enum": list(_AREAS)}),
    ]
    title: str = Field(description="the topic in a few words of the statements")
    text: str = Field(description="one or two sentences")
    rows: list[str] = Field(description="the id of the row that is told")

    def item(self) -> Item:
        """The sentence as the verifier takes it."""
        return Item(_AREAS.get(self.area, Relation.UNRELATED), self.title, self.text, tuple(self.rows))


class Draft(BaseModel):
    """A narrative as a language model returns it: one sentence a row."""

    items: list[DraftSentence]


class ItemReader(Generic[Shape]):
    """Reads a list of objects of one shape as it arrives: every object that is complete, once, in order.

    Whatever else the output holds (prose, a code fence, half an object at its end) is passed over.

    Args:
        shape: what an object has to be.
        key: the field of the outer object that holds the list.
        most: objects that are read.
    """

    def __init__(self, shape: type[Shape], key: str, most: int = MOST_SENTENCES) -> None:
        self._shape, self._key, self._most = shape, key, most
        self._text = ""
        self._place = 0
        self._read = 0
        self._tries = 0

    def feed(self, piece: str) -> list[Shape]:
        """Add a piece of output; the objects it completes."""
        self._text += piece
        found: list[Shape] = []
        if "}" not in piece:
            # Nothing ends here, so that one look a complete object is enough, however small the pieces.
            return found
        while self._read < self._most:
            start = self._text.find("{", self._place)
            if start < 0 or self._tries >= _TRIES * self._most:
                break
            self._tries += 1
            try:
                value, stop = _DECODER.raw_decode(self._text, start)
            except (ValueError, RecursionError):
                # Not an object, or not yet: the outer object of a draft never ends before its items do.
                if not self._starts_item(start):
                    self._place = start + 1
                    continue
                break
            self._place = stop
            found += self._items(value)
        self._read += len(found)
        return found[: self._most - self._read + len(found)]

    def _starts_item(self, start: int) -> bool:
        """Whether an object that does not end yet can be an item: not when an object begins inside it."""
        return "{" not in self._text[start + 1 :] or _inside_string(self._text, start)

    def _items(self, value: object) -> list[Shape]:
        entries = value.get(self._key, [value]) if isinstance(value, dict) else []
        found = []
        for entry in entries if isinstance(entries, list) else []:
            try:
                found.append(self._shape.model_validate(entry))
            except ValidationError:
                continue
        return found


class DraftReader(ItemReader[DraftSentence]):
    """Reads a draft as it arrives: every sentence that is complete, once, in order.

    Example:
        >>> reader = DraftReader()
        >>> [s.title for s in reader.feed('{"items": [{"area": "agreement", "title": "Tea", "text": "x", "ro')]
        []
        >>> [s.title for s in reader.feed('ws": ["A1"]}, {"ar')]
        ['Tea']
    """

    def __init__(self) -> None:
        super().__init__(DraftSentence, "items")


def _inside_string(text: str, start: int) -> bool:
    """Whether the next brace after ``start`` stands in an open JSON string."""
    brace = text.index("{", start + 1)
    quotes = text.count('"', start, brace) - text.count('\\"', start, brace)
    return quotes % 2 == 1


def longest_output(rows: int) -> int:
    """Characters that an output about so many rows may have; a longer one is refused whole."""
    return 4_000 + 1_500 * rows


def _without_thoughts(text: str) -> str:
    """An answer without the thoughts before it; those that never end are taken to end where JSON begins."""
    return _THOUGHTS.sub("", text, count=1)


def read_draft(text: str, rows: int) -> list[DraftSentence]:
    """Every complete sentence of a whole output about so many rows; none of one that is out of all proportion."""
    said = _without_thoughts(text)
    return DraftReader().feed(said) if len(said) <= longest_output(rows) else []


def read_object(text: str, shape: type[Shape]) -> Shape | None:
    """The first object of an output if it has a shape; None if it has not, or there is none."""
    said = _without_thoughts(text)
    try:
        value, _ = _DECODER.raw_decode(said, max(said.find("{"), 0))
        return shape.model_validate(value)
    except (ValueError, RecursionError):
        return None
