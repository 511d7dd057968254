"""Pictures written into a folder: those of a comparison, and those of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from jepa_langchain.errors import InputError, ModelError
from jepa_langchain.plots.bars import prediction_bars
from jepa_langchain.plots.canvas import require_matplotlib
from jepa_langchain.plots.highlights import word_highlights
from jepa_langchain.plots.joint_space import embedding_map
from jepa_langchain.plots.matrix import heat_map
from jepa_langchain.plots.model_curves import calibration_curve, training_curves
from jepa_langchain.writing import check_file, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.report.evidence import Evidence

#: What is written of each kind of file in place of a date.
_UNDATED: dict[str, dict[str, str | None]] = {
    "png": {"Software": "jepa_langchain"},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def write_comparison_plots(evidence: Evidence, folder: Path) -> list[Path]:
    """Write ``heat_map.png``, ``predictions.png``, ``map.png`` and ``words_ROW.png`` of the strongest rows.

    Args:
        evidence: what :func:`jepa_langchain.report.evidence.gather_evidence` found.
        folder: made if it is not there; pictures of the same names are replaced.

    Returns:
        The files, in that order.

    Raises:
        InputError: if matplotlib is not installed.
        OSError: if a file cannot be written.
    """
    pictures = {
        "heat_map": heat_map(evidence),
        "predictions": prediction_bars(evidence),
        "map": embedding_map(evidence),
    }
    pictures |= {f"words_{mapped.row.id}": word_highlights(mapped) for mapped in evidence.rows}
    return _write(pictures.items(), folder)


def write_model_plots(model: AlignmentModel, source: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Write ``training.png`` and ``calibration.png``, as far as the model directory holds what they show.

    Args:
        model: the model.
        source: its directory.
        folder: made if it is not there; pictures of the same names are replaced.

    Returns:
        The files, and why there is no other.

    Raises:
        InputError: if matplotlib is not installed.
        OSError: if a file cannot be written.
    """
    pictures: dict[str, Figure] = {}
    missing = []
    drawings: dict[str, Callable[[], Figure]] = {
        "training": lambda: training_curves(source),
        "calibration": lambda: calibration_curve(model),
    }
    for name, draw in drawings.items():
        try:
            pictures[name] = draw()
        except ModelError as error:
            missing.append(str(error))
    return _write(pictures.items(), folder), missing


def write_figure(figure: Figure, path: Path) -> None:
    """Write one picture, PNG, SVG or PDF by the ending of its name; a file of that name is replaced in one step.

    The same picture gives the same bytes.

    Raises:
        InputError: if the name has another ending.
        OSError: if the file cannot be written.
    """
    from matplotlib import rc_context

    kind = _kind(path)
    with replacing(path) as out, rc_context({"svg.hashsalt": "jepa_langchain"}):
        figure.savefig(out, format=kind, metadata=_UNDATED[kind])


def check_picture(path: Path) -> None:
    """Refuse, before any work is done, a name that no picture could be written to.

    Raises:
        InputError: if the name has another ending than a picture's, its place cannot be written to, or matplotlib is
            not installed.
    """
    require_matplotlib()
    _kind(path)
    check_file(path)


def _kind(path: Path) -> str:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _UNDATED:
        raise InputError(f"{path}: a picture ends with .{', .'.join(_UNDATED)}")
    return kind


def _write(pictures: Iterable[tuple[str, Figure]], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in pictures:
        written.append(folder / f"{name}.png")
        write_figure(figure, written[-1])
    return written
