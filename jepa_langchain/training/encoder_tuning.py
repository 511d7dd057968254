"""Optional: fine-tune the encoder's lower layers with low-rank adapters before anything is cached.

The lower layers run once a statement, so their token states can only be cached once they are final. Adapters (LoRA, Hu
et al., 2021, through peft) on the layers below the cut are trained together with a pair stage on the relation of the
two statements, then merged into the weights and saved as a sentence-transformers folder. That pair stage is thrown
away: ``train`` starts from the tuned encoder as from any other. The target side moves with the encoder and is frozen
again afterwards; adapters of low rank keep it near where it was.

It runs the encoder forwards and backwards on every sample: meant for a GPU, slow without one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.pair_predictor import LABELS, PairPredictor, from_encoder
from jepa_langchain.pairs import PairSource, for_training
from jepa_langchain.training.sampling import PairTraining, Rows, draw_block

logger = logging.getLogger(__name__)
#: In the tuned folder: which run left it.
_KEY = "tuned_by.sha256"
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")


@dataclass(frozen=True)
class EncoderTuning:
    """Hyper-parameters: rank and scale of the adapters, pairs seen, pairs a step, learning rates."""

    rank: int = 8
    scale: float = 2.0
    samples: int = 100_000
    batch: int = 32
    rate: float = 2e-4
    fresh_rate: float = 1e-3
    seed: int = 0


def tuned_encoder(
    encoder: TransformerEncoder, sources: Sequence[PairSource], folder: Path, config: EncoderTuning
) -> TransformerEncoder:
    """The encoder that an earlier run on the same data and settings left in ``folder``, else one tuned now.

    Raises:
        InputError: if another run left what is there, or as :func:`tune_encoder`.
    """
    if not folder.exists():
        return tune_encoder(encoder, sources, folder, config)
    key = folder / _KEY
    if not key.is_file() or key.read_text(encoding="utf-8") != _run(encoder, sources, config):
        raise InputError(f"{folder}: left by a run on other data or settings, or unfinished; remove it")
    logger.info("%s: tuned before on the same pairs, used again", folder)
    return TransformerEncoder(str(folder))


def _run(encoder: TransformerEncoder, sources: Sequence[PairSource], config: EncoderTuning) -> str:
    """What identifies a run: its encoder, its pairs in order, its settings."""
    digest = hashlib.sha256(f"{encoder.identity} {config}".encode())
    for p in (p for source in sources for p in source.pairs):
        digest.update(json.dumps([p.a, p.b, p.label.value]).encode())
    return digest.hexdigest()


def tune_encoder(
    encoder: TransformerEncoder, sources: Sequence[PairSource], folder: Path, config: EncoderTuning
) -> TransformerEncoder:
    """Tune, save to ``folder`` and return the tuned encoder, loaded from there.

    Args:
        encoder: a BERT-like sentence-transformers model; changed in place.
        sources: labelled pairs; rows of another split than "train" are left out.
        folder: a new sentence-transformers folder.
        config: hyper-parameters.

    Raises:
        InputError: if peft is missing, the folder is taken, no pair is for training, or no layers can be found.
    """
    if folder.exists():
        raise InputError(f"{folder}: already there; choose another place for the tuned encoder")
    cut, layers = encoder.identity.cut_layer, encoder.upper_layers()
    if layers is None or cut is None:
        raise InputError(f"encoder {encoder.identity.name}: no layers below a cut that adapters could be put on")
    usable = [s for s in (for_training(s) for s in sources) if s.pairs]
    if not usable:
        raise InputError('nothing to tune the encoder on: no pair of split "train"')
    run = _run(encoder, sources, config)
    network: Any = encoder.model[0]
    adapted = _with_adapters(network.auto_model, cut, config)
    torch.manual_seed(config.seed)
    pair = from_encoder(layers.blocks, heads=layers.heads, norm_eps=layers.norm_eps).to(layers.device)
    _fit(encoder, [p for p in adapted.parameters() if p.requires_grad], pair, usable, config)
    adapted.merge_and_unload()
    encoder.model.eval()
    encoder.model.save(str(folder))
    (folder / _KEY).write_text(run, encoding="utf-8")
    return TransformerEncoder(str(folder))


def _with_adapters(network: torch.nn.Module, cut: int, config: EncoderTuning) -> Any:  # noqa: ANN401
    """The transformer with trainable adapters on every linear map of its layers below the cut."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise InputError("tuning the encoder needs peft: pip install 'jepa-langchain[lora]'") from None
    targets = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear) and (found := _LAYER.search(name)) and int(found[1]) < cut
    ]
    alpha = config.scale * config.rank
    return get_peft_model(network, LoraConfig(r=config.rank, lora_alpha=alpha, target_modules=targets))  # type: ignore[arg-type]


def _fit(
    encoder: TransformerEncoder,
    adapters: list[torch.nn.Parameter],
    pair: PairPredictor,
    sources: Sequence[PairSource],
    config: EncoderTuning,
) -> None:
    """Train adapters and pair stage together, in place."""
    texts = sorted({text for s in sources for p in s.pairs for text in (p.a, p.b)}, key=lambda text: (len(text), text))
    where = {text: i for i, text in enumerate(texts)}
    parts = [_rows(source, where) for source in sources]
    optimizer = torch.optim.AdamW(
        [
            {"params": adapters, "lr": config.fresh_rate},
            {"params": pair.blocks.parameters(), "lr": config.rate},
            {"params": [p for n, p in pair.named_parameters() if not n.startswith("blocks.")], "lr": config.fresh_rate},
        ]
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    steps = max(1, round(config.samples / config.batch))
    sampling = replace(PairTraining(), batch=config.batch, seed=config.seed)
    batches = (batch for block in count() for batch in draw_block(parts, block, sampling))
    pair.train()
    encoder.model.train()
    for step, (x, y, label) in enumerate(islice(batches, steps)):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * min((step + 1) / 100, 0.5 * (1 + math.cos(math.pi * step / steps)))
        energies = _energies(encoder, pair, [texts[i] for i in x], [texts[j] for j in y])
        loss = pair.loss(energies, torch.from_numpy(label).to(energies.device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*adapters, *pair.parameters()], 1.0)
        optimizer.step()
        if step % 100 == 0:
            logger.info("tuning the encoder: step %d of %d, loss %.3f", step, steps, loss.item())


def _rows(source: PairSource, where: dict[str, int]) -> Rows:
    x, y = (np.array([where[getattr(p, side)] for p in source.pairs], dtype=np.int64) for side in ("a", "b"))
    label = np.array([LABELS.index(p.label) for p in source.pairs], dtype=np.int64)
    # Characters stand for tokens: they are only sorted by.
    return Rows(source.name, x, y, label, np.array([len(p.a) + len(p.b) for p in source.pairs], dtype=np.int64))


def _energies(encoder: TransformerEncoder, pair: PairPredictor, x: list[str], y: list[str]) -> torch.Tensor:
    """Energies (b, 2) of b pairs of texts, with gradients into the encoder."""
    device = pair.relations.device
    features = {
        k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in encoder.model.preprocess([*x, *y]).items()
    }
    features = encoder.model(features)
    states = features["all_layer_embeddings"][encoder.identity.cut_layer].float()
    real = features["attention_mask"].bool()
    b = len(x)
    sides = [torch.where(real[rows], part, -1) for part, rows in ((0, slice(b)), (1, slice(b, None)))]
    energies: torch.Tensor = pair(torch.cat([states[:b], states[b:]], dim=1), torch.cat(sides, dim=1))
    return energies
