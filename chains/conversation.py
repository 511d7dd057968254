"""What was said, turn by turn, and what was found in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from jepa_langchain.errors import InputError
from jepa_langchain.schema import Frozen, Persona, Statement, Usage
from jepa_langchain.statements import clean_text

#: Characters of a conversation that are read.
LONGEST = 200_000
_TURN = re.compile(r"^[ \t]*(?P<speaker>[^:\s][^:\n]{0,59}):[ \t]+(?P<text>\S.*?)[ \t]*$", re.MULTILINE)


class Turn(Frozen):
    """What one speaker said at a time."""

    speaker: str
    text: str


class SpokenStatement(Frozen):
    """A statement, verbatim: characters ``span`` = [start, end) of turn ``turn`` (from 1), said by ``speaker``."""

    id: str
    speaker: str
    text: str
    turn: int
    span: tuple[int, int]


class Conversation(Frozen):
    """The statements of a conversation.

    Attributes:
        turns: what was said, in order.
        statements: what was found in it.
        rejected: pieces that are not word for word in their turn, may not stand alone
            (:mod:`jepa_langchain.chains.pieces`) or are no fit text for a statement (over 2,000 characters, say).
        usage: calls and tokens.
        note: what went wrong, and lines of a transcript that name no speaker and were left out.
    """

    turns: tuple[Turn, ...]
    statements: tuple[SpokenStatement, ...]
    rejected: int = 0
    usage: Usage = Usage()
    note: str = ""

    def personas(self) -> tuple[Persona, ...]:
        """A persona a speaker who stated something, in the order of their first turn."""
        said: dict[str, list[Statement]] = {}
        for statement in self.statements:
            text = clean_text(statement.text, where=f"turn {statement.turn}").text
            said.setdefault(statement.speaker, []).append(Statement(id=statement.id, text=text))
        return tuple(Persona(id=speaker, statements=tuple(statements)) for speaker, statements in said.items())


class Heard(NamedTuple):
    """A conversation as it is read: its turns, and what is said of what is none."""

    turns: tuple[Turn, ...]
    left_out: str


def heard_of(conversation: str | Sequence[BaseMessage]) -> Heard:
    """The turns of a transcript ("Name: words" lines) or of a message history (by ``name``, else ``type``).

    A line of a transcript that names no speaker is left out and said to be: whose it is would be a guess.

    Raises:
        InputError: if there is no turn, or more text than is read.
    """
    left_out = ""
    if isinstance(conversation, str):
        turns = tuple(Turn(speaker=m["speaker"].strip(), text=m["text"]) for m in _TURN.finditer(conversation))
        nameless = sum(bool(line.strip()) and not _TURN.match(line) for line in conversation.split("\n"))
        left_out = f"lines without 'Name:', left out: {nameless}" if nameless else ""
    else:
        turns = tuple(
            Turn(speaker=(m.name or "").strip() or m.type, text=str(m.text).strip())
            for m in conversation
            if str(m.text).strip()
        )
    if not turns:
        raise InputError("conversation: no turn in it; a transcript has lines 'Name: words'")
    if sum(len(turn.text) for turn in turns) > LONGEST:
        raise InputError(f"conversation: over {LONGEST:,} characters; split it")
    return Heard(turns, left_out)
