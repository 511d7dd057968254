"""A conversation in, what each speaker holds out: statements word for word, each checked against its turn."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, JsonValue

from jepa_langchain.chains.asking import Question, chat_model
from jepa_langchain.chains.conversation import Conversation, Heard, SpokenStatement, Turn, heard_of
from jepa_langchain.chains.drafts import ItemReader, read_object
from jepa_langchain.chains.growing import GrowingRunnable
from jepa_langchain.chains.hearing import Hearing
from jepa_langchain.chains.marking import mark_for, quoted
from jepa_langchain.chains.pieces import Spoken
from jepa_langchain.chains.prices import Prices, priced
from jepa_langchain.errors import InputError
from jepa_langchain.prompts.chat import load_chat_prompt
from jepa_langchain.schema import Usage
from jepa_langchain.statements import clean_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Places of its turn at which a piece is looked for.
_MOST_PLACES = 20
#: Pieces that are read: a long conversation has more statements than a narrative has rows.
_MOST_PIECES = 10_000
_ASKS = re.compile(r"\?\W*\Z")


class Span(BaseModel):
    """A statement as a language model finds it."""

    turn: int
    text: str


class Spans(BaseModel):
    """Everything it finds."""

    statements: list[Span]


class _Entries(BaseModel):
    """The same, unread."""

    statements: list[JsonValue]


def _by_rule(turns: Sequence[Turn]) -> Iterator[Span]:
    """Every sentence that is no question: what can be said without a language model."""
    for number, turn in enumerate(turns, start=1):
        for text in Spoken(turn.text).lines():
            if not _ASKS.search(text) and len(text.split()) > 2:  # noqa: PLR2004 - "Yes, indeed." claims nothing
                yield Span(turn=number, text=text)


def _read(text: str) -> list[Span] | None:
    """The pieces of a whole answer, without entries that are none; None where nothing can be read."""
    answer = read_object(text, _Entries)
    if answer is None:
        return None
    found = ItemReader(Span, "statements", _MOST_PIECES).feed(answer.model_dump_json())
    return found if found or not answer.statements else None


def _place(spoken: Spoken, text: str) -> int:
    """Where a text first stands that may stand alone there; -1 if nowhere."""
    start = -1
    for _ in range(_MOST_PLACES):
        start = spoken.text.find(text, start + 1)
        if start < 0 or spoken.stands_alone(start, start + len(text)):
            return start
    return -1


def _fit(text: str) -> bool:
    try:
        clean_text(text, where="piece")
    except InputError:
        return False
    return True


class _Pieces:
    """Pieces that stand in their turn and may stand alone, each once; ``rejected`` counts those that do not."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.rejected = 0
        self._turns = turns
        self._spoken: dict[int, Spoken] = {}
        self._kept: dict[tuple[int, int], SpokenStatement] = {}

    def add(self, spans: Iterable[Span]) -> int:
        """Check pieces; how many of them are further statements."""
        before = len(self._kept)
        for span in spans:
            text = span.text.strip()
            start = self._start(span.turn, text)
            if start < 0:
                self.rejected += 1
            elif (span.turn, start) not in self._kept:
                number = 1 + sum(turn == span.turn for turn, _ in self._kept)
                self._kept[span.turn, start] = SpokenStatement(
                    id=f"t{span.turn}.{number}",
                    speaker=self._turns[span.turn - 1].speaker,
                    text=text,
                    turn=span.turn,
                    span=(start, start + len(text)),
                )
        return len(self._kept) - before

    def _start(self, turn: int, text: str) -> int:
        if not 0 < turn <= len(self._turns) or not _fit(text):
            return -1
        if turn not in self._spoken:
            self._spoken[turn] = Spoken(self._turns[turn - 1].text)
        return _place(self._spoken[turn], text)

    def statements(self) -> tuple[SpokenStatement, ...]:
        """In the order of the conversation."""
        return tuple(self._kept[where] for where in sorted(self._kept))


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
        self._repair = load_chat_prompt("repair", prompts).template()

    def _messages(self, turns: Sequence[Turn]) -> list[BaseMessage]:
        transcript = "\n".join(
            f"{n} | {quoted(turn.speaker)} | {quoted(turn.text)}" for n, turn in enumerate(turns, start=1)
        )
        return self._prompt.format_messages(transcript=transcript, mark=mark_for([transcript]))

    def _question(self, turns: Sequence[Turn]) -> Question[list[Span]]:
        return Question(self._messages(turns), Spans, _read, self._repair)

    def _end(self, heard: Heard, found: _Pieces | None, usage: Usage | None = None, said: str = "") -> Conversation:
        """Everything together; by rule where a language model found nothing."""
        if found is None:
            found, said = _Pieces(heard.turns), _note(said)
            found.add(_by_rule(heard.turns))
        return Conversation(
            turns=heard.turns,
            statements=found.statements(),
            rejected=found.rejected,
            usage=priced(usage or Usage(), self._prices),
            note="; ".join(part for part in (said, heard.left_out) if part),
        )

    def run(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        """The statements of a conversation."""
        heard = heard_of(given)
        if self._model is None:
            return self._end(heard, None, said=self._said)
        asked = self._question(heard.turns)
        spans = asked.ask(self._model, config)
        return self._end(heard, _found(heard, spans), asked.meter.usage(), asked.meter.note)

    async def arun(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        """The statements of a conversation."""
        heard = heard_of(given)
        if self._model is None:
            return self._end(heard, None, said=self._said)
        asked = self._question(heard.turns)
        spans = await asked.aask(self._model, config)
        return self._end(heard, _found(heard, spans), asked.meter.usage(), asked.meter.note)

    def grow(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> Iterator[Conversation]:
        """The conversation with each further statement that stands in its turn."""
        heard = heard_of(given)
        if self._model is None:
            yield self._end(heard, None, said=self._said)
            return
        listening = _Listening(heard.turns)
        for found in listening.hearing.listen(self._model.stream(self._messages(heard.turns), config)):
            if listening.pieces.add(found):
                yield self._end(heard, listening.pieces)
        yield self._end(heard, *listening.end())

    async def agrow(self, given: str | Sequence[BaseMessage], config: RunnableConfig) -> AsyncIterator[Conversation]:
        """As :meth:`grow`."""
        heard = heard_of(given)
        if self._model is None:
            yield self._end(heard, None, said=self._said)
            return
        listening = _Listening(heard.turns)
        async for found in listening.hearing.alisten(self._model.astream(self._messages(heard.turns), config)):
            if listening.pieces.add(found):
                yield self._end(heard, listening.pieces)
        yield self._end(heard, *listening.end())


def _found(heard: Heard, spans: list[Span] | None) -> _Pieces | None:
    if spans is None:
        return None
    found = _Pieces(heard.turns)
    found.add(spans)
    return found


class _Listening:
    """The pieces of a streamed answer so far."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        # Every piece is at most its turn, and its frame a few dozen characters.
        most = 2 * sum(len(turn.text) for turn in turns) + 4_000
        self.hearing = Hearing(ItemReader(Span, "statements", _MOST_PIECES), most)
        self.pieces = _Pieces(turns)

    def end(self) -> tuple[_Pieces | None, Usage, str]:
        """(pieces, or None when every sentence is to count; calls and tokens; what went wrong)."""
        said, usage = self.hearing.end(), self.hearing.meter.usage()
        if not self.hearing.readable:
            return None, usage, said
        return self.pieces, usage, said.replace("the template stands in", "what it found before that counts")


def statement_chain(
    llm: BaseChatModel | str | None = None, *, prompts: Path | str | None = None, prices: Prices | None = None
) -> Runnable[str | Sequence[BaseMessage], Conversation]:
    r"""A Runnable that finds what each speaker of a conversation holds; sync, async, batch and streaming.

    A language model points at pieces; code keeps those that stand word for word in the turn, whose speaker is known,
    and may stand alone there: whole sentences, or clauses beside which nothing denies, reports or limits them
    (:mod:`jepa_langchain.chains.pieces`, which says what it cannot see). Without a model, or where it fails, every
    sentence but questions counts.
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
