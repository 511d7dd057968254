"""The command line of the MCP server: ``serve-mcp``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from jepa_langchain.commands.options import ModelDir, load_model


def serve_mcp(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The index directory, made where there is none.")],
    *,
    persona: Annotated[str | None, typer.Option(help="Whom the server speaks for: its persona in the index.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The tenant whose statements it may see.")] = None,
    transport: Annotated[
        Literal["stdio", "http"], typer.Option(help="stdio, or HTTP on this machine at /mcp.")
    ] = "stdio",
    port: Annotated[int, typer.Option(help="Of the HTTP transport.", min=1, max=65_535)] = 8_000,
    read_only: Annotated[bool, typer.Option("--read-only", help="Never write into the index.")] = False,
    model: ModelDir = None,
) -> None:
    """Serve the tools to agents outside LangChain over the Model Context Protocol."""
    # Until the SDK owns stdout, whatever a library prints goes to stderr.
    with redirect_stdout(sys.stderr):
        from jepa_langchain.mcp_server import serve
        from jepa_langchain.tools.callers import Caller
        from jepa_langchain.tools.toolkit import AlignmentToolkit

        toolkit = AlignmentToolkit.from_index(
            folder, model=load_model(model), read_only=read_only, caller=Caller(persona, tenant)
        )
    serve(toolkit, http=transport == "http", port=port)
