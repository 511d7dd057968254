"""The command line: ``jepa-langchain demo | compare | relate | explain | matrix | plot | index | ... | evaluate``.

What a command does stands in the module of its group in ``commands/``.
With ``--json`` stdout holds one JSON document and nothing else; warnings, progress and errors go to stderr.
Exit codes: 0 done, 1 below ``--fail-under``, 2 usage, 3 bad input (one line, no traceback).
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepa_langchain.commands import index as index_commands
from jepa_langchain.commands.explain import explain
from jepa_langchain.commands.group import matrix
from jepa_langchain.commands.mcp import serve_mcp
from jepa_langchain.commands.narration import Budget, Llm, Narration, PriceIn, PriceOut, Prompts, Style, narrate
from jepa_langchain.commands.options import (
    BAD_INPUT,
    BELOW,
    AsJson,
    FailUnder,
    MaxBytes,
    MaxCharacters,
    MaxStatements,
    ModelDir,
    load_model,
    one_line,
    warn,
)
from jepa_langchain.commands.pictures import check_places, plot, show_evidence
from jepa_langchain.commands.training import adapt, calibrate, evaluate, train
from jepa_langchain.errors import InputError, JepaLangchainError
from jepa_langchain.statements import Limits

if TYPE_CHECKING:
    from jepa_langchain.schema import AlignmentReport

app = typer.Typer(
    help="The alignment sense of LLM agents: who agrees, who does not, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(index_commands.app, name="index")


def _show_report(report: AlignmentReport, *, as_json: bool, fail_under: float | None) -> None:
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        from jepa_langchain.commands.render import report_view, stdout

        stdout().print(report_view(report))
    if fail_under is not None and report.score < fail_under:
        raise typer.Exit(BELOW)


@app.command()
def demo(*, as_json: AsJson = False, model: ModelDir = None) -> None:
    """Compare the two agents of the climate scenario, end to end, with no key and no network."""
    from jepa_langchain.alignment import SHIPPED

    climate = SHIPPED.parent / "climate"
    compare(climate / "A.jsonl", climate / "B.jsonl", as_json=as_json, model=model, fail_under=None)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="Persona file: JSONL, CSV, or one statement a line.")],
    b: Annotated[Path, typer.Argument(help="The other persona's file.")],
    *,
    as_json: AsJson = False,
    model: ModelDir = None,
    page: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write one offline HTML page.")] = None,
    plots: Annotated[Path | None, typer.Option("--plots", metavar="DIR", help="Write pictures (PNG).")] = None,
    fail_under: FailUnder = None,
    max_statements: MaxStatements = 500,
    max_characters: MaxCharacters = 2_000,
    max_bytes: MaxBytes = 10_000_000,
    llm: Llm = None,
    style: Style = "standard",
    prompts: Prompts = None,
    budget: Budget = 0,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
) -> None:
    """Compare two personas: score, verdict, ledger and summary."""
    from jepa_langchain.personas import load_persona

    asked = Narration(llm, style, prompts, budget, price_in, price_out)
    asked.check()
    check_places(page=page, plots=plots)
    limits = Limits(statement_characters=max_characters, file_bytes=max_bytes, statements=max_statements)
    loaded = [load_persona(path, limits=limits) for path in (a, b)]
    warn((*loaded[0].warnings, *loaded[1].warnings))
    # A page asks again for what the comparison has read.
    aligner = load_model(model).remembering()
    report = aligner.compare(loaded[0].persona, loaded[1].persona, limits=limits, progress=True)
    report = narrate(report, aligner, asked)
    if as_json:
        warn(report.warnings)
    if page is not None or plots is not None:
        show_evidence(aligner, loaded[0].persona, loaded[1].persona, report, limits=limits, page=page, plots=plots)
    _show_report(report, as_json=as_json, fail_under=fail_under)


@app.command()
def relate(text_a: str, text_b: str, *, as_json: AsJson = False, model: ModelDir = None) -> None:
    """How TEXT_B stands to TEXT_A: energies, probabilities and a verdict, or an abstention."""
    from jepa_langchain.statements import clean_text

    cleaned = [clean_text(text, where=f"TEXT_{n}") for n, text in (("A", text_a), ("B", text_b))]
    a, b = cleaned[0].text, cleaned[1].text
    removed = cleaned[0].removed + cleaned[1].removed
    warn((f"{removed} invisible characters stripped",) if removed else ())
    estimate = load_model(model).relate(a, b)
    if as_json:
        typer.echo(json.dumps({"a": a, "b": b, **estimate.model_dump(mode="json")}, indent=2, ensure_ascii=False))
    else:
        from jepa_langchain.commands.render import estimate_view, stdout

        stdout().print(estimate_view(estimate, a, b))


for command in (explain, matrix, plot, serve_mcp, train, calibrate, adapt, evaluate):
    app.command()(command)


def main() -> None:
    """Entry point: every expected failure is one line on stderr and exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Statements are Unicode whatever the terminal is; what it cannot show is escaped, never a crash.
            stream.reconfigure(errors="backslashreplace")
    if "--json" in sys.argv and isinstance(sys.stdout, io.TextIOWrapper):
        # Between programs JSON is UTF-8 (RFC 8259).
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    try:
        app()
    except JepaLangchainError as error:
        _fail(str(error))
    except OSError as error:
        _fail(str(InputError(f"{error.filename or 'output'}: {error.strerror or error}")))


def _fail(message: str) -> None:
    typer.echo(f"error: {one_line(message)}", err=True)
    raise SystemExit(BAD_INPUT)
