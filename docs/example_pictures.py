"""Draw docs/pictures: every picture of ``jepa_langchain.plots``, of the climate scenario and the shipped model.

Run it from the repository's root after a change of the shipped model or of the drawing:
``python docs/example_pictures.py``.
"""

from pathlib import Path

from jepa_langchain import AlignmentModel, load_persona
from jepa_langchain.alignment import SHIPPED
from jepa_langchain.console import quiet_libraries
from jepa_langchain.plots import (
    calibration_curve,
    embedding_map,
    heat_map,
    prediction_bars,
    training_curves,
    word_highlights,
    write_figure,
)
from jepa_langchain.report.evidence import gather_evidence

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Compare the two personas and draw."""
    quiet_libraries()
    model = AlignmentModel.load()
    a, b = (load_persona(ROOT / "examples" / "climate" / f"{name}.jsonl").persona for name in "AB")
    evidence = gather_evidence(model, a, b, model.compare(a, b))
    pictures = {
        "heat_map": heat_map(evidence),
        "predictions": prediction_bars(evidence),
        "words": word_highlights(evidence.rows[0]),
        "map": embedding_map(evidence),
        "training": training_curves(SHIPPED),
        "calibration": calibration_curve(model),
    }
    for name, figure in pictures.items():
        write_figure(figure, ROOT / "docs" / "pictures" / f"{name}.png")


if __name__ == "__main__":
    main()
