"""What the commands share: options, how a model is loaded for one, where warnings go."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel

#: Exit codes beside 0, done, and 2, usage.
BELOW, BAD_INPUT = 1, 3
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
ModelDir = Annotated[Path | None, typer.Option("--model", help="A model directory; the shipped model when left out.")]
FailUnder = Annotated[float | None, typer.Option(help="Exit with 1 if the score is lower.", min=0.0, max=1.0)]
MaxStatements = Annotated[int, typer.Option(help="Statements a persona may have.", min=1)]
MaxCharacters = Annotated[int, typer.Option(help="Characters a statement may have.", min=1)]
MaxBytes = Annotated[int, typer.Option(help="Bytes a persona file may have.", min=1, max=2**32)]


def load_model(model: Path | None) -> AlignmentModel:
    """The model a command works with."""
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.console import quiet_libraries

    quiet_libraries()
    return AlignmentModel.load(model)


def warn(lines: Iterable[str]) -> None:
    """Warnings, on stderr, each in one line."""
    for line in lines:
        typer.echo(f"warning: {one_line(line)}", err=True)


def one_line(message: str) -> str:
    """A message as one line: control characters of a file or field name never reach the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in message).split())
