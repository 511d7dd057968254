"""One question to a language model, answered in a given shape or not at all; counted, and never trusted further.

The model is asked for structured output where its provider has it. Where it has not, the prompt's own demand for JSON
is all there is. An answer that cannot be read is repaired once, by a second call that sees the answer alone. At most
two calls, the one that a server refuses for its form included; retries after a rate limit or a lost connection are the
client's own (``max_retries``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from jepa_langchain.chains.marking import mark_for
from jepa_langchain.errors import InputError
from jepa_langchain.schema import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import Runnable, RunnableConfig

T = TypeVar("T")

#: Seconds that a model named by a string may take for an answer, and how often its client tries again.
TIMEOUT, RETRIES = 60.0, 2
#: Characters of a broken answer that are sent back for repair.
_BROKEN = 12_000
#: What is said of an answer that cannot be read.
UNREADABLE = "the language model's answer could not be read; the template stands in"
# HTTP statuses by which a server says that it does not know a way to ask for structure.
_NOT_UNDERSTOOD = frozenset({400, 404, 405, 415, 422, 501})


@dataclass
class Meter:
    """Counts calls and tokens of one narrative; ``note`` says what went wrong."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    note: str = ""

    def count(self, message: object) -> None:
        """Add the tokens that a provider reports for one message."""
        usage = getattr(message, "usage_metadata", None) or {}
        self.tokens_in += int(usage.get("input_tokens", 0))
        self.tokens_out += int(usage.get("output_tokens", 0))

    def usage(self) -> Usage:
        """The sums."""
        return Usage(calls=self.calls, tokens_in=self.tokens_in, tokens_out=self.tokens_out)


def chat_model(llm: BaseChatModel | str | None) -> tuple[BaseChatModel | None, str]:
    """The model that a name stands for, or why there is none.

    Args:
        llm: a chat model, a name as ``init_chat_model`` takes it ("openai:gpt-5-mini"), or None.

    Raises:
        InputError: if a name is given and the extra that makes models from names is missing, or the name is unknown.
    """
    if llm is None or not isinstance(llm, str):
        return llm, ""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        raise InputError("a model by name needs the extra: pip install 'jepa-langchain[langchain,openai]'") from None
    try:
        model: BaseChatModel = init_chat_model(llm, timeout=TIMEOUT, max_retries=RETRIES)
    except ImportError as error:
        raise InputError(f"{llm}: {error}".splitlines()[0]) from None
    except ValueError as error:
        raise InputError(f"{llm}: no such chat model ({str(error).splitlines()[0]})") from None
    except Exception as error:  # noqa: BLE001 - every provider has its own error for a missing key
        return None, f"{llm} cannot be used ({type(error).__name__}: is its key set?); the template words the ledger"
    return model, ""


@dataclass
class Manner:
    """How a server is asked, shared by the questions to it: plainly once it refused the form and took the words."""

    plain: bool = False


