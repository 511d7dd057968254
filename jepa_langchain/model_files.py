"""The model directory: safetensors and a JSON manifest, written beside its place, checked in full before use.

manifest.json           format, name, encoder identity, calibration, training sources, SHA-256 of each file
predictor.safetensors   the relation maps (half precision)
pair.safetensors        the pair stage (half precision), if there is one
baselines.safetensors   the fitted peers that ``evaluate`` prints beside the model
train_log.jsonl         what happened during training
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save, save_file

from jepa_langchain.baselines import Baselines
from jepa_langchain.calibration import Calibrator
from jepa_langchain.devices import chosen_device
from jepa_langchain.encoder import Encoder, EncoderIdentity, TransformerEncoder
from jepa_langchain.errors import ModelError
from jepa_langchain.pair_predictor import PairConfig, PairPredictor
from jepa_langchain.predictor import RELATIONS, LinearPredictor
from jepa_langchain.reliability import check_metrics
from jepa_langchain.schema import Direction, Frozen, Relation
from jepa_langchain.stages import Stages
from jepa_langchain.weights import sha256_of

FORMAT: Literal[2] = 2
_MOST_LAYERS = 48
#: Largest difference between two answers of one embedding service to the same text.
_PROBE_NOISE = 0.01
MANIFEST, LINEAR, PAIR, BASELINES = (
    "manifest.json",
    "predictor.safetensors",
    "pair.safetensors",
    "baselines.safetensors",
)
LOG = "train_log.jsonl"
MODEL_FILES = (MANIFEST, LINEAR, PAIR, BASELINES, LOG)
#: Folder inside a model directory that training works in.
WORK = ".training"


@dataclass(frozen=True)
class ModelFiles:
    """A model with everything its directory says of it; ``log`` is where its training's log lies."""

    stages: Stages
    baselines: Baselines
    name: str
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    log: Path | None = None


def as_saved(linear: LinearPredictor) -> tuple[LinearPredictor, str]:
    """Relation maps as a directory keeps them, in half precision, and the SHA-256 of the file they would be."""
    kept = _kept(linear)
    return LinearPredictor(kept["maps"], direction=linear.direction), hashlib.sha256(save(kept)).hexdigest()


def _kept(linear: LinearPredictor) -> dict[str, torch.Tensor]:
    return {"maps": linear.maps.half().contiguous()}


def save_model(folder: Path, model: ModelFiles) -> None:
    """Write the directory beside its place and swap it in; what else lies in the old one (``.training``) is kept.

    Raises:
        ModelError: if ``folder`` holds files that are not a model's.
    """
    folder = folder.resolve()
    check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write(beside, model)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if folder.exists():
        for kept in folder.iterdir():
            if kept.name not in MODEL_FILES:
                kept.rename(beside / kept.name)
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        folder.rename(old / folder.name)
        beside.rename(folder)
        shutil.rmtree(old)
    else:
        beside.rename(folder)


def _write(beside: Path, model: ModelFiles) -> None:
    """The files of a model directory, into an empty folder."""
    stages = model.stages
    save_file(_kept(stages.linear), beside / LINEAR)
    if stages.pair is not None:
        save_file({k: v.half().contiguous() for k, v in stages.pair.state_dict().items()}, beside / PAIR)
    if model.baselines.pair_features:
        save_arrays({k: v.astype(np.float16) for k, v in model.baselines.pair_features.items()}, beside / BASELINES)
    if model.log is not None and model.log.is_file():
        shutil.copyfile(model.log, beside / LOG)
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
    beside.chmod(0o755)


def check_place(folder: Path) -> None:
    """Refuse to write a model over something else.

    Raises:
        ModelError: if ``folder`` is a file, or a folder with files in it that is no model directory.
    """
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder}: a file stands where the model directory is to be written")
    foreign = [] if not folder.is_dir() else [p.name for p in folder.iterdir() if p.name not in (*MODEL_FILES, WORK)]
    if foreign and not (folder / MANIFEST).is_file():
        raise ModelError(f"{folder}: holds {min(foreign)!r} and is no model directory; choose another place")


