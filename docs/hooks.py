"""What mkdocs makes while it builds: the page of the command line, from the commands themselves."""

import subprocess
import sys
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add ``commands.md``."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "commands.md"
        words = ["jepa_langchain.cli", "utils", "docs", "--name", "jepa-langchain", "--output", str(page)]
        subprocess.run([sys.executable, "-m", "typer", *words], check=True, capture_output=True)  # noqa: S603
        files.append(File.generated(config, "commands.md", content=page.read_text(encoding="utf-8")))
    return files
