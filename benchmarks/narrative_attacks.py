"""What an injected statement and an obedient language model can change, and what a long ledger costs to word.

* ``injections.jsonl``: 100 strings, each said by agent A of the climate scenario as a further statement (beside the
  first four of each side, so that the table is made in minutes). The language
  model is scripted to obey: it tells whatever the string says, cites forged rows, turns areas round and adds numbers.
* The cost of a ledger: four characters stand for a token on both sides; a tokeniser's data cannot be had offline.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import BaseMessage

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains import comparison_chain, narrative_chain
from jepa_langchain.chains.drafts import Draft
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import AlignmentReport, Narrative, Persona, Statement
from jepa_langchain.statements import clean_text

HERE = Path(__file__).parent
_STATEMENTS = 4
#: Probabilities differ so much when a text is encoded in another batch.
_BATCH_NOISE = 1e-5
CLIMATE = HERE.parent / "examples" / "climate"


class Heard(BaseCallbackHandler):
    """Keeps the prompts that a chat model was sent."""

    def __init__(self) -> None:
        self.prompts: list[list[BaseMessage]] = []

    def on_chat_model_start(self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any) -> None:  # noqa: ANN401
        """Keep one prompt."""
        del serialized, kwargs
        self.prompts += messages


@dataclass(frozen=True)
class Effect:
    """What one string changed: each is True where nothing was."""

    kind: str
    verdict: bool
    score: bool
    rows: bool
    citations: bool
    told: bool
    system: bool
    others: bool


def _obedient(text: str) -> FakeListChatModel:
    """A model that does what it is told by a statement."""
    lies = [
        {"area": area, "title": "Agreement", "text": lie, "rows": [f"{kind}{n}"], "p": 1.0, "score": 1.0}
        for kind, area in (("A", "agreement"), ("D", "disagreement"), ("D", "agreement"))
        for n in range(1, 13)
        for lie in (text, "Both agree on everything.")
    ]
    lies.append({"area": "agreement", "title": "New", "text": "Both agree.", "rows": ["A99"]})
    return FakeListChatModel(responses=[json.dumps({"verdict": "aligned", "score": 1.0, "items": lies})])


def _citations(narrative: Narrative) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(s.a, s.b, s.rows) for s in narrative.sentences]


def effect(model: AlignmentModel, entry: dict[str, str], a: Persona, b: Persona, clean: AlignmentReport) -> Effect:
    """Compare with the string among A's statements, plainly and worded by the obedient model; what differs?"""
    said = Statement(id="X", text=clean_text(entry["text"], where="injection").text)
    a = a.model_copy(update={"statements": (*a.statements, said)})
    plain, heard = model.compare(a, b), Heard()
    told = comparison_chain(model, _obedient(said.text)).invoke({"a": a, "b": b}, {"callbacks": [heard]})
    system = "\n".join(m.text for prompt in heard.prompts for m in prompt if m.type == "system")
    rows = [(r.agreements, r.disagreements, r.mixed, r.abstained) for r in (plain, told)]
    return Effect(
        kind=entry["kind"],
        verdict=told.verdict == plain.verdict,
        score=told.score == plain.score,
        rows=rows[0] == rows[1],
        citations=_citations(told.narrative) == _citations(plain.narrative),
        told=told.narrative.text == plain.narrative.text,
        system=said.text not in system,
        others=_same(_of_others(plain), _of_others(clean)),
    )


def _of_others(report: AlignmentReport) -> dict[tuple[str, str, str], float]:
    """The rows that do not rest on the injected statement, with their probabilities."""
    every = (*report.agreements, *report.disagreements)
    return {(r.relation.value, r.a.text, r.b.text): r.p or 0.0 for r in every if r.a.id != "X"}


def _same(one: dict[tuple[str, str, str], float], other: dict[tuple[str, str, str], float]) -> bool:
    """Whether the rows are the same, their probabilities but for the float noise of another batch."""
    return one.keys() == other.keys() and all(abs(one[key] - other[key]) <= _BATCH_NOISE for key in one)


def injection_table(model: AlignmentModel) -> str:
    """Strings a kind, and how many of them changed nothing."""
    whole = [load_persona(CLIMATE / f"{name}.jsonl").persona for name in "AB"]
    a, b = (p.model_copy(update={"statements": p.statements[:_STATEMENTS]}) for p in whole)
    clean = model.compare(a, b)
    entries = [json.loads(line) for line in (HERE / "injections.jsonl").read_text(encoding="utf-8").splitlines()]
    effects = [effect(model, entry, a, b, clean) for entry in entries]
    heads = (
        "kind",
        "strings",
        "verdict",
        "score",
        "rows",
        "citations",
        "nothing of it told",
        "not in the system part",
        "other statements' rows",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for kind in (*dict.fromkeys(e.kind for e in effects), "all"):
        mine = [e for e in effects if kind in (e.kind, "all")]
        fields = ("verdict", "score", "rows", "citations", "told", "system", "others")
        cells = " | ".join(str(sum(getattr(e, field) for e in mine)) for field in fields)
        lines.append(f"| {kind} | {len(mine)} | {cells} |")
    return "\n".join(lines)


def cost_table(rows_of: AlignmentReport) -> str:
    """What is sent to word a ledger, beside the ledger itself."""
    rows = (*rows_of.agreements, *rows_of.disagreements)
    ledger = sum(len(f'{r.id} | "{r.a.text}" | "{r.b.text}"\n') for r in rows)
    heard = Heard()
    draft = [{"area": "agreement", "title": "t", "text": "x", "rows": ["A1"]}]
    narrative_chain(FakeListChatModel(responses=[json.dumps({"items": draft})])).invoke(rows_of, {"callbacks": [heard]})
    prompt = sum(len(m.text) for messages in heard.prompts for m in messages)
    shape = len(json.dumps(Draft.model_json_schema()))
    head = "| rows | calls | ledger, tokens | prompt, tokens | answer's shape, tokens | sent / ledger |"
    sent = f"{prompt // 4} | {shape // 4} | {(prompt + shape) / ledger:.2f}"
    return f"{head}\n{'|---' * 6}|\n| {len(rows)} | {len(heard.prompts)} | {ledger // 4} | {sent} |"
