"""Pictures of what the toolkit says, as matplotlib figures; the ``plot`` extra brings matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.plots.bars import prediction_bars
    from jepa_langchain.plots.highlights import word_highlights
    from jepa_langchain.plots.joint_space import embedding_map
    from jepa_langchain.plots.matrix import heat_map
    from jepa_langchain.plots.model_curves import calibration_curve, training_curves
    from jepa_langchain.plots.writing import check_picture, write_comparison_plots, write_figure, write_model_plots

_HOME = {
    "calibration_curve": "model_curves",
    "check_picture": "writing",
    "embedding_map": "joint_space",
    "heat_map": "matrix",
    "prediction_bars": "bars",
    "training_curves": "model_curves",
    "word_highlights": "highlights",
    "write_comparison_plots": "writing",
    "write_figure": "writing",
    "write_model_plots": "writing",
}

__all__ = [
    "calibration_curve",
    "check_picture",
    "embedding_map",
    "heat_map",
    "prediction_bars",
    "training_curves",
    "word_highlights",
    "write_comparison_plots",
    "write_figure",
    "write_model_plots",
]

__getattr__ = exports(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