class Manifest(Frozen):
    """``manifest.json``, field by field."""

    format: Literal[2]
    name: str
    encoder: EncoderIdentity
    relations: tuple[Relation, Relation]
    direction: Direction
    pair: PairConfig | None
    calibration: dict[Literal["linear", "pair", "concession"], dict[str, Any]]
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
        check_metrics(manifest.metrics)
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
        # The same weights given as another folder are the same encoder.
        if have != want and not (name == "name" and found.sha256 and found.sha256 == expected.sha256):
            raise ModelError(
                f"{folder / MANIFEST}: trained with encoder {name} {want!r}, but the encoder here has {have!r}"
            )
    known = len(found.probe) == len(expected.probe) and np.allclose(found.probe, expected.probe, atol=_PROBE_NOISE)
    if expected.probe and not known:
        raise ModelError(
            f"{folder / MANIFEST}: the encoder here embeds a known text otherwise than {expected.name} did"
        )


def _check_shape(pair: PairConfig, encoder: EncoderIdentity, folder: Path) -> None:
    if pair.dimension != encoder.dimension:
        raise ModelError(f"{folder / MANIFEST}: field pair: of another width than the encoder")
    blocks = 0 < pair.layers <= _MOST_LAYERS and pair.heads >= 1 and pair.dimension % pair.heads == 0
    if not (blocks and pair.feedforward >= 1 and 0 < pair.norm_eps < 1):
        raise ModelError(f"{folder / MANIFEST}: field pair: no such transformer")


def _check_calibration(calibrators: dict[str, Calibrator], folder: Path, *, pair: bool) -> None:
    needed = {"linear", "pair"} if pair else {"linear"}
    if calibrators and not needed <= calibrators.keys():
        raise ModelError(f"{folder / MANIFEST}: field calibration: none for {min(needed - calibrators.keys())!r}")
    for name, calibrator in calibrators.items():
        _check_calibrator(calibrator, {"linear": 3, "pair": 5, "concession": 9}[name], f"calibration.{name}", folder)


def _check_calibrator(calibrator: Calibrator, width: int, name: str, folder: Path) -> None:
    where = f"{folder / MANIFEST}: field {name}"
    if calibrator.weights.shape[1] != width or not np.isfinite(calibrator.weights).all():
        raise ModelError(f"{where}: not {width} finite weights a relation")
    if not np.isfinite(calibrator.bias).all():
        raise ModelError(f"{where}.bias: not finite")
    if not 0 <= calibrator.threshold <= 1:
        raise ModelError(f"{where}.threshold: {calibrator.threshold} lies not between 0 and 1")


def load_model(folder: Path, *, encoder: Encoder | None = None, device: str | None = None) -> ModelFiles:
    """Read and check a model directory.

    Args:
        folder: the directory.
        encoder: the encoder object, needed when the model was trained on a LangChain ``Embeddings``.
        device: torch device for a sentence-transformers encoder and the predictors.

    Raises:
        ModelError: naming the file or the field that is missing, damaged or another model's, or the device that is not.
    """
    manifest = _manifest(folder)
    saved, place = manifest.encoder, chosen_device(device)
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
            _check_shape(manifest.pair, saved, folder)
            pair = PairPredictor(manifest.pair)
            pair.load_state_dict({k: v.float() for k, v in load_file(folder / PAIR).items()})
            pair.to(place).eval()
        calibrators = {str(name): Calibrator.from_dict(c) for name, c in manifest.calibration.items()}
        _check_calibration(calibrators, folder, pair=manifest.pair is not None)
        cosine = Calibrator.from_dict(manifest.cosine_calibration) if manifest.cosine_calibration else None
        if cosine is not None:
            _check_calibrator(cosine, 1, "cosine_calibration", folder)
        mlp = load_arrays(folder / BASELINES) if BASELINES in manifest.files else {}
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: the manifest and the weights do not fit together ({error})") from error
    files = {MANIFEST: sha256_of(folder / MANIFEST), **manifest.files}
    stages = Stages(encoder, linear, pair, calibrators)
    return ModelFiles(
        stages, Baselines(cosine, mlp), manifest.name, manifest.training, manifest.metrics, files, folder / LOG
    )
