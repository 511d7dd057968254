"""The command line of several agents: ``matrix``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jepa_langchain.commands.narration import Llm, Narration, PriceIn, PriceOut, Prompts, Style, narrate_group
from jepa_langchain.commands.options import AsJson, MaxBytes, MaxCharacters, MaxStatements, ModelDir, load_model, warn
from jepa_langchain.commands.pictures import check_places
from jepa_langchain.errors import InputError
from jepa_langchain.statements import Limits


def matrix(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Persona files, two or more.")],
    *,
    as_json: AsJson = False,
    model: ModelDir = None,
    page: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write one offline HTML page.")] = None,
    min_alignment: Annotated[
        float, typer.Option(help="Lowest score of two agents in a coalition.", min=0.0, max=1.0)
    ] = 0.5,
    max_statements: MaxStatements = 500,
    max_characters: MaxCharacters = 2_000,
    max_bytes: MaxBytes = 10_000_000,
    llm: Llm = None,
    style: Style = "standard",
    prompts: Prompts = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
) -> None:
    """Compare every two of several personas: who aligns with whom, and which coalitions there are."""
    from jepa_langchain.groups import MOST_AGENTS, compare_group
    from jepa_langchain.personas import load_persona

    if len(files) > MOST_AGENTS:
        raise InputError(f"{len(files):,} persona files; a group has up to {MOST_AGENTS}")
    asked = Narration(llm, style, prompts, price_in=price_in, price_out=price_out)
    asked.check()
    check_places(page=page)
    limits = Limits(statement_characters=max_characters, file_bytes=max_bytes, statements=max_statements)
    loaded = [load_persona(path, limits=limits) for path in files]
    warn(line for one in loaded for line in one.warnings)
    aligner = load_model(model)
    report = compare_group(
        aligner,
        [one.persona for one in loaded],
        limits=limits,
        min_alignment=min_alignment,
        progress=True,
    )
    report = narrate_group(report, aligner, asked)
    if page is not None:
        from jepa_langchain.report import write_group_report

        write_group_report(report, page)
    if as_json:
        warn(report.warnings)
        typer.echo(report.model_dump_json(indent=2))
    else:
        from jepa_langchain.commands.group_view import group_view
        from jepa_langchain.commands.render import stdout

        stdout().print(group_view(report))
