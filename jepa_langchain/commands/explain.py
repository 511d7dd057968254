"""The command line of mapped weights: ``jepa-langchain explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jepa_langchain.commands.options import AsJson, MaxBytes, MaxCharacters, MaxStatements, ModelDir, load_model, warn
from jepa_langchain.statements import Limits


def explain(
    a: Annotated[Path, typer.Argument(help="Persona file: JSONL, CSV, or one statement a line.")],
    b: Annotated[Path, typer.Argument(help="The other persona's file.")],
    *,
    pair: Annotated[tuple[str, str], typer.Option(metavar="ID_A ID_B", help="A statement of each, by their ids.")],
    directions: Annotated[
        bool, typer.Option("--directions", help="Say which directions of the relation maps add most.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write a picture of the words: PNG, SVG or PDF.")
    ] = None,
    as_json: AsJson = False,
    model: ModelDir = None,
    max_statements: MaxStatements = 500,
    max_characters: MaxCharacters = 2_000,
    max_bytes: MaxBytes = 10_000_000,
) -> None:
    """Why a pair of statements gets its verdict: mapped weights of words and statements."""
    from jepa_langchain.personas import load_persona

    if picture is not None:
        from jepa_langchain.plots import check_picture

        check_picture(picture)
    limits = Limits(statement_characters=max_characters, file_bytes=max_bytes, statements=max_statements)
    loaded = [load_persona(path, limits=limits) for path in (a, b)]
    warn((*loaded[0].warnings, *loaded[1].warnings))
    told = load_model(model).explain(
        loaded[0].persona, loaded[1].persona, pair=pair, directions=directions, limits=limits
    )
    if picture is not None:
        from jepa_langchain.plots import word_highlights, write_figure

        write_figure(word_highlights(told), picture)
    if as_json:
        typer.echo(told.model_dump_json(indent=2))
    else:
        from jepa_langchain.commands.explain_view import explanation_view
        from jepa_langchain.commands.render import stdout

        stdout().print(explanation_view(told))
