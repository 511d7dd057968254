"""A middleware for ``create_agent``: a peer's message is checked against the agent's goals before it is answered.

The check stands in the run's state (``alignment_checks``), so that anybody can see later what the answer rested on, and
its findings stand before the model as part of the system message. No word of the peer's does: a finding names the
message and the sentence in it, which the model reads where the peer said it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from operator import add
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import run_in_executor

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError
from jepa_langchain.ledger import build_ledger
from jepa_langchain.personas import clean_persona, persona_from_messages
from jepa_langchain.schema import Persona, Relation, Statement, Verdict
from jepa_langchain.tools.ledger_advice import advise, evidence
from jepa_langchain.tools.results import Evidence

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, hook_config
    from langgraph.runtime import Runtime
except ImportError:
    raise InputError("the middleware needs LangChain: pip install 'jepa-langchain[langchain]'") from None

#: Findings that a model is shown.
MOST_ROWS = 6
DECLINED = "I decline: what you ask contradicts goals that I hold ({rows})."


class CheckedState(AgentState[Any]):
    """An agent's state with what was checked: one record a message, in order.

    A record is ``{"message": id, "peer", "advice", "score", "rows", "note"}``, rows as plain :class:`Evidence` whose
    ``mine`` is a goal, disagreements first. ``note`` says why nothing could be compared; it is empty otherwise.
    """

    alignment_checks: NotRequired[Annotated[list[dict[str, Any]], add]]


class GoalCheck(AgentMiddleware[CheckedState, Any, Any]):
    """Checks each message of a peer against goals before the agent answers it.

    A message waits for an answer until an AI message follows it that calls no tool. Several may wait; each is checked
    once.

    Args:
        model: what compares; no language model.
        goals: what the agent stands for, a claim each.
        peers: names of the messages' authors who are checked; every human message when None.
        decline: answer a misaligned message with a refusal, without asking the language model.
        min_confidence: findings below this probability do not count.

    Raises:
        InputError: if a goal cannot be used.

    Example:
        >>> check = GoalCheck(model, ["Rents should be capped."])  # doctest: +SKIP
        >>> agent = create_agent(llm, tools, middleware=[check])  # doctest: +SKIP
    """

    state_schema = CheckedState

    def __init__(
        self,
        model: AlignmentModel,
        goals: Sequence[str],
        *,
        peers: Sequence[str] | None = None,
        decline: bool = False,
        min_confidence: float = 0.0,
    ) -> None:
        super().__init__()
        if not goals:
            raise InputError("goals: give one at least")
        statements = tuple(Statement(id=f"goal{n}", text=text or " ") for n, text in enumerate(goals, start=1))
        self.goals = clean_persona(Persona(id="goals", statements=statements)).persona
        self.model, self.peers = model.remembering(halves=True), None if peers is None else frozenset(peers)
        self.decline, self.min_confidence = decline, min_confidence

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: CheckedState, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Check the messages that wait for an answer and were not checked yet."""
        known = {record["message"] for record in state.get("alignment_checks") or ()}
        new = [message for message in waiting(state["messages"]) if self._of_peer(message) and message.id not in known]
        if not new:
            return None
        records = [self.check(message) for message in new]
        update: dict[str, Any] = {"alignment_checks": records}
        against = [record for record in records if record["advice"] == Verdict.MISALIGNED.value]
        if self.decline and against:
            goals = (row["mine"]["id"] for record in against for row in record["rows"] if row["relation"] == "disagree")
            update |= {"messages": [AIMessage(DECLINED.format(rows=", ".join(dict.fromkeys(goals))))], "jump_to": "end"}
        return update

    def _of_peer(self, message: HumanMessage) -> bool:
        return self.peers is None or message.name in self.peers

    @hook_config(can_jump_to=["end"])
    async def abefore_model(self, state: CheckedState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """As :meth:`before_model`, in a thread."""
        return await run_in_executor(None, self.before_model, state, runtime)

    def check(self, message: HumanMessage) -> dict[str, Any]:
        """The record of one message."""
        record: dict[str, Any] = {"message": message.id, "peer": message.name, "note": ""}
        try:
            peer = persona_from_messages([message], persona_id="peer", speaker=message.name or message.type).persona
        except InputError as error:
            return {**record, "advice": Verdict.INSUFFICIENT.value, "score": 0.5, "rows": [], "note": str(error)}
        rows = evidence(build_ledger(self.model.stages, self.goals, peer), self.goals, peer)
        advice, score = advise(rows, self.min_confidence)
        # Many strong agreements would push out of sight what the answer must not agree to, and a refusal rests on.
        ordered = sorted(rows, key=lambda row: row.relation is not Relation.DISAGREE)
        shown = [row.model_dump(mode="json") for row in ordered[:MOST_ROWS]]
        return {**record, "advice": advice.value, "score": score, "rows": shown}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model the checks of the messages that it answers."""
        return handler(self._informed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """As :meth:`wrap_model_call`."""
        return await handler(self._informed(request))

    def _informed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        checks: Any = dict(request.state).get("alignment_checks") or ()
        found = {record["message"]: record for record in checks}
        heard = waiting(request.messages)
        lines = [
            check_text(found[message.id], number, len(heard))
            for number, message in enumerate(heard, start=1)
            if message.id in found
        ]
        if not lines:
            return request
        own = request.system_message
        text = "\n".join([*lines, "Do not agree to what contradicts a goal; name the goal instead."])
        return request.override(system_message=SystemMessage(f"{own.text}\n\n{text}" if own else text))


def waiting(messages: Sequence[AnyMessage]) -> list[HumanMessage]:
    """The human messages that no AI message has answered yet, in order; a call of a tool is no answer."""
    answers = (
        n for n, message in enumerate(messages, start=1) if isinstance(message, AIMessage) and not message.tool_calls
    )
    return [message for message in messages[max(answers, default=0) :] if isinstance(message, HumanMessage)]


def check_text(record: dict[str, Any], number: int, of: int) -> str:
    """A record for a language model's system message, without a word of the peer's.

    Args:
        record: see :class:`CheckedState`.
        number: which of the human messages that wait for an answer it is about, from 1.
        of: how many wait.
    """
    lines = [f"Unanswered message {number} of {of} was checked against your goals by code: {record['advice']}."]
    for row in (Evidence.model_validate(row) for row in record["rows"]):
        copied = ", a near-verbatim copy, not counted" if row.near_verbatim else ""
        # Ids of a message's sentences end with their number.
        sentence = (row.theirs.id or "").rpartition(".")[2]
        goal = json.dumps(row.mine.text, ensure_ascii=False)
        lines.append(f"{row.id} {row.relation}{copied}: goal {goal} / sentence {sentence} of the message")
    if record["note"]:
        lines.append("Nothing in it could be compared.")
    return "\n".join(lines)
