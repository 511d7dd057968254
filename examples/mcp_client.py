"""An agent outside LangChain: a client of the Model Context Protocol starts the server, lists its tools and calls one.

The server runs as a process of its own over stdio, exactly as an MCP host such as an editor or a desktop assistant
starts it. It speaks for one agent (here Rita), whom its command line names.

    python examples/mcp_client.py
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from common import town
from mcp import Client, StdioServerParameters

from jepa_langchain import JointIndex


async def talk(folder: Path) -> None:
    """Connect, list, and check Leo on Rita's behalf."""
    command = ["-m", "jepa_langchain", "serve-mcp", str(folder), "--persona", "rita", "--read-only"]
    server = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
    async with Client(server) as client:
        for tool in (await client.list_tools()).tools:
            kind = "reads" if tool.annotations and tool.annotations.read_only_hint else "writes"
            print(f"{tool.name:27} {kind:7} {(tool.description or '').split('. ')[0].split('? ')[0]}")
        result = await client.call_tool("check_alignment", {"peer": "leo"})
        check = result.structured_content or {}
        print(f"\nRita and Leo: advice {check['advice']}, score {check['advice_score']:.2f}")
        for row in check["rows"][:3]:
            print(f"  {row['id']} {row['relation']}: {row['mine']['text']} / {row['theirs']['text']}")
        refused = await client.call_tool("check_alignment", {"peer": "nobody"})
        print(f"\na bad argument is an answer, too: {getattr(refused.content[0], 'text', '')}")


def main() -> None:
    """Put the town into an index on disk and talk to its server."""
    with tempfile.TemporaryDirectory() as folder:
        index = JointIndex.open(Path(folder) / "index")
        for persona in town():
            index.add_persona(persona)
        asyncio.run(talk(Path(folder) / "index"))


if __name__ == "__main__":
    main()
