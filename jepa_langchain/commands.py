"""What the ``train`` command does between its options and :func:`jepa_langchain.training.train`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from jepa_langchain.augmentation import self_supervised
from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.pairs import PairSource, read_pairs
from jepa_langchain.personas import load_persona
from jepa_langchain.predictor import Direction
from jepa_langchain.training import TrainingOptions, train
from jepa_langchain.weights import DEFAULT_ENCODER


def holds_pairs(path: Path) -> bool:
    """Whether a file holds labelled pairs (JSONL objects with "a" and "b") rather than bare statements."""
    if path.suffix == ".gz":
        return True
    if path.suffix not in (".jsonl", ".ndjson", ".json") or not path.is_file():
        return False
    with path.open("rb") as handle:
        first = handle.readline(100_000)
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return True
    return isinstance(row, dict) and "text" not in row


def training_sources(files: Sequence[Path], *, seed: int) -> tuple[list[PairSource], bool]:
    """Read what ``train`` was given: (sources, whether they carry labels).

    Raises:
        InputError: if labelled pairs and bare statements are mixed, or a file cannot be used.
    """
    kinds = {path: holds_pairs(path) for path in files}
    if all(kinds.values()):
        return [read_pairs(path) for path in files], True
    if any(kinds.values()):
        odd = next(path for path, pairs in kinds.items() if not pairs)
        raise InputError(f"{odd}: bare statements among labelled pairs; train on one kind")
    return self_supervised([load_persona(path).persona for path in files], seed=seed), False


def run_training(
    files: Sequence[Path],
    out: Path,
    *,
    resume: bool,
    seed: int,
    name: str,
    encoder: str | None,
    pair_samples: int,
    direction: str,
    command: str,
) -> str:
    """Train and say in one line what was written.

    Raises:
        InputError: for files that cannot be used or an unknown direction.
        ModelError: for an encoder that cannot be found.
    """
    if direction not in get_args(Direction):
        raise InputError(f"--direction {direction!r}: not one of {', '.join(get_args(Direction))}")
    quiet_libraries()
    log_to_stderr()
    sources, labelled = training_sources(files, seed=seed)
    options = TrainingOptions(
        seed=seed,
        name=name,
        pair=pair_samples > 0,
        labelled=labelled,
        command=command,
        direction="forward" if direction == "forward" else "symmetric",
    )
    options = replace(options, pair_training=replace(options.pair_training, samples=max(pair_samples, 1), seed=seed))
    loaded = TransformerEncoder(encoder or DEFAULT_ENCODER)
    stages = train(sources, out, encoder=loaded, options=options, resume=resume, progress=True)
    kind = "linear and pair stage" if stages.pair else "linear stage"
    state = "calibrated" if stages.calibrated else "uncalibrated (no labels): it gives energies, no probabilities"
    return f"{out}: {kind}, {state}"
