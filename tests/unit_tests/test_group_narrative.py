"""The summary of several agents: an overview by code, and the pairs that matter, verified like two agents' rows."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

from langchain_core.language_models import FakeListChatModel
from rich.console import Console

from jepa_langchain.chains import NarrativeStyle, group_narrative_chain
from jepa_langchain.chains.group import told_pairs
from jepa_langchain.commands.group_view import group_view
from jepa_langchain.groups import group_report
from jepa_langchain.report.group_page import render_group_report
from jepa_langchain.schema import AlignmentReport
from tests.ledgers import report, row

RENTS = row("D1", "Rents need caps.", "Caps on rents backfire.")
TREES = row("A1", "Parks need trees.", "Parks need more trees.", ids=("a2", "b2"))


def scored(names: tuple[str, str], score: float, *rows_: object) -> AlignmentReport:
    chosen = [r for r in (RENTS, TREES) if r in rows_]
    return report(*chosen, names=names).model_copy(update={"score": score})


GROUP = group_report(
    [
        scored(("Ann", "Bob"), 0.9, TREES),
        scored(("Bob", "Cid"), 0.8, TREES),
        scored(("Ann", "Cid"), 0.1, RENTS, TREES),
        scored(("Ann", "Dee"), 0.5),
        scored(("Bob", "Dee"), 0.5),
        scored(("Cid", "Dee"), 0.5),
    ]
)
TRUE = {
    "area": "disagreement",
    "title": "Caps on rents",
    "text": "Ann says rents need caps; Cid says caps on rents backfire.",
    "rows": ["D1"],
}
LIE = {**TRUE, "text": "Ann and Cid agree that rents need caps."}


def answers(*items: Mapping[str, object]) -> FakeListChatModel:
    return FakeListChatModel(responses=[json.dumps({"items": items})])


def test_the_pairs_that_matter_come_first_and_have_rows() -> None:
    assert [(p.a, p.b) for p in told_pairs(GROUP, 6)] == [("Ann", "Cid"), ("Ann", "Bob"), ("Bob", "Cid")]
    assert len(told_pairs(GROUP, 1)) == 1


def test_without_a_model_the_template_tells_all() -> None:
    told = group_narrative_chain().invoke(GROUP)
    assert told.source == "template"
    assert told.left_out == 3
    assert any("Ann and Cid stand in the way" in line for line in told.overview)
    assert "“Rents need caps.” [a1]" in told.text
    assert "3 further pairs" in told.text
    german = group_narrative_chain(style=NarrativeStyle(language="de")).invoke(GROUP)
    assert "Ann und Cid stehen einem Bündnis im Weg" in german.text


def test_a_model_words_pairs_and_lies_are_thrown_out() -> None:
    told = group_narrative_chain(answers(LIE, TRUE), most_pairs=1).invoke(GROUP)
    assert (told.source, told.rejected, told.left_out, told.usage.calls) == ("llm", 1, 5, 1)
    assert [s.text for s in told.pairs[0].narrative.sentences if s.source == "llm"] == [TRUE["text"]]
    assert told.overview == group_narrative_chain().invoke(GROUP).overview


async def test_it_grows_by_a_pair() -> None:
    chain = group_narrative_chain(answers(TRUE))
    sync = list(chain.stream(GROUP))
    parts = [part async for part in chain.astream(GROUP)]
    assert [len(part.pairs) for part in sync] == [len(part.pairs) for part in parts] == [0, 1, 2, 3]
    assert sync[-1] == parts[-1] == await chain.ainvoke(GROUP)


def test_the_page_and_the_terminal_show_it_and_mark_what_a_model_worded() -> None:
    told = GROUP.model_copy(update={"narrative": group_narrative_chain(answers(TRUE), most_pairs=1).invoke(GROUP)})
    page = render_group_report(told)
    assert "AI-worded" in page
    assert str(TRUE["text"]) in page
    assert "In words" not in render_group_report(GROUP)
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(group_view(told))
    assert "worded by a language model, verified; 0 rejected" in console.export_text()
