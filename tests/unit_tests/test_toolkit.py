"""The toolkit as a whole: what it gives, what it remembers, and many calls at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseToolkit

from jepa_langchain.errors import InputError
from jepa_langchain.prompts import load_wording
from jepa_langchain.tools.alignment_tools import TOOLS, AlignmentTool
from jepa_langchain.tools.texts import CLOSE, OPEN
from jepa_langchain.tools.toolkit import AlignmentToolkit
from tests.agents import ANN, EXAMPLES, call, make_index, make_toolkit, tools_of
from tests.near import differences
from tests.unit_tests.conftest import make_model
from tests.words import WordEncoder


def test_the_toolkit_gives_what_is_asked_for(toolkit: AlignmentToolkit) -> None:
    assert isinstance(toolkit, BaseToolkit)
    assert [tool.name for tool in toolkit.get_tools()] == [kind.model_fields["name"].default for kind in TOOLS]
    few = AlignmentToolkit(index=toolkit.index, names=["check_alignment"])
    assert [tool.name for tool in few.get_tools()] == ["check_alignment"]
    with pytest.raises(InputError, match="tool 'guess': there are check_alignment"):
        AlignmentToolkit(index=toolkit.index, names=["guess"])
    assert AlignmentToolkit(index=toolkit.index, model=make_model()).get_tools()
    with pytest.raises(InputError, match="not the one that the index was made with"):
        AlignmentToolkit(index=toolkit.index, model=make_model("another"))


def test_the_prompt_names_every_tool_and_the_marks(toolkit: AlignmentToolkit) -> None:
    prompt = toolkit.system_prompt()
    assert prompt == load_wording("tools_system").body
    for tool in toolkit.get_tools():
        assert isinstance(tool, AlignmentTool)
        assert tool.name in prompt
        assert 100 < len(tool.description) < 500
    assert OPEN in prompt
    assert CLOSE in prompt


def test_what_is_known_is_never_encoded_again(tmp_path: Path) -> None:
    make_index(tmp_path / "index")
    model = make_model()
    encoder = model.stages.encoder
    assert isinstance(encoder, WordEncoder)
    toolkit = AlignmentToolkit.from_index(tmp_path / "index", model=model, caller=ANN)
    call(toolkit, "check_alignment", peer="bob")
    call(toolkit, "check_alignment", peer="cleo")
    assert encoder.calls == []
    call(toolkit, "record_statement", text="bees help towns")
    call(toolkit, "check_alignment", peer="bob")
    assert encoder.calls == ["bees help towns"]
    for toolkit in (AlignmentToolkit.from_index(tmp_path / "index", model=model, caller=ANN) for _ in range(2)):
        encoder.calls.clear()
        call(toolkit, "search_aligned_statements", text="bob/s1", relation="agree")
        assert encoder.calls == []


def test_async_calls_do_not_block_the_event_loop(toolkit: AlignmentToolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    advisor = toolkit.advisor
    assert advisor is not None
    free = threading.Event()
    check = advisor.check_alignment

    def slow(*args: Any, **kwargs: Any) -> Any:
        assert free.wait(10)
        return check(*args, **kwargs)

    monkeypatch.setattr(advisor, "check_alignment", slow)

    async def ask() -> str:
        task = asyncio.create_task(tools_of(toolkit)["check_alignment"].ainvoke({"peer": "bob"}))
        await asyncio.sleep(0)
        free.set()  # Reached while the call waits in its thread: the loop is free.
        return str(await task)

    assert "misaligned" in asyncio.run(ask())


def test_32_calls_at_once_answer_as_one_by_one() -> None:
    requests = [(name, arguments) for name, arguments in EXAMPLES.items() if name != "record_statement"] * 5
    requests += [
        ("check_alignment", {"peer": "cleo", "topic": "rents"}),
        ("find_peers", {"goal": "trains help cities"}),
    ]
    assert len(requests) == 32
    serial = make_toolkit()
    expected = [call(serial, name, **arguments).artifact for name, arguments in requests]
    together = tools_of(make_toolkit())

    async def ask() -> list[ToolMessage]:
        calls = (
            together[name].ainvoke({"name": name, "args": dict(arguments), "id": str(n), "type": "tool_call"})
            for n, (name, arguments) in enumerate(requests)
        )
        return list(await asyncio.gather(*calls))

    messages = asyncio.run(ask())
    assert [message.status for message in messages] == ["success"] * 32
    assert differences([message.artifact for message in messages], expected) == []


def test_what_was_asked_before_changes_no_answer() -> None:
    """A text that was encoded here, and one whose states the index gave, say the same to the last digit shown."""
    question: dict[str, Any] = {"statement_a": "ann/s0", "statement_b": "bob/s0"}
    encoded = call(make_toolkit(), "explain_alignment", **question)
    told = make_toolkit()
    call(told, "check_alignment", peer="bob")
    assert differences(call(told, "explain_alignment", **question).artifact, encoded.artifact, within=2e-6) == []
