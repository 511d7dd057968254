"""Draw docs/cosine_and_margin.svg: cosine and the model's verdicts on the same sixteen statements.

Run it from the repository's root after a change of the shipped model: ``python docs/concept_picture.py``.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from jepa_langchain import AlignmentModel, load_persona
from jepa_langchain.console import quiet_libraries
from jepa_langchain.stages import score_pairs

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Score every statement of A with every statement of B and draw both tables."""
    quiet_libraries()
    mpl.use("svg")
    # The same input gives the same bytes.
    mpl.rcParams["svg.hashsalt"] = "jepa_langchain"
    from matplotlib import pyplot as plt

    a, b = (load_persona(ROOT / "examples" / "climate" / name).persona for name in ("A.jsonl", "B.jsonl"))
    texts = [s.text for s in (*a.statements, *b.statements)]
    shape = (len(a.statements), len(b.statements))
    pairs = np.indices(shape).reshape(2, -1).T + np.array([0, shape[0]])
    scores = score_pairs(AlignmentModel.load().stages, texts, pairs)
    if scores.probabilities is None:
        raise SystemExit("the shipped model is uncalibrated")
    tables = {
        "cosine: highest where they contradict each other": (scores.cosine, "viridis", 0.0, 1.0),
        "P(agree) - P(disagree): lowest there": (
            scores.probabilities[:, 0] - scores.probabilities[:, 1],
            "RdBu",
            -1.0,
            1.0,
        ),
    }
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    for axis, (title, (values, colours, low, high)) in zip(axes, tables.items(), strict=True):
        grid = values.reshape(shape)
        axis.imshow(grid, cmap=colours, vmin=low, vmax=high)
        for (i, j), value in np.ndenumerate(grid):
            dark = abs(value - (low + high) / 2) > 0.3 * (high - low)
            text = f"{value:.2f}".replace("0.", ".")
            axis.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
        axis.set_xticks(range(shape[1]), [s.id for s in b.statements])
        axis.set_yticks(range(shape[0]), [s.id for s in a.statements])
        axis.set_title(title, fontsize=11)
    figure.savefig(ROOT / "docs" / "cosine_and_margin.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
