"""Training in two processes gives the model that one process gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from jepa_langchain.model_files import load_model
from jepa_langchain.pairs import read_pairs
from jepa_langchain.scoring import score_pairs

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from jepa_langchain.training import data, trainer
from jepa_langchain.training.sampling import PairTraining
from jepa_langchain.pairs import read_pairs

data.FEW = 100
source = read_pairs(Path(sys.argv[1]))
small = source.only(source.pairs[:400])
recipe = PairTraining(samples=2 * 1024, evaluate_every=1)
trainer.train([small], Path(sys.argv[2]), options=trainer.TrainingOptions(pair_training=recipe))
"""


def train_with(processes: int, folder: Path) -> Path:
    script, out = folder / "script.py", folder / f"by{processes}"
    script.write_text(SCRIPT)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *launcher, str(script), str(ROOT / "data" / "opinions.jsonl"), str(out)]
    done = subprocess.run(command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this build of torch has no gloo")
def test_two_processes_train_the_same_model_as_one(tmp_path: Path) -> None:
    one, two = (train_with(n, tmp_path) for n in (1, 2))
    for name in ("predictor.safetensors", "baselines.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    weights = [load_file(folder / "pair.safetensors") for folder in (one, two)]
    apart = max(float((weights[0][k].float() - weights[1][k].float()).abs().max()) for k in weights[0])
    assert apart < 2e-3
    source = read_pairs(ROOT / "data" / "opinions.jsonl")
    pairs = [p for p in source.pairs if p.split == "dev"][:100]
    texts = [text for p in pairs for text in (p.a, p.b)]
    rows = np.arange(len(texts), dtype=np.int64).reshape(-1, 2)
    scores = [score_pairs(load_model(folder).stages, texts, rows) for folder in (one, two)]
    assert np.allclose(scores[0].energies, scores[1].energies, atol=2e-2)
    spread = scores[0].energies.std()
    assert np.abs(scores[0].energies - scores[1].energies).max() < spread / 10
