"""Train a model from labelled pairs or bare statements: encode, fit the maps, train the pair stage, calibrate, save.

Order of the work, each step resumable or repeatable to the bit:

1. a share of each source's topics is held out, for early stopping and calibration;
2. every distinct statement is encoded once into a :class:`StateStore` on disk;
3. the relation maps are fitted in closed form (deterministic);
4. the pair stage, if asked for, is trained by gradient descent with checkpoints;
5. the calibrators are fitted on the held-out topics, the baselines on the same data as the model;
6. the model directory is written beside its place and swapped in.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from jepa_langchain import distributed
from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import DEFAULT_RISK, Calibrator
from jepa_langchain.encoder import Encoder, TransformerEncoder
from jepa_langchain.errors import ModelError
from jepa_langchain.evaluation import evaluate
from jepa_langchain.model_files import PAIR, WORK, ModelFiles, check_place, load_model, save_model
from jepa_langchain.pair_predictor import LABELS, PairPredictor, from_encoder
from jepa_langchain.pairs import PairSource, known_topics
from jepa_langchain.schema import Direction
from jepa_langchain.stages import Stages
from jepa_langchain.training.baselines import fit_baselines
from jepa_langchain.training.data import FEW, Folds, training_folds
from jepa_langchain.training.held_out import concession_calibrator, mean_auroc, measure_held_out
from jepa_langchain.training.linear import fit_linear
from jepa_langchain.training.log import TrainingLog, peak_memory
from jepa_langchain.training.pair import check_processes, train_pair
from jepa_langchain.training.sampling import PairTraining, Rows, at_most
from jepa_langchain.training.states import StateStore

logger = logging.getLogger(__name__)
#: Held-out pairs of each relation below which the training pairs themselves calibrate, and how many of these at most.
_FEWEST_HELD_OUT, _MOST_TRAINING_PAIRS = 8, 20_000


@dataclass(frozen=True)
class TrainingOptions:
    """What ``train`` can be told.

    ``flatten``: a source of n rows weighs n ** (1 - flatten) in the closed-form fit. ``pair`` trains the joint stage.
    ``concessions`` and ``negations``: pairs made by rule, at most. ``labelled`` is False for self-supervised sources,
    whose labels are good enough to fit and not to calibrate. ``start`` is a model directory whose pair stage is trained
    on, instead of a fresh one.
    """

    seed: int = 0
    ridge: float = 1e-3
    flatten: float = 0.8
    direction: Direction = "symmetric"
    concessions: int = 6_000
    negations: int = 6_000
    pair: bool = True
    pair_training: PairTraining = field(default_factory=PairTraining)
    risk: float = DEFAULT_RISK
    labelled: bool = True
    start: Path | None = None
    name: str = "custom"
    command: str = ""

    def folds(self, sources: Sequence[PairSource]) -> Folds:
        """What of these sources is trained on and what is held out.

        Raises:
            InputError: if a relation has no pairs to train on.
        """
        return training_folds(
            sources,
            labelled=self.labelled,
            concessions=self.concessions,
            negations=self.negations,
            seed=self.seed,
        )


def train(
    sources: Sequence[PairSource],
    out: Path,
    *,
    encoder: Encoder | None = None,
    options: TrainingOptions | None = None,
    resume: bool = False,
    progress: bool = False,
) -> Stages:
    """Train, save to ``out`` and return the model. Under ``torchrun`` all processes call it and the first one saves.

    Args:
        sources: labelled pairs; rows of another split than "train" are left out.
        out: the model directory; work in progress lies in ``out/.training`` until the model is saved.
        encoder: the frozen target encoder; the default one when None.
        options: see :class:`TrainingOptions`.
        resume: continue a killed run instead of starting afresh.
        progress: show bars.

    Raises:
        InputError: if there are no pairs of agreement or none of disagreement to train on.
        ModelError: if ``out`` holds something that is not a model, or ``options.start`` has no pair stage of this
            encoder.
    """
    with distributed.process_group():
        chosen = options or TrainingOptions()
        return _train(sources, out, encoder or TransformerEncoder(), chosen, resume=resume, progress=progress)


def _train(
    sources: Sequence[PairSource],
    out: Path,
    encoder: Encoder,
    options: TrainingOptions,
    *,
    resume: bool,
    progress: bool,
) -> Stages:
    check_place(out)
    start = _started_from(options.start, encoder)
    if options.pair:
        check_processes(options.pair_training)
    folds = options.folds(sources)
    folder = out / WORK
    folder.mkdir(parents=True, exist_ok=True)
    log = TrainingLog(folder / "train_log.jsonl", resume=resume)
    reason = _why_no_pair_stage(encoder, options, enough=folds.many)
    if options.pair and reason:
        logger.info("no pair stage: %s", reason)
    with_pair = options.pair and not reason
    texts = [text for s in (*folds.kept, *folds.held) for p in s.pairs for text in (p.a, p.b)]
    with distributed.main_first():
        store = StateStore(folder / "states", texts, encoder, with_tokens=with_pair, progress=progress)
    parts, held_parts = ([Rows.of(s, store) for s in some] for some in (folds.kept, folds.held))
    linear = fit_linear(parts, store, ridge=options.ridge, flatten=options.flatten, direction=options.direction)
    log({"stage": "linear", "statements": len(store.texts), "pairs": sum(len(p.x) for p in parts)})
    pair = None
    if with_pair:
        pair = train_pair(
            start.stages.pair if start and start.stages.pair else _fresh_pair(encoder, options.seed),
            parts,
            store,
            folder,
            config=options.pair_training,
            evaluate=lambda model: mean_auroc(held_parts, store, model),
            log=log,
            resume=resume,
        )
        pair.load_state_dict({k: v.half().float() for k, v in pair.state_dict().items()})
    calibrators: dict[str, Calibrator] = {}
    baselines, calibrated_on = Baselines(), "nothing"
    if options.labelled:
        spare = _fewest(held_parts) >= _FEWEST_HELD_OUT
        used, calibrated_on = held_parts, "held-out topics"
        if not spare:
            used, calibrated_on = at_most(parts, _MOST_TRAINING_PAIRS, seed=options.seed), "the training pairs"
        calibrators = measure_held_out(used, store, linear, pair).calibrators(risk=options.risk)
        baselines = fit_baselines(parts, used, store, seed=options.seed)
        calibrators |= concession_calibrator(
            Stages(encoder, linear, pair, calibrators),
            folds.held,
            most=options.concessions // 3,
            seed=options.seed,
            risk=options.risk,
        )
    stages = Stages(encoder, linear, pair, calibrators)
    distributed.wait()
    if not distributed.is_main():
        return stages
    training = {
        "command": options.command,
        "seed": options.seed,
        "sources": [{"name": s.name, "sha256": s.sha256, "pairs": len(s.pairs)} for s in folds.usable],
        "labelled": options.labelled,
        "calibrated_on": calibrated_on,
    }
    if start:
        training["started_from"] = {"name": start.name, "pair": start.files[PAIR], "training": start.training}
    files = ModelFiles(stages, baselines, name=options.name, training=training, log=folder / "train_log.jsonl")
    if calibrators and any(p.split == "dev" for s in sources for p in s.pairs):
        files = replace(files, metrics=dev_metrics(files, sources, progress=progress))
    log({"stage": "done", "peak_memory_mib": peak_memory()})
    save_model(out, files)
    shutil.rmtree(folder)
    return stages


def _started_from(folder: Path | None, encoder: Encoder) -> ModelFiles | None:
    """The model to go on from.

    Raises:
        ModelError: if it cannot be loaded with this encoder, or has no pair stage.
    """
    if folder is None:
        return None
    start = load_model(folder, encoder=encoder)
    if start.stages.pair is None:
        raise ModelError(f"{folder}: has no pair stage to go on from")
    return start


def _fewest(parts: Sequence[Rows]) -> int:
    """Pairs of the rarest relation."""
    return min(sum(int((p.label == i).sum()) for p in parts) for i in range(len(LABELS)))


def _why_no_pair_stage(encoder: Encoder, options: TrainingOptions, *, enough: bool) -> str:
    """Why the pair stage cannot be trained; empty if it can."""
    if not options.labelled:
        return "it needs labelled pairs"
    if not enough:
        return f"it needs more than {FEW:,} labelled pairs"
    if options.direction != "symmetric":
        return "it is symmetric, and another direction was asked for"
    if not isinstance(encoder, TransformerEncoder) or encoder.upper_layers() is None:
        return "the encoder has no layers to start it from"
    return ""


def dev_metrics(files: ModelFiles, sources: Sequence[PairSource], *, progress: bool = False) -> dict[str, Any]:
    """What the manifest says of a model: the evaluation on the rows of split "dev", four digits, by file name."""
    measured_on = [dev for s in sources if (dev := s.only([p for p in s.pairs if p.split == "dev"])).pairs]
    result = evaluate(files, measured_on, known=known_topics(sources), progress=progress)
    rounded: dict[str, Any] = json.loads(json.dumps(result), parse_float=lambda number: round(float(number), 4))
    names = [Path(path).name for path in rounded["files"]]
    # Two files of one name keep their paths, so that neither takes the other's place.
    rounded["files"] = {
        path if names.count(Path(path).name) > 1 else Path(path).name: row for path, row in rounded["files"].items()
    }
    return rounded


def _fresh_pair(encoder: Encoder, seed: int) -> PairPredictor:
    layers = encoder.upper_layers() if isinstance(encoder, TransformerEncoder) else None
    if layers is None:
        raise TypeError("only a transformer has layers to start a pair stage from")
    torch.manual_seed(seed)
    start = from_encoder(layers.blocks, heads=layers.heads, norm_eps=layers.norm_eps)
    return start.to(layers.device)
