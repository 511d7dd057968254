"""A conversation in, what each speaker holds out: statements word for word, each checked against its turn."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ValidationError

from jepa_langchain.chains.asking import Question, chat_model
from jepa_langchain.chains.drafts import ItemReader
from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.hearing import Hearing
from jepa_langchain.chains.marking import mark_for, quoted
from jepa_langchain.chains.prices import Prices, priced
from jepa_langchain.errors import InputError
from jepa_langchain.prompts.chat import load_chat_prompt
from jepa_langchain.schema import Frozen, Persona, Statement, Usage
from jepa_langchain.statements import clean_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Characters of a conversation that are read.
LONGEST = 200_000
_TURN = re.compile(r"^[ \t]*(?P<speaker>[^:\n]{1,60}):[ \t]+(?P<text>\S.*?)[ \t]*$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|$)")


class Span(BaseModel):
    """A statement as a language model finds it."""

    turn: int
    text: str


class Spans(BaseModel):
    """Everything it finds."""

    statements: list[Span]


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
    """The statements of a conversation. ``rejected`` counts pieces that stand in no turn they were said to be from."""

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


def turns_of(conversation: str | Sequence[BaseMessage]) -> tuple[Turn, ...]:
    """The turns of a transcript ("Name: words" lines) or of a message history (by ``name``, else ``type``).

    Raises:
        InputError: if there is no turn, or more text than is read.
    """
    if isinstance(conversation, str):
        turns = tuple(Turn(speaker=m["speaker"].strip(), text=m["text"]) for m in _TURN.finditer(conversation))
    else:
        turns = tuple(Turn(speaker=m.name or m.type, text=str(m.text)) for m in conversation if str(m.text).strip())
    if not turns:
        raise InputError("conversation: no turn in it; a transcript has lines 'Name: words'")
    if sum(len(turn.text) for turn in turns) > LONGEST:
        raise InputError(f"conversation: over {LONGEST:,} characters; split it")
    return turns


def _by_rule(turns: Sequence[Turn]) -> Iterator[Span]:
    """Every sentence that is no question: what can be said without a language model."""
    for number, turn in enumerate(turns, start=1):
        for match in _SENTENCE.finditer(turn.text):
            text = match.group().strip()
            if not text.endswith("?") and len(text.split()) > 2:  # noqa: PLR2004 - "Yes, indeed." claims nothing
                yield Span(turn=number, text=text)


def _read(text: str) -> list[Span] | None:
    start = text.find("{")
    try:
        value, _ = json.JSONDecoder().raw_decode(text, max(start, 0))
        return Spans.model_validate(value).statements
    except (ValueError, RecursionError, ValidationError):
        return None


def _checked(turns: Sequence[Turn], spans: Sequence[Span]) -> tuple[list[SpokenStatement], int]:
    """Pieces that stand word for word in their turn, each once; and how many do not."""
    kept: dict[tuple[int, int], SpokenStatement] = {}
    rejected = 0
    for span in spans:
        text = span.text.strip()
        turn = turns[span.turn - 1] if 0 < span.turn <= len(turns) else None
        start = turn.text.find(text) if turn and text else -1
        if turn is None or start < 0:
            rejected += 1
            continue
        where = (span.turn, start)
        number = 1 + sum(place[0] == span.turn for place in kept)
        if where not in kept:
            kept[where] = SpokenStatement(
                id=f"t{span.turn}.{number}",
                speaker=turn.speaker,
                text=text,
                turn=span.turn,
                span=(start, start + len(text)),
            )
    return [kept[where] for where in sorted(kept)], rejected


def _note(said: str) -> str:
    """What a failure means here: the template that other chains fall back to is every sentence."""
    told = said.replace("the template stands in", "every sentence counts")
    return told.replace("the template words the ledger", "every sentence counts")


class StatementRunnable(GrowingRunnable["str | Sequence[BaseMessage]", Conversation]):
    """See :func:`statement_chain`."""

    def __init__(
        self, model: BaseChatModel | None, note: str, prompts: Path | str | None, prices: Prices | None
    ) -> None:
        self.name = "statement_chain"
        self._prices = prices
        self._model, self._said, self._prompts = model, note, prompts
        self._prompt = load_chat_prompt("statements", prompts).template()

    def _messages(self, turns: Sequence[Turn]) -> list[BaseMessage]:
        transcript = "\n".join(
            f"{n} | {quoted(turn.speaker)} | {quoted(turn.text)}" for n, turn in enumerate(turns, start=1)
        )
        return self._prompt.format_messages(transcript=transcript, mark=mark_for([transcript]))

    def _question(self, turns: Sequence[Turn]) -> Question[list[Span]]:
        return Question(self._messages(turns), Spans, _read, self._prompts)

    def _end(self, turns: tuple[Turn, ...], spans: list[Span] | None, usage: Usage | None, said: str) -> Conversation:
        statements, rejected = _checked(turns, list(_by_rule(turns)) if spans is None else spans)
        return Conversation(
            turns=turns,
            statements=tuple(statements),
            rejected=rejected,
            usage=priced(usage or Usage(), self._prices),
            note=_note(said) if spans is None else said,
        )

    def run(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        """The statements of a conversation."""
        turns = turns_of(given)
        if self._model is None:
            return self._end(turns, None, None, self._said)
        asked = self._question(turns)
        spans = asked.ask(self._model, config)
        return self._end(turns, spans, asked.meter.usage(), asked.meter.note)

    async def arun(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        """The statements of a conversation."""
        turns = turns_of(given)
        if self._model is None:
            return self._end(turns, None, None, self._said)
        asked = self._question(turns)
        spans = await asked.aask(self._model, config)
        return self._end(turns, spans, asked.meter.usage(), asked.meter.note)

    def grow(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Iterator[Conversation]:
        """The conversation with each further statement that stands in its turn."""
        turns = turns_of(given)
        if self._model is None:
            yield self._end(turns, None, None, self._said)
            return
        listening = _Listening(turns)
        try:
            for chunk in self._model.stream(self._messages(turns), config):
                if listening.take(chunk):
                    yield self._end(turns, listening.spans, None, "")
        except Exception as error:  # noqa: BLE001 - every provider has its own errors
            listening.hearing.fail(error)
        yield self._end(turns, *listening.end())

    async def agrow(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> AsyncIterator[Conversation]:
        """As :meth:`grow`."""
        turns = turns_of(given)
        if self._model is None:
            yield self._end(turns, None, None, self._said)
            return
        listening = _Listening(turns)
        try:
            async for chunk in self._model.astream(self._messages(turns), config):
                if listening.take(chunk):
                    yield self._end(turns, listening.spans, None, "")
        except Exception as error:  # noqa: BLE001 - every provider has its own errors
            listening.hearing.fail(error)
        yield self._end(turns, *listening.end())


class _Listening:
    """The pieces of a streamed answer so far."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.spans: list[Span] = []
        # Every piece is at most its turn, and its frame a few dozen characters.
        most = 2 * sum(len(turn.text) for turn in turns) + 4_000
        self.hearing = Hearing(ItemReader(Span, "statements"), most)
        self._turns = turns
        self._kept = 0

    def take(self, chunk: object) -> bool:
        """Hear one chunk; whether a further statement passed."""
        self.spans += self.hearing.take(chunk)
        kept = len(_checked(self._turns, self.spans)[0])
        grown, self._kept = kept > self._kept, kept
        return grown

    def end(self) -> tuple[list[Span] | None, Usage, str]:
        """(pieces, or None when every sentence is to count; calls and tokens; what went wrong)."""
        said = self.hearing.end()
        if self.spans and said:
            said = said.replace("the template stands in", "what it found before that counts")
        return self.spans or None, self.hearing.meter.usage(), said


def statement_chain(
    llm: BaseChatModel | str | None = None, *, prompts: Path | str | None = None, prices: Prices | None = None
) -> Runnable[str | Sequence[BaseMessage], Conversation]:
    r"""A Runnable that finds what each speaker of a conversation holds; sync, async, batch and streaming.

    A language model points at pieces; code keeps those that stand word for word in the turn, whose speaker is known.
    So nothing can be put into anybody's mouth. Without a model, or where it fails, every sentence but questions counts.
    ``stream`` yields the conversation with each further statement, the last one complete.

    Args:
        llm: a chat model, or a name as ``init_chat_model`` takes it.
        prompts: a folder whose ``statements.txt`` replaces the package's.
        prices: what the model's tokens cost, for ``usage.cost``.

    Raises:
        InputError: for a conversation without turns, and as :func:`jepa_langchain.chains.narrative_chain`.

    Example:
        >>> statement_chain().invoke("Ann: Rents need caps.\\nBob: Caps backfire.").personas()
    """
    chain = StatementRunnable(*chat_model(llm), prompts, prices)
    return chain.with_types(output_type=Conversation).with_config(run_name="statement_chain")
