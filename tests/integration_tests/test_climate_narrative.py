"""The climate scenario's own summary, held to the ledger: what was invented is thrown out, what is there passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains import narrative_chain
from jepa_langchain.personas import load_persona
from jepa_langchain.schema import AlignmentReport

CLIMATE = Path(__file__).parents[2] / "examples" / "climate"

INVENTED = {
    "Affordability of renewable energy": "Both agents agree that renewable energy must become more affordable.",
    "Impact on low-income communities": "Both recognise that climate policies weigh on low-income communities.",
    "Economic disparities": "Both acknowledge economic disparities in access to resilient infrastructure.",
    "Carbon pricing": "Both agents support carbon pricing as a way to reduce emissions.",
    "Energy-efficient housing": "Both agents favour energy-efficient housing for vulnerable populations.",
    "Renewable subsidies": "Both agree that subsidies for renewable energy are needed.",
    "Green bonds": "Both agents see green bonds as a source of funding for adaptation.",
    "Public-private partnerships": "Both endorse public-private partnerships to build resilient infrastructure.",
}
CONTESTED = {
    1: "Agent A says climate change is significantly altering weather patterns, causing widespread disruptions, "
    "while Agent B says the extent and causes are often exaggerated.",
    2: "Agent A says rising temperatures are rapidly melting polar ice caps and glaciers, whereas Agent B says this "
    "process is not as rapid or catastrophic as some claim.",
    3: "Agent A says extreme weather events are becoming more frequent and severe due to climate change; Agent B says "
    "attributing them solely to climate change oversimplifies complex natural processes.",
    4: "Agent A calls robust policies to reduce greenhouse gas emissions essential, while Agent B says these measures "
    "are often economically burdensome.",
    5: "Agent A says scientists overwhelmingly agree that human activities are the major contributors, while Agent B "
    "says the extent of this impact is still debated.",
    6: "Agent A says mitigation requires international cooperation and binding agreements, whereas Agent B says it "
    "should not compromise national sovereignty and economic growth.",
    7: "Agent A sees sea level rise as a severe threat to coastal communities, while Agent B says adaptive strategies "
    "and technological innovations can mitigate these risks effectively.",
    8: "Agent A says adaptation must include building resilient infrastructure to protect vulnerable populations, "
    "while Agent B says funding and priorities should be carefully managed.",
}


@pytest.fixture(scope="module")
def report(model: AlignmentModel) -> AlignmentReport:
    return model.compare(*(load_persona(CLIMATE / f"{name}.jsonl").persona for name in "AB"))


def scripted(items: list[dict[str, Any]]) -> FakeListChatModel:
    return FakeListChatModel(responses=[json.dumps({"items": items})])


def test_all_eight_invented_agreements_are_thrown_out(model: AlignmentModel, report: AlignmentReport) -> None:
    for row in report.agreements:
        items = [
            {"area": "agreement", "title": title, "text": text, "rows": [row.id]} for title, text in INVENTED.items()
        ]
        told = narrative_chain(scripted(items), model=model).invoke(report)
        assert (told.rejected, told.source) == (8, "template"), told.rejections
        assert not any(word in told.text.lower() for word in ("carbon pricing", "green bonds", "housing", "subsid"))


def test_the_disagreements_of_the_ledger_pass_once_their_rows_are_cited(
    model: AlignmentModel, report: AlignmentReport
) -> None:
    found = {(row.a.id, row.b.id): row.id for row in report.disagreements}
    cited = [n for n in CONTESTED if (f"A{n}", f"B{n}") in found]
    assert len(cited) == 8
    items = [
        {"area": "disagreement", "title": "", "text": CONTESTED[n], "rows": [found[f"A{n}", f"B{n}"]]} for n in cited
    ]
    told = narrative_chain(scripted(items), model=model).invoke(report)
    assert told.rejections == ()
    assert told.source == "llm"
    assert {s.text for s in told.sentences if s.source == "llm"} == {CONTESTED[n] for n in cited}


def test_without_a_citation_nothing_passes(model: AlignmentModel, report: AlignmentReport) -> None:
    items = [{"area": "disagreement", "title": "", "text": text, "rows": []} for text in CONTESTED.values()]
    assert narrative_chain(scripted(items), model=model).invoke(report).rejected == 8
