"""The command line of training and measuring: ``train``, ``calibrate``, ``adapt``, ``evaluate``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from jepa_langchain.commands.options import BELOW, AsJson, ModelDir, load_model, warn
from jepa_langchain.schema import Direction
from jepa_langchain.statements import Limits


def train(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs, or bare statement files.")],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a killed run.")] = False,
    seed: Annotated[int, typer.Option(help="Decides everything random.", min=0, max=2**32 - 1)] = 0,
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
    from jepa_langchain.training.runs import run_training

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


def calibrate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model directory.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs the model was not trained on.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
) -> None:
    """Give a model probabilities: fit its calibration on labelled pairs, and leave its predictors as they are."""
    from jepa_langchain.model_files import check_place, save_model
    from jepa_langchain.pairs import for_training, read_pairs
    from jepa_langchain.training.held_out import calibrate as fit

    check_place(out)
    sources = [read_pairs(path) for path in files]
    warn(tuple(line for source in sources for line in source.warnings))
    save_model(out, fit(load_model(model).files, sources))
    typer.echo(f"{out}: calibrated on {sum(len(for_training(s).pairs) for s in sources):,} pairs", err=True)


def adapt(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="A few labelled pairs, 2 to 500 a relation.")],
    out: Annotated[Path, typer.Option("--out", help="The model directory to write.")],
    *,
    model: ModelDir = None,
) -> None:
    """Adapt a model's relation maps to a few labelled pairs, where leaving one out says that it helps."""
    from jepa_langchain.model_files import check_place
    from jepa_langchain.pairs import for_training, read_pairs

    check_place(out)
    sources = [read_pairs(path) for path in files]
    warn(tuple(line for source in sources for line in source.warnings))
    adapted, result = load_model(model).adapt([pair for source in sources for pair in for_training(source).pairs])
    adapted.save(out)
    kind = f"adapted (ridge {result.ridge:g})" if result.adapted else "not adapted, the model's own maps do no worse"
    loss = f"leave-one-out loss {result.loss_before:.4f} before, {result.loss_after:.4f} after"
    typer.echo(f"{out}: {kind}; {loss}", err=True)


def evaluate(
    files: Annotated[list[Path], typer.Argument(metavar="PAIRS...", help="Labelled pairs, JSONL or JSONL.gz.")],
    *,
    as_json: AsJson = False,
    model: ModelDir = None,
    split: Annotated[str, typer.Option(help="Rows that count beside those without a split.")] = "dev",
    fail_under: Annotated[
        float | None,
        typer.Option(help="Exit with 1 if the AUROC of agree against disagree is lower.", min=0.0, max=1.0),
    ] = None,
) -> None:
    """Measure a model on labelled pairs, beside cosine and a pair-feature network on the same embeddings."""
    from jepa_langchain.evaluation import evaluate as run
    from jepa_langchain.pairs import read_pairs

    sources = [read_pairs(path) for path in files]
    warn(tuple(line for source in sources for line in source.warnings))
    result = run(load_model(model).files, sources, split=split, progress=True)
    if as_json:
        typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        from jepa_langchain.commands.render import evaluation_view, stdout

        stdout().print(evaluation_view(result))
    auroc = result["auroc_agree_vs_disagree"]
    if fail_under is not None and (auroc is None or auroc < fail_under):
        raise typer.Exit(BELOW)
