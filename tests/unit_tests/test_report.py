from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.attribution.words import words_of
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.groups import compare_group
from jepa_langchain.report.charts import MOST_BARS
from jepa_langchain.report.evidence import MOST_SHOWN, gather_evidence
from jepa_langchain.report.group_page import render_group_report, write_group_report
from jepa_langchain.report.page import level, pieces, render_report, write_report
from jepa_langchain.schema import Persona, Statement, WordWeight
from tests.unit_tests.conftest import make_model
from tests.words import WordEncoder, persona

ATTACK = "<script>alert(1)</script> & \"'</bdi><img src=x onerror=alert(1)>"


def page(a: Persona, b: Persona) -> str:
    model = make_model()
    return render_report(gather_evidence(model, a, b, model.compare(a, b)))


def test_untrusted_strings_are_escaped_everywhere() -> None:
    a = persona("<b>ann", "we should tax sugar", ATTACK, f"we should tax {ATTACK}")
    b = persona('bob"><script>', "we should not tax sugar", f"not tax {ATTACK}", ATTACK)
    html = page(a, b)
    assert not re.search(r"<(script|img|b>)", html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.search(r"<[^>]+\son\w+\s*=", re.sub(r"\"[^\"]*\"", "", html))
    assert html.count("<bdi>") == html.count("</bdi>")
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"(src|href)=\"(?!#)", html)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    model = make_model()
    a, b = persona("ann", "we should tax sugar", "trains run late"), persona("bob", "we should not tax sugar")
    for name in ("one.html", "two.html"):
        write_report(gather_evidence(model, a, b, model.compare(a, b)), tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.html", "two.html"]


def test_a_page_of_a_remembering_model_encodes_no_text_again() -> None:
    plain = make_model()
    model = plain.remembering()
    assert model.remembering() is model
    assert model.remembering(halves=True) is not model
    a, b = persona("ann", "we should tax sugar", "trains run late"), persona("bob", "we should not tax sugar")
    gather_evidence(model, a, b, model.compare(a, b))
    inner, outer = plain.stages.encoder, model.stages.encoder
    assert isinstance(inner, WordEncoder)
    assert isinstance(outer, CachingEncoder)
    assert {"we should tax sugar", "trains run late", "we should not tax sugar"} <= set(inner.calls)
    assert outer.encoded == len(set(inner.calls))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("tax sugar now",), ("trains run late",)),
        (("tax sugar now",), ("tax sugar now",)),
        (("?!",), ("🙂",)),
        (tuple(f"item{i} helps" for i in range(300)), ("item1 helps", "item2 not helps")),
        (tuple(f"item{i} helps" for i in range(300)), tuple(f"item{i} not helps" for i in range(300))),
    ],
    ids=["nothing in common", "identical", "no words", "300 statements", "300 by 300"],
)
def test_personas_of_every_size_render(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    html = page(persona("a", *a), persona("b", *b))
    assert 'http-equiv="Content-Security-Policy"' in html
    assert html.count('<th scope="row"') == min(len(a), MOST_SHOWN)
    assert len(html.encode()) < 1_000_000


def test_fifty_by_fifty_statements_with_every_chart_stay_small() -> None:
    """The longest ids and texts of a usual length, a row for every statement, probabilities with intervals."""
    rows = [{"bin": b, "n": 99, "stated": b / 10, "observed": b / 10} for b in range(10)]
    files = make_model().files
    model = AlignmentModel(replace(files, metrics={"files": {str(i): {"reliability": rows} for i in range(11)}}))
    said = [f"we should {'not ' * (i % 2)}tax item{i} because " + f"reason{i} " * 20 for i in range(50)]
    a = Persona(id="a", statements=tuple(Statement(id=f"A{i}" + "a" * 40, text=t) for i, t in enumerate(said)))
    b = Persona(id="b", statements=tuple(Statement(id=f"B{i}" + "b" * 40, text=t[3:]) for i, t in enumerate(said)))
    report = model.compare(a, b)
    assert len(report.agreements) + len(report.disagreements) >= 50
    html = render_report(gather_evidence(model, a, b, report))
    assert html.count('class="whisker"') >= MOST_BARS
    assert html.count("<svg") == 4
    assert len(html.encode()) < 1_000_000


@given(st.text(max_size=60), st.randoms())
def test_pieces_join_to_the_text(text: str, random: object) -> None:
    weights = [WordWeight(word=w, span=(s, e), weight=(-1.0) ** s * (s + 1)) for w, s, e in words_of(text)[:-1]]
    cut = pieces(text, weights, 60.0)
    assert "".join(piece for piece, _ in cut) == text


def test_levels_are_signed_and_bounded() -> None:
    assert [level(v, 1.0) for v in (-1.0, -0.5, -0.1, 0.0, 0.1, 0.25, 1.0)] == ["d4", "d2", "n", "n", "n", "a1", "a4"]


def test_the_page_of_a_group_escapes_and_shows_every_pair(tmp_path: Path) -> None:
    agents = [
        persona("ann", "we should tax sugar", "trains run late"),
        persona("<script>bob", "we should not tax sugar", ATTACK),
        persona("cy", "we should tax sugar", "trains not run late"),
    ]
    report = compare_group(make_model(), agents)
    write_group_report(report, tmp_path / "group.html")
    html = (tmp_path / "group.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|img)", html)
    assert html.count("<details>") == 3
    assert html.count('<th scope="row"') == 3
    assert html == render_group_report(report)


def test_a_large_group_keeps_to_the_matrix() -> None:
    report = compare_group(make_model(), [persona(f"p{i:02}", "we should tax sugar") for i in range(14)])
    html = render_group_report(report)
    assert "<details>" not in html
    assert html.count('<th scope="row"') == 14
