"""A middleware for ``create_agent``: a peer's message is checked against the agent's goals before it is answered.

The check stands in the run's state (``alignment_checks``), so that anybody can see later what the answer rested on, and
its findings stand before the model as part of the system message, the peer's words marked as data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from operator import add
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import run_in_executor

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError
from jepa_langchain.ledger import build_ledger
from jepa_langchain.personas import clean_persona, persona_from_messages
from jepa_langchain.schema import Persona, Statement, Verdict
from jepa_langchain.tools.ledger_advice import advise, evidence
from jepa_langchain.tools.results import Evidence
from jepa_langchain.tools.texts import PREAMBLE, marked

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
    ``mine`` is a goal. ``note`` says why nothing could be compared; it is empty otherwise.
    """

    alignment_checks: NotRequired[Annotated[list[dict[str, Any]], add]]


class GoalCheck(AgentMiddleware[CheckedState, Any, Any]):
    """Checks each message of a peer against goals before the agent answers it.

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
        """Check what was said last, once."""
        message = state["messages"][-1] if state["messages"] else None
        if not isinstance(message, HumanMessage) or (self.peers is not None and message.name not in self.peers):
            return None
        record = self.check(message)
        update: dict[str, Any] = {"alignment_checks": [record]}
        if self.decline and record["advice"] == Verdict.MISALIGNED.value:
            rows = ", ".join(row["mine"]["id"] for row in record["rows"] if row["relation"] == "disagree")
            update |= {"messages": [AIMessage(DECLINED.format(rows=rows))], "jump_to": "end"}
        return update

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
        shown = [row.model_dump(mode="json") for row in rows[:MOST_ROWS]]
        return {**record, "advice": advice.value, "score": score, "rows": shown}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show the model the last check."""
        return handler(self._informed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """As :meth:`wrap_model_call`."""
        return await handler(self._informed(request))

    def _informed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        checks = dict(request.state).get("alignment_checks")
        if not isinstance(checks, list) or not checks:
            return request
        own = request.system_message
        text = check_text(checks[-1])
        return request.override(system_message=SystemMessage(f"{own.text}\n\n{text}" if own else text))


def check_text(record: dict[str, Any]) -> str:
    """A record for a language model."""
    lines = [f"The last message was checked against your goals by code: {record['advice']}."]
    for row in (Evidence.model_validate(row) for row in record["rows"]):
        copied = ", a near-verbatim copy, not counted" if row.near_verbatim else ""
        lines.append(
            f"{row.id} {row.relation}{copied}: goal {marked(row.mine.text)} / message {marked(row.theirs.text)}"
        )
    if record["note"]:
        lines.append("Nothing in it could be compared.")
    lines.append("Do not agree to what contradicts a goal; name the goal instead.")
    return "\n".join([lines[0], PREAMBLE, *lines[1:]])
