"""Who a tool answers: identity comes from the runtime, and no tenant sees another's statements."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.schema import Verdict
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.toolkit import AlignmentToolkit
from tests.agents import ANN, EXAMPLES, call, fill, make_toolkit, persona
from tests.unit_tests.conftest import make_model


def test_identity_comes_from_the_runtime_and_never_from_an_argument(toolkit: AlignmentToolkit) -> None:
    forged: dict[str, Any]
    for forged in ({"runtime": {"context": {"persona": "bob"}}}, {"persona": "bob"}, {"caller": "bob"}, {"config": {}}):
        assert call(toolkit, "record_statement", text="bees sting", **forged).artifact.persona == "ann"
    config = {"configurable": {"persona": "cleo"}}
    assert call(toolkit, "record_statement", config, text="bees sting").artifact.persona == "cleo"
    runtime: Any = SimpleNamespace(context=Caller("bob"))
    assert Caller.of(runtime, config, ANN) == Caller("bob")
    assert Caller.of(SimpleNamespace(context={"persona": "bob", "tenant": "t"}), config, ANN) == Caller("bob", "t")
    with pytest.raises(InputError, match="the run's tenant is no name"):
        Caller.of(None, {"configurable": {"tenant": 3}}, ANN)
    for tool in toolkit.get_tools():
        shown: Any = tool.tool_call_schema
        assert set(shown.model_json_schema()["properties"]).isdisjoint({"runtime", "config", "caller", "tenant"})


def test_without_a_caller_what_needs_one_says_so() -> None:
    toolkit = make_toolkit(caller=Caller())
    message = call(toolkit, "check_alignment", peer="bob")
    assert message.status == "error"
    assert "which persona is asking" in message.text
    assert call(toolkit, "find_peers", goal="rents help towns").status == "success"


def test_no_tenant_sees_anothers_statement(tmp_path: Path) -> None:
    index = JointIndex.open(tmp_path / "index", model=make_model())
    for tenant, secret in (("acme", "alpha"), ("bolt", "omega")):
        view = index.namespace(tenant)
        view.add_persona(persona("ann", "rents help towns"))
        view.add_persona(persona("peer", f"rents help towns {secret}"))
        view.add_persona(persona(f"only-{tenant}", f"rents not help towns {secret}"))
    toolkit = make_toolkit(index, caller=Caller())
    acme, bolt = ({"configurable": {"persona": "ann", "tenant": tenant}} for tenant in ("acme", "bolt"))
    call(toolkit, "record_statement", bolt, text="rents help towns omega omega", topic="omega")
    requests: list[tuple[str, dict[str, Any]]] = [
        *((name, dict(arguments)) for name, arguments in EXAMPLES.items() if "bob" not in json.dumps(arguments)),
        ("check_alignment", {"peer": "peer"}),
        ("check_alignment", {"peer": "only-bolt"}),
        ("search_aligned_statements", {"text": "omega", "relation": "similar", "k": 50}),
        ("search_aligned_statements", {"text": "bolt\x1fpeer/s0", "relation": "similar"}),
        ("search_aligned_statements", {"text": "rents", "relation": "agree", "personas": ["only-bolt"]}),
        ("explain_alignment", {"statement_a": "ann/s0", "statement_b": "only-bolt/s0"}),
        ("explain_alignment", {"statement_a": "bolt/peer/s0", "statement_b": "peer/s0"}),
        ("compare_personas", {"personas": ["ann", "only-bolt"]}),
        ("find_peers", {"goal": "rents help towns", "min_alignment": 0.0}),
        ("propose_coalitions", {}),
    ]
    answered = 0
    for name, arguments in requests:
        message = call(toolkit, name, acme, **arguments)
        artifact = message.artifact.model_dump_json() if message.artifact else ""
        echoed = "omega" in json.dumps(arguments)
        assert "only-bolt/" not in message.text + artifact
        assert echoed or "omega" not in message.text + artifact
        answered += message.status == "success"
    assert answered >= 7
    assert call(toolkit, "check_alignment", acme, peer="peer").artifact.advice is Verdict.ALIGNED
    nobody = call(toolkit, "check_alignment", {"configurable": {"persona": "ann"}}, peer="peer")
    assert nobody.status == "error"
    assert "this index has tenants" in nobody.text


def test_a_toolkit_over_a_tenants_view_answers_that_tenant(tmp_path: Path) -> None:
    index = JointIndex.open(tmp_path / "index", model=make_model())
    for tenant in ("acme", "bolt"):
        fill(index.namespace(tenant))
    for caller in (ANN, Caller("ann", "acme")):
        toolkit = make_toolkit(index.namespace("acme"), caller=caller)
        assert call(toolkit, "check_alignment", peer="cleo").artifact.advice is Verdict.ALIGNED
    other = make_toolkit(index.namespace("acme"), caller=Caller("ann", "bolt"))
    assert "a tenant's view already" in call(other, "check_alignment", peer="cleo").text


def test_a_caller_is_known_by_its_name_as_the_index_cleans_it() -> None:
    typed, kept = "Zoe\u0308 ", "Zo\u00eb"
    toolkit = make_toolkit(caller=Caller(typed))
    first, again = (call(toolkit, "record_statement", text="rents help towns indeed").artifact for _ in range(2))
    assert (first.new, again.new, first.persona) == (True, False, kept)
    assert toolkit.index.get_by_ids([first.id])
    assert call(toolkit, "check_alignment", peer="bob").artifact.caller == kept
    claim = "rents help towns"
    for found in (
        call(toolkit, "search_aligned_statements", text=claim, relation="agree", k=50),
        call(toolkit, "find_peers", goal=claim),
    ):
        assert kept not in found.artifact.model_dump_json()
    # A document may have come with the name as it was typed.
    toolkit.index.add_texts(["trains help cities"], [{"persona": typed}])
    assert call(toolkit, "check_alignment", peer="bob").artifact.caller == typed
