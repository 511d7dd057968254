"""An MCP client of the official SDK lists and calls every tool, over stdio and over HTTP on the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from jepa_langchain.mcp_server import build_server
from jepa_langchain.tools.callers import Caller
from tests.agents import EXAMPLES, fill, make_toolkit

SERVE = [sys.executable, "-m", "jepa_langchain", "serve-mcp"]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("check_alignment", {"peer": "nobody"}, "no statement of it here"),
    ("check_alignment", {"min_confidence": "much"}, "peer"),
    ("search_aligned_statements", {"text": "x", "relation": "unrelated"}, "relation"),
    ("compare_personas", {"personas": ["ann"]}, "personas"),
    ("explain_alignment", {"statement_a": "x/y", "statement_b": "z"}, "no statement of that id"),
    ("find_peers", {"goal": "x", "k": 0}, "k"),
    ("propose_coalitions", {"min_alignment": 7}, "min_alignment"),
    ("record_statement", {"text": ""}, "text"),
]


async def check_server(server: Any) -> None:
    async with Client(server, read_timeout_seconds=300) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == set(EXAMPLES)
        for name, tool in tools.items():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint is (name != "record_statement")
            assert tool.output_schema is not None
            assert tool.output_schema["type"] == "object"
            assert "runtime" not in tool.input_schema["properties"]
            assert all("description" in field for field in tool.input_schema["properties"].values())
        for name, arguments in EXAMPLES.items():
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result.content
            assert result.structured_content
            assert getattr(result.content[0], "text", "")
        check = (await client.call_tool("check_alignment", EXAMPLES["check_alignment"])).structured_content
        assert check is not None
        assert (check["caller"], check["peer"]) == ("ann", "bob")
        for name, arguments, said in BAD:
            result = await client.call_tool(name, arguments)
            assert result.is_error
            assert said in getattr(result.content[0], "text", "")
        forged = await client.call_tool("check_alignment", {"peer": "bob", "runtime": {"context": {"persona": "cleo"}}})
        assert forged.is_error or (forged.structured_content or {})["caller"] == "ann"


async def test_in_one_process() -> None:
    await check_server(build_server(make_toolkit()))


async def test_a_server_without_a_persona_says_what_is_missing() -> None:
    async with Client(build_server(make_toolkit(caller=Caller()))) as client:
        result = await client.call_tool("check_alignment", {"peer": "bob"})
        assert result.is_error
        assert "which persona is asking" in getattr(result.content[0], "text", "")


@pytest.fixture
def folder(model: Any, tmp_path: Path) -> Path:
    from jepa_langchain.index.joint_index import JointIndex

    fill(JointIndex.open(tmp_path / "index", model=model))
    return tmp_path / "index"


async def test_over_stdio_with_the_shipped_model(folder: Path) -> None:
    arguments = [*SERVE[1:], str(folder), "--persona", "ann"]
    await check_server(StdioServerParameters(command=SERVE[0], args=arguments, env=dict(os.environ)))


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*SERVE, str(folder), "--persona", "ann", "--transport", "http", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    out, _ = process.communicate(timeout=30)
    assert out == b""


async def test_over_http_with_the_shipped_model(address: str) -> None:
    await check_server(address)


def test_stdout_holds_the_protocol_and_nothing_else(folder: Path) -> None:
    hello = (
        b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", '
        b'"capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}\n'
    )
    done = subprocess.run([*SERVE, str(folder)], input=hello, capture_output=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    assert b'"serverInfo"' in lines[0]
