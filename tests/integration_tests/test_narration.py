"""What --llm asks for is refused before anything is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from jepa_langchain.commands.narration import Narration
from jepa_langchain.errors import InputError


def test_a_model_or_prompt_that_cannot_be_used_is_refused_before_the_comparison(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such chat model"):
        Narration(llm="nobody:x").check()
    with pytest.raises(InputError, match="no such folder"):
        Narration(llm="openai:x", prompts=tmp_path / "none").check()
    (tmp_path / "adjudication.txt").write_text("nonsense")
    with pytest.raises(InputError, match="needs a header"):
        Narration(llm="openai:x", prompts=tmp_path, budget=2).check()
