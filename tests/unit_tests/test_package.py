from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import jepa_langchain

ROOT = Path(__file__).parents[2]


def test_the_import_is_light() -> None:
    code = (
        "import sys, jepa_langchain; "
        "print([m for m in ('torch', 'sentence_transformers', 'faiss', 'sklearn', 'langchain') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves() -> None:
    assert sorted(jepa_langchain.__all__) == list(jepa_langchain.__all__)
    assert dir(jepa_langchain) == jepa_langchain.__all__
    for name in jepa_langchain.__all__:
        assert getattr(jepa_langchain, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        jepa_langchain.Nothing  # noqa: B018


def test_chains_and_prompts_live_inside_the_package() -> None:
    import jepa_langchain.chains
    import jepa_langchain.prompts

    assert sorted(jepa_langchain.chains.__all__) == jepa_langchain.chains.__all__
    assert jepa_langchain.prompts.__name__ == "jepa_langchain.prompts"
    assert "chains" not in sys.modules
    assert "prompts" not in sys.modules


def test_continuous_integration_runs_the_second_command_of_the_readme() -> None:
    blocks = re.findall(r"```bash\n(.*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert "jepa-langchain demo" in blocks[0]
    assert blocks[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_imports_go_one_way() -> None:
    # The contract stands in pyproject.toml.
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