@dataclass
class Question(Generic[T]):
    """What is asked, and how an answer is read.

    Attributes:
        messages: the prompt.
        shape: the pydantic model of the answer.
        read: the answer of a text, or nothing (an empty answer counts as nothing).
        repair: the prompt that has an unreadable answer repaired; None forgoes that.
        manner: how the server is asked.
    """

    messages: Sequence[BaseMessage]
    shape: type[BaseModel]
    read: Callable[[str], T | None]
    repair: ChatPromptTemplate | None = None
    meter: Meter = field(default_factory=Meter)
    manner: Manner = field(default_factory=Manner)

    def ask(self, model: BaseChatModel, config: RunnableConfig | None = None) -> T | None:
        """The answer; None when none can be had, with the reason in ``meter.note``."""
        steps = self._steps(model)
        try:
            runnable, messages = next(steps)
            while True:
                try:
                    outcome: Any = runnable.invoke(messages, config)
                except Exception as error:  # noqa: BLE001 - every provider has its own errors
                    outcome = error
                runnable, messages = steps.send(outcome)
        except StopIteration as end:
            answer: T | None = end.value
            return answer

    async def aask(self, model: BaseChatModel, config: RunnableConfig | None = None) -> T | None:
        """As :meth:`ask`."""
        steps = self._steps(model)
        try:
            runnable, messages = next(steps)
            while True:
                try:
                    outcome: Any = await runnable.ainvoke(messages, config)
                except Exception as error:  # noqa: BLE001 - every provider has its own errors
                    outcome = error
                runnable, messages = steps.send(outcome)
        except StopIteration as end:
            answer: T | None = end.value
            return answer

    def _steps(self, model: BaseChatModel) -> Generator[tuple[Runnable[Any, Any], Any], Any, T | None]:
        """The calls to make, one after the other; each is sent its outcome, a message or an exception."""
        structured = None if self.manner.plain else _structured(model, self.shape)
        outcome = yield self._call(structured or model, self.messages)
        if structured is not None and getattr(outcome, "status_code", None) in _NOT_UNDERSTOOD:
            outcome = yield self._call(model, self.messages)
            self.manner.plain = not isinstance(outcome, Exception)
        answer, broken = self._take(outcome)
        if answer is not None or self.meter.note or self.repair is None or self.meter.calls > 1:
            return self._end(answer)
        # Where the client hid the answer behind its own parser's error, it is asked again without the structure.
        outcome = yield self._call(model, _repair(self.repair, broken, self.shape) if broken else self.messages)
        return self._end(self._take(outcome)[0])

    def _call(self, runnable: Runnable[Any, Any], messages: Sequence[BaseMessage]) -> tuple[Runnable[Any, Any], Any]:
        self.meter.calls += 1
        return runnable, list(messages)

    def _take(self, outcome: Any) -> tuple[T | None, str]:  # noqa: ANN401 - whatever a model returns
        """(answer, text that could not be read); a failure of the model leaves a note."""
        if isinstance(outcome, Exception):
            if not _misread(outcome):
                self.meter.note = failure(outcome)
            cut = self._cut_short(outcome)
            return (self.read(cut) if cut else None), cut
        message = outcome.get("raw", outcome) if isinstance(outcome, dict) else outcome
        self.meter.count(message)
        text = _text_of(message)
        parsed = outcome.get("parsed") if isinstance(outcome, dict) else None
        if isinstance(parsed, BaseModel):
            text = parsed.model_dump_json()
        return self.read(text), text

    def _cut_short(self, error: Exception) -> str:
        """The answer that OpenAI's client holds back in an error because it met the limit of tokens."""
        completion = getattr(error, "completion", None)
        try:
            text = str(completion.choices[0].message.content or "")  # type: ignore[union-attr]
            self.meter.tokens_in += int(completion.usage.prompt_tokens)  # type: ignore[union-attr]
            self.meter.tokens_out += int(completion.usage.completion_tokens)  # type: ignore[union-attr]
        except (AttributeError, IndexError, TypeError):
            return ""
        return text

    def _end(self, answer: T | None) -> T | None:
        if answer is None and not self.meter.note:
            self.meter.note = UNREADABLE
        return answer


def _repair(prompt: ChatPromptTemplate, broken: str, shape: type[BaseModel]) -> Sequence[BaseMessage]:
    broken = broken[:_BROKEN]
    return prompt.format_messages(broken=broken, shape=json.dumps(shape.model_json_schema()), mark=mark_for([broken]))


def failure(error: Exception) -> str:
    """What is said of a model that failed."""
    return f"the language model failed ({type(error).__name__}); the template stands in"


def _structured(model: BaseChatModel, shape: type[BaseModel]) -> Runnable[Any, Any] | None:
    """The model bound to a shape, or None where its provider has no structured output."""
    try:
        return model.with_structured_output(shape, include_raw=True)
    except (NotImplementedError, ValueError, TypeError, AttributeError):
        return None


def _text_of(message: object) -> str:
    """The arguments of a message's first tool call, whatever words stand before it; else its text."""
    calls = getattr(message, "tool_calls", None) or []
    return json.dumps(calls[0]["args"]) if calls else str(getattr(message, "text", "") or "")


def _misread(error: Exception) -> bool:
    """Whether an exception is about the answer's form, not about getting one."""
    return isinstance(error, ValueError) or type(error).__name__ in {"LengthFinishReasonError", "OutputParserException"}
