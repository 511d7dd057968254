"""The index with the shipped model: kept states, the command line, and filling it under torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from jepa_langchain.alignment import SHIPPED, AlignmentModel
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.repair import verify
from jepa_langchain.index.rows import persona_rows
from jepa_langchain.personas import load_persona

ROOT = Path(__file__).parents[2]
CLIMATE = SHIPPED.parent / "climate"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "HF_HUB_OFFLINE": "1"}
QUERY = "Carbon emissions must be cut quickly, and the economy will gain from it."


def test_kept_states_give_what_encoding_anew_gives(model: AlignmentModel) -> None:
    found = []
    for keep in (True, False):
        index = JointIndex.open(model=model, keep_states=keep)
        for name in "AB":
            index.add_persona(load_persona(CLIMATE / f"{name}.jsonl").persona)
        found.append({d.id: d.metadata["probability"] for d in index.search(QUERY, "disagree", k=16)})
    assert len(found[0]) == 16
    assert found[0] == pytest.approx(found[1], abs=0.01)


def test_a_search_gives_the_probabilities_of_relate(model: AlignmentModel) -> None:
    index = JointIndex.open(model=model, keep_states=False)
    index.add_persona(load_persona(CLIMATE / "B.jsonl").persona)
    for doc in index.search(QUERY, "agree", k=8):
        expected = model.relate(QUERY, doc.page_content)
        assert expected.probabilities is not None
        assert doc.metadata["probability"] == pytest.approx(expected.probabilities.agree, abs=1e-4)
        assert doc.metadata["verdict"] == (expected.relation.value if expected.relation else None)


def persona_files(folder: Path, statements: int) -> list[Path]:
    rows = [json.loads(line) for line in (ROOT / "data" / "polar.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = sorted({row[side] for row in rows for side in "ab"})[:statements]
    paths = []
    for name, own in (("ann", texts[::2]), ("bob", texts[1::2])):
        path = folder / f"{name}.jsonl"
        path.write_text("\n".join(json.dumps({"text": t, "year": 2000 + n % 20}) for n, t in enumerate(own)))
        paths.append(path)
    return paths


SMALL_CHUNKS = """
from jepa_langchain import cli
from jepa_langchain.index import building as index_building
index_building.add_in_bulk.__kwdefaults__["chunk"] = 16
cli.main()
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this build of torch has no gloo")
def test_two_processes_fill_one_index(tmp_path: Path, model: AlignmentModel) -> None:
    files, out, script = persona_files(tmp_path, 120), tmp_path / "index", tmp_path / "script.py"
    script.write_text(SMALL_CHUNKS)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    line = [*launcher, str(script), "index", "add", str(out), *map(str, files), "--set", "topic=all"]
    done = subprocess.run(line, check=False, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("120 statements written, 0 unchanged, 120 in all") == 1
    assert verify(out) == []
    assert not (out / ".adding").exists()
    index = JointIndex.open(out, model=model, read_only=True)
    loaded = [load_persona(path) for path in files]
    expected = [
        row for one in loaded for row in persona_rows(one.persona, metadata={"topic": "all"}, statements=one.metadata)
    ]
    assert index.rows() == expected
    (segment,) = index.store.snapshot.segments
    vectors = model.stages.encoder.encode([row.text for row in expected]).embeddings
    assert np.allclose(segment.structure.vectors, vectors, atol=1e-5)
    assert {d.metadata["year"] for d in index.search(QUERY, "agree", k=5, filter={"year": {"$lt": 2003}})} <= {
        2000,
        2001,
        2002,
    }
