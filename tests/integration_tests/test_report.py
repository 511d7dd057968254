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
from jepa_langchain.personas import load_persona
from jepa_langchain.report.evidence import Evidence, gather_evidence
from jepa_langchain.report.page import write_report
from jepa_langchain.schema import Persona, Statement

CLIMATE = Path(__file__).parents[2] / "examples" / "climate"
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_reads_well_everywhere(browser: Browser, page: Path, width: int, scheme: str) -> None:
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
    assert tab.inner_text(".word") in ("Aligned", "Mixed", "Misaligned")
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
    found = Axe().run(tab).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
    checked.close()


def test_it_prints(browser: Browser, page: Path) -> None:
    tab = browser.new_page()
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


def test_the_diagonal_of_the_climate_scenario_is_the_disagreement(evidence: Evidence) -> None:
    ids = [(f"A{i}", f"B{j}") for i in range(1, 9) for j in range(1, 9)]
    held = np.array([pair in evidence.counterparts for pair in ids]).reshape(8, 8)
    coloured = evidence.balance[:8, :8] * held
    shifts = [np.mean([coloured[i, (i + shift) % 8] for i in range(8)]) for shift in range(8)]
    assert shifts[0] < min(shifts[1:])


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
