"""The report in a real browser: phone and desktop, light and dark, on paper, without a request, for assistive tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.attribution.statement_map import statement_margins, statement_nearness
from jepa_langchain.groups import compare_group
from jepa_langchain.ledger import score_personas
from jepa_langchain.personas import load_persona
from jepa_langchain.report.evidence import Evidence, gather_evidence
from jepa_langchain.report.group_page import write_group_report
from jepa_langchain.report.page import write_report
from jepa_langchain.schema import Persona, Statement

CLIMATE = Path(__file__).parents[2] / "examples" / "climate"
TOWN = CLIMATE.parent / "town"
ATTACK = "<script>alert(1)</script>"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def evidence(model: AlignmentModel) -> Evidence:
    a, b = (load_persona(CLIMATE / f"{name}.jsonl").persona for name in "AB")
    a = Persona(id="Agent A", statements=(*a.statements, Statement(id="A9", text=ATTACK)))
    return gather_evidence(model, a, b, model.compare(a, b))


@pytest.fixture(scope="module")
def page(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(evidence, path)
    return path


@pytest.fixture(scope="module")
def group_page(model: AlignmentModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    town = [load_persona(path).persona for path in sorted(TOWN.glob("*.jsonl"))]
    hostile = Persona(id=ATTACK, statements=(*town[0].statements[:2], Statement(id="X", text=ATTACK)))
    path = tmp_path_factory.mktemp("group") / "group.html"
    write_group_report(compare_group(model, [*town, hostile]), path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_reads_well_everywhere(browser: Browser, page: Path, width: int, scheme: str) -> None:
    assert reads_well(browser, page, width, scheme) in ("Aligned", "Mixed", "Misaligned")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_of_a_group_reads_well_everywhere(browser: Browser, group_page: Path, width: int, scheme: str) -> None:
    assert reads_well(browser, group_page, width, scheme).isdigit()


def reads_well(browser: Browser, page: Path, width: int, scheme: str) -> str:
    """Open a page, hold it to what every page promises, and return its largest word."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    tab = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    tab.goto(page.as_uri())
    largest = tab.inner_text(".word")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.get_by_text(ATTACK, exact=True).count() >= 1
    assert tab.locator("script").count() == 0
    assert tab.evaluate("getComputedStyle(document.querySelector('.word')).fontSize") != "16px", "the style was refused"
    assert asked == [page.as_uri()]
    assert complaints == []
    # axe runs as a script of the test's own, which the page's policy forbids to others.
    context.close()
    checked = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,
    )
    tab = checked.new_page()
    tab.goto(page.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    found = Axe().run(tab).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
    checked.close()
    return largest


def test_both_pages_print(browser: Browser, page: Path, group_page: Path) -> None:
    tab = browser.new_page()
    tab.goto(group_page.as_uri())
    assert tab.pdf(format="A4").startswith(b"%PDF")
    tab.goto(page.as_uri())
    assert tab.pdf(format="A4").startswith(b"%PDF")
    tab.close()


def test_the_keyboard_reaches_what_scrolls(browser: Browser, page: Path) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 800})
    tab.goto(page.as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert (
        tab.locator(".scroll").count()
        == tab.locator(".scroll[tabindex='0'][aria-label], .scroll[aria-labelledby]").count()
    )
    tab.close()


def test_the_diagonal_of_the_climate_scenario_is_the_disagreement(model: AlignmentModel, evidence: Evidence) -> None:
    """Every cell counts, weighed by nearness as the heat map shows it: the balance, and the margin as well."""
    a, b = (load_persona(CLIMATE / f"{name}.jsonl").persona for name in "AB")
    table = score_personas(model.stages, a, b).table
    for values in (evidence.weighed[:8, :8], statement_margins(table) * statement_nearness(table)):
        shifts = [np.mean([values[i, (i + shift) % 8] for i in range(8)]) for shift in range(8)]
        assert shifts[0] < min(shifts[1:])
    assert {(f"A{i}", f"B{i}") for i in range(1, 9)} <= evidence.counterparts


def test_the_contesting_words_are_highlighted(model: AlignmentModel) -> None:
    contesting = {
        "B2": {"not", "rapid", "catastrophic", "some", "claim"},
        "B4": {"burdensome", "economically", "but", "often"},
    }
    a, b = (load_persona(CLIMATE / f"{name}.jsonl").persona for name in "AB")
    for pair in (("A2", "B2"), ("A4", "B4")):
        told = model.explain(a, b, pair=pair)
        against = sorted(told.words.b, key=lambda w: w.weight)[:5]
        assert contesting[pair[1]] & {w.word for w in against}, against
