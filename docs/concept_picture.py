"""Draw docs/cosine_and_ledger.svg, the README's picture: cosine of two agents' statements, and what the ledger lists.

Run it from the repository's root after a change of the shipped model: ``python docs/concept_picture.py``.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from jepa_langchain import AlignmentModel, AlignmentReport, Persona, load_persona
from jepa_langchain.console import quiet_libraries

ROOT = Path(__file__).parents[1]
#: Colour-blind safe: disagreement and agreement.
RED, BLUE = "#d6604d", "#4393c3"
#: Cosine from which a cell is dark.
DARK = 0.5


def cosine_table(axis: Any, model: AlignmentModel, a: Persona, b: Persona) -> None:  # noqa: ANN401
    """Cosine of every statement of A with every statement of B."""
    encoder = model.stages.encoder
    x, y = (encoder.encode([s.text for s in persona.statements]).embeddings for persona in (a, b))
    table = x @ y.T
    axis.imshow(table, cmap="Greys", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(table):
        text = f"{value:.2f}".replace("0.", ".")
        axis.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if value > DARK else "black")


def ledger_table(axis: Any, report: AlignmentReport, a: Persona, b: Persona) -> None:  # noqa: ANN401
    """The probability of every row: disagreement below the cell's diagonal, agreement above it."""
    from matplotlib.patches import Polygon

    rows, columns = ({s.id: i for i, s in enumerate(p.statements)} for p in (a, b))
    axis.imshow(np.zeros((len(rows), len(columns))), cmap="Greys", vmin=0, vmax=1)
    for found, colour, corner, shift in (
        (report.disagreements, RED, (-0.5, 0.5), (-0.2, 0.24)),
        (report.agreements, BLUE, (0.5, -0.5), (0.2, -0.2)),
    ):
        for row in found:
            i, j = rows[row.a.id], columns[row.b.id]
            triangle = [(j - 0.5, i - 0.5), (j + 0.5, i + 0.5), (j + corner[0], i + corner[1])]
            axis.add_patch(Polygon(triangle, color=colour, linewidth=0))
            text = f"{row.p or 0.0:.2f}".replace("0.", ".")
            axis.text(j + shift[0], i + shift[1], text, ha="center", va="center", fontsize=7, color="white")
    axis.set_xticks(np.arange(len(columns)) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(rows)) - 0.5, minor=True)
    axis.grid(which="minor", color="#dddddd", linewidth=0.6)
    axis.tick_params(which="minor", length=0)


def main() -> None:
    """Compare the two personas and draw both tables."""
    quiet_libraries()
    mpl.use("svg")
    # The same input gives the same bytes.
    mpl.rcParams["svg.hashsalt"] = "jepa_langchain"
    from matplotlib import pyplot as plt

    a, b = (load_persona(ROOT / "examples" / "climate" / name).persona for name in ("A.jsonl", "B.jsonl"))
    model = AlignmentModel.load()
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    cosine_table(axes[0], model, a, b)
    axes[0].set_title("cosine: highest where they contradict each other", fontsize=11)
    ledger_table(axes[1], model.compare(a, b), a, b)
    axes[1].set_title("the ledger: disagreements (red), conceded premises (blue)", fontsize=11)
    for axis in axes:
        axis.set_xticks(range(len(b.statements)), [s.id for s in b.statements])
        axis.set_yticks(range(len(a.statements)), [s.id for s in a.statements])
    figure.savefig(ROOT / "docs" / "cosine_and_ledger.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
