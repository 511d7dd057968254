"""The tools for agents outside LangChain: a server of the Model Context Protocol, over stdio or HTTP on this machine.

It is the same tools of the same toolkit: each answers with the short text for a model and the full result as structured
output of a published schema; bad arguments and every expected failure come back as tool errors. A server speaks for one
caller, whom its command line names. All but record_statement say that they only read.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jepa_langchain.errors import InputError
from jepa_langchain.tools.alignment_tools import AlignmentTool, RecordStatement
from jepa_langchain.tools.toolkit import AlignmentToolkit

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import CallToolResult, TextContent, ToolAnnotations
except ImportError:
    raise InputError("the MCP server needs its SDK: pip install 'jepa-langchain[mcp]'") from None

NAME = "jepa-langchain"
#: Only this machine may connect: the server asks nobody who they are.
HOST = "127.0.0.1"


def build_server(toolkit: AlignmentToolkit) -> MCPServer[Any]:
    """The server of a toolkit's tools; run it with :func:`serve`, or mount it as the SDK's documentation shows."""
    server: MCPServer[Any] = MCPServer(
        NAME,
        instructions=toolkit.system_prompt(),
        version=version(NAME),
        # The SDK logs what tools answer to bad arguments at a lower level; statements are never logged.
        log_level="WARNING",
    )
    for tool in toolkit.get_tools():
        if isinstance(tool, AlignmentTool):
            reads = not isinstance(tool, RecordStatement)
            server.add_tool(
                _endpoint(tool),
                name=tool.name,
                description=tool.description,
                annotations=ToolAnnotations(
                    read_only_hint=reads, destructive_hint=False, idempotent_hint=True, open_world_hint=False
                ),
            )
    return server


def _fields(tool: AlignmentTool) -> dict[str, FieldInfo]:
    schema = tool.get_input_schema()
    return schema.model_fields if issubclass(schema, BaseModel) else {}


def _endpoint(tool: AlignmentTool) -> Callable[..., Awaitable[CallToolResult]]:
    """A tool as the function that the SDK reads schemas from."""

    async def call(**arguments: Any) -> CallToolResult:  # noqa: ANN401
        asked = {"name": tool.name, "args": arguments, "id": "mcp", "type": "tool_call"}
        message = await tool.ainvoke(asked)
        if message.status == "error":
            raise ToolError(message.text)
        return CallToolResult(
            content=[TextContent(type="text", text=message.text)],
            structured_content=message.artifact.model_dump(mode="json"),
        )

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[field.rebuild_annotation(), field],
            default=inspect.Parameter.empty if field.is_required() else field.get_default(),
        )
        for name, field in _fields(tool).items()
        if name != "runtime"
    ]
    result = Annotated[CallToolResult, get_type_hints(type(tool).answer)["return"]]
    call.__name__ = tool.name
    call.__signature__ = inspect.Signature(parameters, return_annotation=result)  # type: ignore[attr-defined]
    return call


def serve(toolkit: AlignmentToolkit, *, http: bool = False, port: int = 8000) -> None:
    """Serve until the client leaves (stdio) or the process is stopped (HTTP, at ``http://127.0.0.1:PORT/mcp``).

    Over stdio nothing but the protocol reaches stdout: the SDK keeps that stream to itself while it runs.
    """
    server = build_server(toolkit)
    if http:
        server.run("streamable-http", host=HOST, port=port)
    else:
        server.run("stdio")
