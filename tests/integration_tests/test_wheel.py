"""The built distribution: real chains and prompts, the weights, and nothing that does not belong."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 30_000_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of the tree, and the wheel built from it."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return out


def test_the_wheel_holds_real_files(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        infos = {info.filename: info for info in archive.infolist()}
    wanted = [
        "jepa_langchain/chains/comparison.py",
        "jepa_langchain/chains/__init__.py",
        "jepa_langchain/chains/consent.json",
        "jepa_langchain/chains/support.safetensors",
        "jepa_langchain/prompts/__init__.py",
        "jepa_langchain/prompts/template_agreement.txt",
        "jepa_langchain/py.typed",
        "jepa_langchain/shipped/climate/A.jsonl",
        "jepa_langchain/shipped/default/manifest.json",
        "jepa_langchain/shipped/default/MODEL_CARD.md",
        "jepa_langchain/shipped/default/predictor.safetensors",
        "jepa_langchain/shipped/default/pair.safetensors",
    ]
    for name in wanted:
        assert infos[name].file_size > 0 or name.endswith("py.typed"), name
        assert (infos[name].external_attr >> 16) & 0o170000 != 0o120000, f"{name} is a link"
    tops = {name.split("/")[0] for name in infos}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"jepa_langchain"}
    assert not [name for name in infos if ".training" in name or name.endswith((".pyc", ".gz"))]
    assert wheel.stat().st_size < MOST_BYTES


def test_the_sdist_holds_the_sources_once(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[-1]: member for name, member in ((m.name, m) for m in archive.getmembers())}
    assert names["jepa_langchain/chains/comparison.py"].isfile()
    assert names["LICENSE"].isfile()
    assert "pyproject.toml" in names
