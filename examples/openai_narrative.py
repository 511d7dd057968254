"""A language model words a report, and a verifier that is no language model checks every sentence.

With OPENAI_API_KEY set, OpenAI words the climate scenario's findings; without, the template does. In both cases the
findings, numbers and citations are code's, and a sentence that does not hold against its row is thrown out.

    OPENAI_API_KEY=... python examples/openai_narrative.py
"""

from __future__ import annotations

import os
from pathlib import Path

from jepa_langchain import AlignmentModel, load_persona
from jepa_langchain.chains import narrative_chain

CLIMATE = Path(__file__).parent / "climate"


def main() -> None:
    """Compare the two agents of the climate scenario and tell it."""
    model = AlignmentModel.load()
    a, b = (load_persona(CLIMATE / name).persona for name in ("A.jsonl", "B.jsonl"))
    report = model.compare(a, b)
    llm = os.environ.get("EXAMPLE_MODEL", "openai:gpt-5-mini") if os.environ.get("OPENAI_API_KEY") else None
    narrative = narrative_chain(llm, model=model).invoke(report)
    print(f"verdict {report.verdict}, score {report.score:.2f}; worded by: {narrative.source}\n")
    for sentence in narrative.sentences:
        print(f"[{', '.join(sentence.rows)}] {sentence.text}\n")
    print(f"thrown out: {narrative.rejected}")
    for rejected in narrative.rejections:
        print(f"  {rejected.reason}: {rejected.text}")
    if narrative.note:
        print(narrative.note)


if __name__ == "__main__":
    main()
