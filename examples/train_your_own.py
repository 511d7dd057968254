"""Train a model of your own on labelled pairs, and see whether it learned anything.

The pairs are a few topics of the data set of this repository, so that it takes seconds; the pair stage is left out
(``pair=False``). With some thousand pairs of your own domain, leave both limits away. The same as a command:
``jepa-langchain train PAIRS.jsonl --out my-model``.

    python examples/train_your_own.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from jepa_langchain import AlignmentModel
from jepa_langchain.encoder import TransformerEncoder
from jepa_langchain.pairs import read_pairs
from jepa_langchain.training.trainer import TrainingOptions, train

DATA = Path(__file__).parents[1] / "data" / "polar.jsonl"
PAIRS_A_SPLIT = 120
QUESTION = ("We should tax sugary drinks.", "A tax on sugary drinks is a bad idea.")


def small(path: Path) -> int:
    """Write a few rows of each split of the data set; how many."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    kept = [row for split in ("train", "dev") for row in [r for r in rows if r["split"] == split][:PAIRS_A_SPLIT]]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return len(kept)


def train_small(pairs: Path, out: Path) -> str:
    """Fit the linear stage on the pairs and write the model directory."""
    stages = train([read_pairs(pairs)], out, encoder=TransformerEncoder(), options=TrainingOptions(pair=False))
    return f"trained: {'calibrated' if stages.calibrated else 'uncalibrated'} linear stage"


def main() -> None:
    """Train on a few pairs, load the result and ask it one question."""
    with tempfile.TemporaryDirectory() as folder:
        pairs, out = Path(folder) / "pairs.jsonl", Path(folder) / "my-model"
        print(f"{small(pairs)} labelled pairs, topics apart between training and measuring")
        print(train_small(pairs, out))
        model = AlignmentModel.load(out)
        estimate = model.relate(*QUESTION)
        print(f"\n“{QUESTION[0]}” / “{QUESTION[1]}”")
        print(f"  my model: margin {estimate.margin:+.3f} (below 0 disagrees), {estimate.relation or 'undecided'}")
        shipped = AlignmentModel.load().relate(*QUESTION)
        print(f"  the shipped model: margin {shipped.margin:+.3f}, {shipped.relation or 'undecided'}")
        print("\nA model of so few pairs is a start, not a judge; `jepa-langchain evaluate` measures it on yours.")


if __name__ == "__main__":
    main()
