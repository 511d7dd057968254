"""The command line: ``jepa-langchain demo | compare | relate | train | calibrate | adapt | evaluate | index``.

With ``--json`` stdout holds one JSON document and nothing else; warnings, progress and errors go to stderr.
Exit codes: 0 done, 1 below ``--fail-under``, 2 usage, 3 bad input (one line, no traceback).
"""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepa_langchain import index_commands
from jepa_langchain.errors import InputError, JepaLangchainError
from jepa_langchain.schema import Direction
from jepa_langchain.statements import Limits

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.schema import AlignmentReport

app = typer.Typer(
    help="The alignment sense of LLM agents: who agrees, who does not, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(index_commands.app, name="index")

BELOW, BAD_INPUT = 1, 3
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
ModelDir = Annotated[Path | None, typer.Option("--model", help="A model directory; the shipped model when left out.")]
FailUnder = Annotated[float | None, typer.Option(help="Exit with 1 if the score is lower.", min=0.0, max=1.0)]


def _load(model: Path | None) -> AlignmentModel:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.console import quiet_libraries

    quiet_libraries()
    return AlignmentModel.load(model)


def _warn(lines: tuple[str, ...]) -> None:
    for line in lines:
        typer.echo(f"warning: {line}", err=True)


def _show_report(report: AlignmentReport, *, as_json: bool, fail_under: float | None) -> None:
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        from jepa_langchain.render import report_view, stdout

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
    fail_under: FailUnder = None,
    max_statements: Annotated[int, typer.Option(help="Statements a persona may have.", min=1)] = 500,
    max_characters: Annotated[int, typer.Option(help="Characters a statement may have.", min=1)] = 2_000,
    max_bytes: Annotated[int, typer.Option(help="Bytes a persona file may have.", min=1, max=2**32)] = 10_000_000,
) -> None:
    """Compare two personas: score, verdict, ledger and summary."""
    from jepa_langchain.personas import load_persona

    limits = Limits(statement_characters=max_characters, file_bytes=max_bytes, statements=max_statements)
    loaded = [load_persona(path, limits=limits) for path in (a, b)]
    _warn((*loaded[0].warnings, *loaded[1].warnings))
    report = _load(model).compare(loaded[0].persona, loaded[1].persona, limits=limits, progress=True)
    if as_json:
        _warn(report.warnings)
    _show_report(report, as_json=as_json, fail_under=fail_under)


@app.command()
def relate(text_a: str, text_b: str, *, as_json: AsJson = False, model: ModelDir = None) -> None:
    """How TEXT_B stands to TEXT_A: energies, probabilities and a verdict, or an abstention."""
    from jepa_langchain.statements import clean_text

    cleaned = [clean_text(text, where=f"TEXT_{n}") for n, text in (("A", text_a), ("B", text_b))]
    a, b = cleaned[0].text, cleaned[1].text
    removed = cleaned[0].removed + cleaned[1].removed
    _warn((f"{removed} invisible characters stripped",) if removed else ())
    estimate = _load(model).relate(a, b)
    if as_json:
        typer.echo(json.dumps({"a": a, "b": b, **estimate.model_dump(mode="json")}, indent=2, ensure_ascii=False))
    else:
        from jepa_langchain.render import estimate_view, stdout

        stdout().print(estimate_view(estimate, a, b))


