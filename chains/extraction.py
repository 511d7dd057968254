"""A conversation in, what each speaker holds out: statements word for word, each checked against its turn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import BaseModel, ValidationError

from jepa_langchain.chains.asking import Question, chat_model
from jepa_langchain.chains.marking import mark_for, quoted
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


def statement_chain(
    llm: BaseChatModel | str | None = None, *, prompts: Path | str | None = None
) -> Runnable[str | Sequence[BaseMessage], Conversation]:
    r"""A Runnable that finds what each speaker of a conversation holds; sync, async and batch.

    A language model points at pieces; code keeps those that stand word for word in the turn, whose speaker is known.
    So nothing can be put into anybody's mouth. Without a model, or where it fails, every sentence but questions counts.

    Args:
        llm: a chat model, or a name as ``init_chat_model`` takes it.
        prompts: a folder whose ``statements.txt`` replaces the package's.

    Raises:
        InputError: for a conversation without turns, and as :func:`jepa_langchain.chains.narrative_chain`.

    Example:
        >>> statement_chain().invoke("Ann: Rents need caps.\\nBob: Caps backfire.").personas()
    """
    model, note = chat_model(llm)

    def question(turns: Sequence[Turn]) -> Question[list[Span]]:
        transcript = "\n".join(
            f"{n} | {quoted(turn.speaker)} | {quoted(turn.text)}" for n, turn in enumerate(turns, start=1)
        )
        prompt = load_chat_prompt("statements", prompts).template()
        messages = prompt.format_messages(transcript=transcript, mark=mark_for([transcript]))
        return Question(messages, Spans, _read, prompts)

    def end(turns: tuple[Turn, ...], spans: list[Span] | None, asked: Question[list[Span]] | None) -> Conversation:
        statements, rejected = _checked(turns, list(_by_rule(turns)) if spans is None else spans)
        usage, said = (asked.meter.usage(), asked.meter.note) if asked else (Usage(), note)
        told = said.replace("the template stands in", "every sentence counts").replace(
            "the template words the ledger", "every sentence counts"
        )
        return Conversation(turns=turns, statements=tuple(statements), rejected=rejected, usage=usage, note=told)

    def run(conversation: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        turns = turns_of(conversation)
        if model is None:
            return end(turns, None, None)
        asked = question(turns)
        return end(turns, asked.ask(model, config), asked)

    async def arun(conversation: str | Sequence[BaseMessage], config: RunnableConfig) -> Conversation:
        turns = turns_of(conversation)
        if model is None:
            return end(turns, None, None)
        asked = question(turns)
        return end(turns, await asked.aask(model, config), asked)

    chain: Runnable[str | Sequence[BaseMessage], Conversation] = RunnableLambda(run, arun, name="statement_chain")
    return chain.with_types(output_type=Conversation).with_config(run_name="statement_chain")
