"""Draw docs/demo.svg, the quickstart's picture: what ``jepa-langchain demo`` shows in a terminal.

Run it from the repository's root after a change of the shipped model or of the rendering: ``python docs/picture.py``.
"""

import io
import re
from pathlib import Path

from rich.console import Console

from jepa_langchain import AlignmentModel, load_persona
from jepa_langchain.commands.render import report_view
from jepa_langchain.console import quiet_libraries

ROOT = Path(__file__).parents[1]
WIDTH = 118


def main() -> None:
    """Compare the two agents of the climate scenario and export the terminal as SVG."""
    quiet_libraries()
    a, b = (load_persona(ROOT / "examples" / "climate" / name).persona for name in ("A.jsonl", "B.jsonl"))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(report_view(AlignmentModel.load().compare(a, b), summary=False))
    svg = console.export_svg(title="jepa-langchain demo")
    # No font from the network: the viewer's own monospaced font does.
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    (ROOT / "docs" / "demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
