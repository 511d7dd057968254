from __future__ import annotations

import subprocess
import sys

import pytest

import jepa_langchain


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
