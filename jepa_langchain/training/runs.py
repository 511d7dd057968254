"""What the ``train`` command does between its options and :func:`jepa_langchain.training.trainer.train`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.distributed import process_group, processes_asked_for
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.model_files import check_place
from jepa_langchain.pairs import PairSource, read_pairs
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import Direction
from jepa_langchain.statements import DEFAULT_LIMITS, Limits, as_unicode
from jepa_langchain.training.augmentation import self_supervised
from jepa_langchain.training.encoder_tuning import EncoderTuning, tuned_encoder
from jepa_langchain.training.trainer import TrainingOptions, train
from jepa_langchain.weights import DEFAULT_ENCODER, sha256_of

logger = logging.getLogger(__name__)


def holds_pairs(path: Path) -> bool:
    """Whether a file holds labelled pairs (JSONL objects with "a" and "b") rather than bare statements."""
    if path.suffix == ".gz":
        return True
    if path.suffix not in (".jsonl", ".ndjson", ".json"):
        return False
    with path.open("rb") as handle:
        first = next((line for line in iter(lambda: handle.readline(100_000), b"") if line.strip()), b"")
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return True
    return isinstance(row, dict) and "text" not in row


def training_sources(
    files: Sequence[Path], *, seed: int, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[PairSource], bool]:
    """Read what ``train`` was given: (sources, whether they carry labels).

    Raises:
        InputError: if labelled pairs and bare statements are mixed, or a file cannot be used.
    """
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    kinds = {path: holds_pairs(path) for path in files}
    if all(kinds.values()):
        sources = [read_pairs(path) for path in files]
        for line in (line for source in sources for line in source.warnings):
            logger.warning(line)
        return sources, True
    if any(kinds.values()):
        odd = next(path for path, pairs in kinds.items() if not pairs)
        raise InputError(f"{odd}: bare statements among labelled pairs; train on one kind")
    loaded = [load_persona(path, limits=limits) for path in files]
    for line in (line for one in loaded for line in one.warnings):
        logger.warning(line)
    made = self_supervised([one.persona for one in loaded], seed=seed)
    return [
        replace(s, sha256=sha256_of(path), path=as_unicode(str(path))) for s, path in zip(made, files, strict=True)
    ], False


def run_training(
    files: Sequence[Path],
    out: Path,
    *,
    resume: bool,
    seed: int,
    name: str,
    encoder: str | None,
    pair_samples: int | None,
    lora: int,
    start: Path | None,
    direction: Direction,
    command: str,
    limits: Limits = DEFAULT_LIMITS,
) -> str:
    """Train and say in one line what was written.

    ``lora`` > 0 tunes the encoder first and keeps it beside the model, in ``OUT-encoder``. ``start`` is a model whose
    pair stage is trained on.

    Raises:
        InputError: for files that cannot be used.
        ModelError: for an encoder that cannot be found.
    """
    quiet_libraries()
    log_to_stderr()
    if lora and processes_asked_for() > 1:
        raise InputError("--lora runs in one process: tune first, then train under torchrun with --encoder")
    if lora and start:
        raise InputError("--lora and --start: a pair stage goes on with the encoder it was trained on only")
    sources, labelled = training_sources(files, seed=seed, limits=limits)
    options = TrainingOptions(
        seed=seed,
        name=as_unicode(name),
        pair=pair_samples != 0,
        labelled=labelled,
        start=start,
        command=as_unicode(command),
        direction=direction,
    )
    recipe = options.pair_training.going_on() if start else options.pair_training
    recipe = replace(recipe, samples=pair_samples or recipe.samples, seed=seed)
    options = replace(options, pair_training=recipe)
    # Joined before anything is loaded: a process that has a GPU of its own must load onto that one.
    with process_group():
        loaded = TransformerEncoder(encoder or DEFAULT_ENCODER)
        if lora:
            check_place(out)
            # What calibrates and stops training early must be new to the encoder too.
            kept = options.folds(sources).kept
            tuning = EncoderTuning(rank=lora, seed=seed)
            loaded = tuned_encoder(loaded, kept, out.with_name(f"{out.name}-encoder"), tuning)
        stages = train(sources, out, encoder=loaded, options=options, resume=resume, progress=True)
    kind = "linear and pair stage" if stages.pair else "linear stage"
    state = "calibrated" if stages.calibrated else "uncalibrated (no labels): it gives energies, no probabilities"
    return f"{out}: {kind}, {state}"
