"""Pictures of a model: how its training went, and whether its probabilities hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jepa_langchain.errors import ModelError
from jepa_langchain.model_files import LOG
from jepa_langchain.plots.canvas import AGREE, CARD, DISAGREE, INK, LINE, SOFT, sheet, title
from jepa_langchain.reliability import reliability_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jepa_langchain.alignment import AlignmentModel

#: Blocks whose mean loss the smooth line shows.
_SMOOTHED = 9


def training_curves(folder: Path | str) -> Figure:
    """Loss of the pair stage and held-out AUROC, agree against disagree, over the blocks of a training.

    Args:
        folder: a model directory; its ``train_log.jsonl`` is read.

    Raises:
        ModelError: if there is no log, a line of it is no JSON, or no pair stage was trained.
    """
    path = Path(folder) / LOG
    rows = [row for row in _rows(path) if row.get("stage") in ("start", "pair")]
    losses = [(row["block"], row["loss"]) for row in rows if "loss" in row]
    held = [(row.get("block", 0), row["held_out_auroc"]) for row in rows if row.get("held_out_auroc") is not None]
    if not losses:
        raise ModelError(f"{path}: no pair stage was trained")
    figure, (above, below) = sheet(7.5, 5.4, rows=2)
    blocks, values = np.array(losses, dtype=np.float64).T
    above.plot(blocks, values, color=AGREE, linewidth=0.8, alpha=0.45)
    if len(values) >= _SMOOTHED:
        edge = _SMOOTHED // 2
        smooth = np.convolve(values, np.full(_SMOOTHED, 1 / _SMOOTHED), mode="valid")
        above.plot(blocks[edge : len(blocks) - edge], smooth, color=AGREE, linewidth=2)
    title(above, "Loss of the pair stage", f"Cross-entropy of a block, and the mean of {_SMOOTHED} blocks.")
    if held:
        at, auroc = np.array(held, dtype=np.float64).T
        best = int(auroc.argmax())
        below.plot(at, auroc, color=DISAGREE, linewidth=2, marker="o", markersize=4)
        below.plot(at[best], auroc[best], marker="o", markersize=9, markerfacecolor=CARD, markeredgecolor=INK)
        below.annotate(
            f"{auroc[best]:.3f}",
            (at[best], auroc[best]),
            xytext=(0, -17),
            textcoords="offset points",
            ha="center",
            color=INK,
        )
        below.margins(y=0.25)
    title(below, "Held-out AUROC", "Agree against disagree on topics that training never sees; the best one is kept.")
    below.set_xlabel("block", color=SOFT)
    for axis in (above, below):
        axis.set_xlim(0, blocks.max() * 1.02)
        axis.grid(axis="y", color=LINE, linewidth=0.8)
    return figure


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ModelError(f"{path}: no training log here")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            raise ModelError(f"{path}: line {number} is no JSON") from None
        if isinstance(row, dict):
            found.append(row)
    return found


def calibration_curve(model: AlignmentModel) -> Figure:
    """How often pairs with a stated probability of agreement or disagreement were labelled so, on held-out pairs.

    Points are means over files, a file counting with the square root of its pairs; lines are 95 % bootstrap intervals
    over files and pairs (:mod:`jepa_langchain.reliability`). Below: how many pairs a bin holds.

    Args:
        model: a model; its manifest holds what was measured when it was trained.

    Raises:
        ModelError: if nothing was measured.
    """
    curve = reliability_curve(model.files.metrics)
    if not curve:
        raise ModelError(f"model {model.files.name!r}: its manifest holds no measured calibration")
    figure, (above, below) = sheet(5.6, 6.4, rows=2, heights=(4, 1))
    above.plot((0, 1), (0, 1), color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
    above.text(0.78, 0.86, "as stated", ha="right", color=SOFT, fontsize=9)
    stated, observed = [b.stated for b in curve], [b.observed for b in curve]
    errors = [[b.observed - b.least for b in curve], [b.most - b.observed for b in curve]]
    above.errorbar(
        stated,
        observed,
        yerr=np.abs(errors),
        color=AGREE,
        ecolor=AGREE,
        elinewidth=1.6,
        capsize=3.5,
        marker="o",
        linewidth=2,
    )
    for name, calibrator in sorted(model.stages.calibrators.items()):
        if name == ("linear" if model.stages.pair is None else "pair"):
            above.axvspan(calibrator.threshold, 1, color=AGREE, alpha=0.07, linewidth=0)
            above.text(calibrator.threshold + 0.01, 0.02, "decides", color=SOFT, fontsize=9)
    above.set_ylabel("observed share", color=SOFT)
    title(above, "Calibration on held-out pairs", "Agreement and disagreement; bars are 95 % intervals over sources.")
    below.bar([b.low + 0.05 for b in curve], [b.pairs for b in curve], width=0.085, color=LINE)
    below.set_ylabel("pairs", color=SOFT)
    below.set_xlabel("stated probability", color=SOFT)
    above.set_ylim(0, 1)
    for axis in (above, below):
        axis.set_xlim(0, 1)
    above.grid(color=LINE, linewidth=0.8)
    return figure