@app.command()
def train(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs, or bare statement files.")],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a killed run.")] = False,
    seed: Annotated[int, typer.Option(help="Decides everything random.")] = 0,
    name: Annotated[str, typer.Option(help="The model's name.")] = "custom",
    encoder: Annotated[str | None, typer.Option(help="sentence-transformers name or folder.")] = None,
    pair_samples: Annotated[
        int | None,
        typer.Option(
            help="Pairs the pair stage sees, 300,000 (with --start 150,000) when left out; 0: linear stage only.",
            min=0,
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="A model directory whose pair stage is trained on, with smaller steps.")
    ] = None,
    lora: Annotated[
        int, typer.Option(help="Rank of adapters that tune the encoder first (meant for a GPU); 0 leaves it.", min=0)
    ] = 0,
    direction: Annotated[
        Direction, typer.Option(help="forward predicts b from a only, and has no pair stage.")
    ] = "symmetric",
    max_statements: Annotated[int, typer.Option(help="Bare statements a speaker may have.", min=1)] = 500,
) -> None:
    """Train a model on labelled pairs, or, self-supervised, on bare statements of two or more speakers."""
    from jepa_langchain.commands import run_training

    command = shlex.join(["jepa-langchain", *sys.argv[1:]])
    line = run_training(
        files,
        out,
        resume=resume,
        seed=seed,
        name=name,
        encoder=encoder,
        pair_samples=pair_samples,
        lora=lora,
        start=start,
        direction=direction,
        limits=Limits(statements=max_statements),
        command=command,
    )
    typer.echo(line, err=True)


@app.command()
def calibrate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model directory.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs the model was not trained on.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
) -> None:
    """Give a model probabilities: fit its calibration on labelled pairs, and leave its predictors as they are."""
    from jepa_langchain.held_out import calibrate as fit
    from jepa_langchain.model_files import save_model
    from jepa_langchain.pairs import read_pairs

    sources = [read_pairs(path) for path in files]
    _warn(tuple(line for source in sources for line in source.warnings))
    save_model(out, fit(_load(model).files, sources))
    typer.echo(f"{out}: calibrated on {sum(len(s.pairs) for s in sources):,} pairs", err=True)


@app.command()
def adapt(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="A few labelled pairs, 8 a relation.")],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
    *,
    model: ModelDir = None,
) -> None:
    """Adapt a model's relation maps to a few labelled pairs, where leaving one out says that it helps."""
    from jepa_langchain.pairs import read_pairs

    sources = [read_pairs(path) for path in files]
    _warn(tuple(line for source in sources for line in source.warnings))
    adapted, result = _load(model).adapt([pair for source in sources for pair in source.pairs])
    adapted.save(out)
    kind = f"adapted (ridge {result.ridge:g})" if result.adapted else "not adapted, the model's own maps do no worse"
    loss = f"leave-one-out loss {result.loss_before:.4f} before, {result.loss_after:.4f} after"
    typer.echo(f"{out}: {kind}; {loss}", err=True)


@app.command()
def evaluate(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs, JSONL or JSONL.gz.")],
    *,
    as_json: AsJson = False,
    model: ModelDir = None,
    split: Annotated[str, typer.Option(help="Rows that count beside those without a split.")] = "dev",
    fail_under: FailUnder = None,
) -> None:
    """Measure a model on labelled pairs, beside cosine and a pair-feature network on the same embeddings."""
    from jepa_langchain.evaluation import evaluate as run
    from jepa_langchain.pairs import read_pairs

    sources = [read_pairs(path) for path in files]
    _warn(tuple(line for source in sources for line in source.warnings))
    result = run(_load(model).files, sources, split=split, progress=True)
    if as_json:
        typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        from jepa_langchain.render import evaluation_view, stdout

        stdout().print(evaluation_view(result))
    auroc = result["auroc_agree_vs_disagree"]
    if fail_under is not None and (auroc is None or auroc < fail_under):
        raise typer.Exit(BELOW)


def main() -> None:
    """Entry point: every expected failure is one line on stderr and exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Statements are Unicode whatever the terminal is; what it cannot show is escaped, never a crash.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except JepaLangchainError as error:
        _fail(str(error))
    except OSError as error:
        _fail(str(InputError(f"{error.filename or 'output'}: {error.strerror or error}")))


def _fail(message: str) -> None:
    # Control characters of a file or field name never reach the terminal.
    line = "".join(c if c.isprintable() else " " for c in message)
    typer.echo("error: " + " ".join(line.split()), err=True)
    raise SystemExit(BAD_INPUT)
