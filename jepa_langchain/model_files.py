"""The model directory: safetensors and a JSON manifest, written beside its place, checked in full before use.

manifest.json           format, name, encoder identity, calibration, training sources, SHA-256 of each file
predictor.safetensors   the relation maps (half precision)
pair.safetensors        the pair stage (half precision), if there is one
baselines.safetensors   the fitted peers that ``evaluate`` prints beside the model
train_log.jsonl         what happened during training
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import Calibrator
from jepa_langchain.encoder import Encoder, EncoderIdentity, TransformerEncoder
from jepa_langchain.errors import ModelError
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.predictor import RELATIONS, Direction, LinearPredictor
from jepa_langchain.schema import Frozen, Relation
from jepa_langchain.stages import Stages
from jepa_langchain.weights import sha256_of

FORMAT: Literal[1] = 1
MANIFEST, LINEAR, PAIR, BASELINES = (
    "manifest.json",
    "predictor.safetensors",
    "pair.safetensors",
    "baselines.safetensors",
)
LOG = "train_log.jsonl"


@dataclass(frozen=True)
class ModelFiles:
    """A model with everything its directory says of it."""

    stages: Stages
    baselines: Baselines
    name: str
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def save_model(folder: Path, model: ModelFiles, *, log: Path | None = None) -> None:
    """Write the directory. Its old content stays complete until the new one is, and is then replaced."""
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    stages = model.stages
    save_file({"maps": stages.linear.maps.half().contiguous()}, beside / LINEAR)
    if stages.pair is not None:
        save_file({k: v.half().contiguous() for k, v in stages.pair.state_dict().items()}, beside / PAIR)
    if model.baselines.pair_features:
        save_arrays({k: v.astype(np.float16) for k, v in model.baselines.pair_features.items()}, beside / BASELINES)
    if log is not None and log.is_file():
        shutil.copyfile(log, beside / LOG)
    manifest = Manifest(
        format=FORMAT,
        name=model.name,
        encoder=stages.encoder.identity,
        relations=RELATIONS,
        direction=stages.linear.direction,
        pair=stages.pair.config if stages.pair else None,
        calibration={name: c.as_dict() for name, c in stages.calibrators.items()},
        cosine_calibration=model.baselines.cosine.as_dict() if model.baselines.cosine else None,
        training=model.training,
        metrics=model.metrics,
        files={p.name: sha256_of(p) for p in sorted(beside.iterdir())},
    )
    (beside / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    # The manifest goes last: until it is there, a reader sees the old hashes and refuses the mixture.
    for path in sorted(beside.iterdir(), key=lambda p: p.name == MANIFEST):
        path.replace(folder / path.name)
    for stale in {LINEAR, PAIR, BASELINES} - set(manifest.files):
        (folder / stale).unlink(missing_ok=True)
    beside.rmdir()


class Manifest(Frozen):
    """``manifest.json``, field by field."""

    format: Literal[1]
    name: str
    encoder: EncoderIdentity
    relations: tuple[Relation, Relation]
    direction: Direction
    pair: PairConfig | None
    calibration: dict[Literal["linear", "pair"], dict[str, Any]]
    cosine_calibration: dict[str, Any] | None
    training: dict[str, Any]
    metrics: dict[str, Any]
    files: dict[str, str]


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(f"{folder}: no model here ({MANIFEST} is missing)")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelError(f"{path}: field {where}: {first['msg']}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error})") from None
    for name in (LINEAR, *([PAIR] if manifest.pair else [])):
        if name not in manifest.files:
            raise ModelError(f"{path}: field files: no hash of {name}")
    for name, expected in manifest.files.items():
        file = folder / Path(name).name
        if not file.is_file():
            raise ModelError(f"{file}: missing from the model directory")
        if sha256_of(file) != expected:
            raise ModelError(f"{file}: damaged or replaced (its SHA-256 is not the manifest's)")
    return manifest


def _check_encoder(found: EncoderIdentity, expected: EncoderIdentity, folder: Path) -> None:
    for name in ("name", "dimension", "context_layers", "cut_layer", "sha256"):
        have, want = getattr(found, name), getattr(expected, name)
        # A default model given as a folder is the same model: its hash says so, its name need not.
        if have != want and not (name == "name" and found.sha256 == expected.sha256):
            raise ModelError(
                f"{folder / MANIFEST}: trained with encoder {name} {want!r}, but the encoder here has {have!r}"
            )


def load_model(folder: Path, *, encoder: Encoder | None = None, device: str | None = None) -> ModelFiles:
    """Read and check a model directory.

    Args:
        folder: the directory.
        encoder: the encoder object, needed when the model was trained on a LangChain ``Embeddings``.
        device: torch device for a sentence-transformers encoder and the predictors.

    Raises:
        ModelError: naming the file or the field that is missing, damaged or another model's.
    """
    manifest = _manifest(folder)
    saved = manifest.encoder
    if encoder is None:
        if saved.name.startswith("langchain:"):
            raise ModelError(f"{folder}: trained on {saved.name}; pass that encoder to load it")
        encoder = TransformerEncoder(saved.name, device=device)
    _check_encoder(encoder.identity, saved, folder)
    try:
        linear = LinearPredictor(load_file(folder / LINEAR)["maps"], direction=manifest.direction)
        if tuple(linear.maps.shape) != (len(RELATIONS), saved.dimension, saved.context):
            raise ModelError(f"{folder / LINEAR}: maps of shape {tuple(linear.maps.shape)} do not fit the encoder")
        pair = None
        if manifest.pair is not None:
            pair = PairPredictor(manifest.pair)
            pair.load_state_dict({k: v.float() for k, v in load_file(folder / PAIR).items()})
            pair.to(device or "cpu").eval()
        calibrators = {str(name): Calibrator.from_dict(c) for name, c in manifest.calibration.items()}
        if calibrators and manifest.pair is not None and "pair" not in calibrators:
            raise ModelError(f"{folder / MANIFEST}: field calibration: the pair stage has none")
        cosine = Calibrator.from_dict(manifest.cosine_calibration) if manifest.cosine_calibration else None
        mlp = load_arrays(folder / BASELINES) if BASELINES in manifest.files else {}
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: the manifest and the weights do not fit together ({error})") from error
    files = {MANIFEST: sha256_of(folder / MANIFEST), **manifest.files}
    stages = Stages(encoder, linear, pair, calibrators)
    return ModelFiles(stages, Baselines(cosine, mlp), manifest.name, manifest.training, manifest.metrics, files)
