from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jepa_langchain import plots
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.errors import InputError, ModelError
from jepa_langchain.plots.canvas import ink_on, short, signed
from jepa_langchain.plots.highlights import _laid
from jepa_langchain.report.evidence import Evidence, gather_evidence
from jepa_langchain.schema import WordWeight
from tests.unit_tests.conftest import make_model
from tests.words import persona

HOSTILE = "we should tax $x_{$ sugar <b> \\frac{"
METRICS = {
    "files": {
        name: {"reliability": [{"bin": b, "n": 50, "stated": b / 10 + 0.05, "observed": b / 10} for b in range(10)]}
        for name in ("one", "two")
    }
}


def measured() -> AlignmentModel:
    return AlignmentModel(replace(make_model().files, metrics=METRICS))


def evidence(*texts: str, model: AlignmentModel | None = None) -> Evidence:
    model = model or measured()
    a, b = persona("$a$", "we should tax sugar", *texts), persona("b", "we should not tax sugar", *texts)
    return gather_evidence(model, a, b, model.compare(a, b))


def texts_of(figure: Figure) -> list[str]:
    figure.canvas.draw()
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_every_public_name_resolves() -> None:
    assert sorted(plots.__all__) == list(plots.__all__) == dir(plots)
    for name in plots.__all__:
        assert getattr(plots, name).__name__ == name


def test_the_heat_map_shows_every_weighed_value_and_frames_what_the_ledger_holds() -> None:
    found = evidence(HOSTILE)
    figure = plots.heat_map(found)
    shown = texts_of(figure)
    for value in found.weighed.ravel():
        assert signed(value) in shown
    assert len(figure.axes[0].patches) == len(found.counterparts)
    assert abs(found.weighed).max() <= abs(found.balance).max()


def test_the_bars_are_the_rows_with_the_interval_of_their_probability() -> None:
    found = evidence(HOSTILE)
    figure = plots.prediction_bars(found)
    rows = [*found.report.disagreements, *reversed(found.report.agreements)]
    bars = figure.axes[0].patches
    assert [round(bar.get_width(), 6) for bar in bars if isinstance(bar, Rectangle)] == [
        row.p if row.relation == "agree" else -(row.p or 0) for row in rows
    ]
    assert len(figure.axes[0].lines) == 1 + 2 * len(rows), "a line on a white one for each bar, and the axis"
    bare = plots.prediction_bars(evidence(HOSTILE, model=make_model()))
    assert len(bare.axes[0].lines) == 1, "no interval is drawn that nobody measured"


def test_the_map_has_both_personas_and_what_is_expected_of_the_first() -> None:
    found = evidence(HOSTILE, "trains run late")
    figure = plots.embedding_map(found)
    assert [np.shape(c.get_offsets())[0] for c in figure.axes[0].collections] == [3, 3, 3, 3]
    figure.canvas.draw()


def test_the_words_of_a_row_and_of_an_explanation() -> None:
    model = measured()
    for told in (model.explain("we should tax $sugar$", "we should not tax $sugar$"), evidence().rows[0]):
        shown = texts_of(plots.word_highlights(told))
        assert {"not", "tax"} <= set(shown)


def test_lines_hold_the_text_and_its_words() -> None:
    text = "“We should-n't tax”, sugar " * 12
    start = text.index("sugar")
    laid = list(_laid(text, [WordWeight(word="sugar", span=(start, start + 5), weight=2.0)]))
    assert "".join(piece for piece, *_ in laid) == "".join(text.split())
    assert [piece for piece, _, _, weight in laid if weight] == ["sugar"]
    assert max(line for _, _, line, _ in laid) > 1
    assert all(x <= 520 for _, x, _, _ in laid)


def test_training_curves_show_the_log(tmp_path: Path) -> None:
    log = tmp_path / "train_log.jsonl"
    rows = ['{"stage": "linear"}', '{"stage": "start", "held_out_auroc": 0.7}']
    rows += [f'{{"stage": "pair", "block": {i}, "loss": {1 / i}}}' for i in range(1, 13)]
    log.write_text("\n".join([*rows, '{"stage": "pair", "block": 13, "loss": 0.1, "held_out_auroc": 0.8}']))
    above, below = plots.training_curves(tmp_path).axes
    assert above.lines[0].get_xdata() == pytest.approx(range(1, 14))
    assert below.lines[0].get_xydata() == pytest.approx(np.array([[0, 0.7], [13, 0.8]]))


@pytest.mark.parametrize(("text", "message"), [(None, "no training log"), ("{}", "no pair stage"), ("{}\n{", "line 2")])
def test_a_log_that_cannot_be_drawn_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "train_log.jsonl").write_text(text)
    with pytest.raises(ModelError, match=message):
        plots.training_curves(tmp_path)


def test_the_calibration_curve_is_what_was_measured() -> None:
    above = plots.calibration_curve(measured()).axes[0]
    assert np.asarray(above.lines[1].get_ydata()).tolist() == pytest.approx([n / 10 for n in range(10)])
    with pytest.raises(ModelError, match="no measured calibration"):
        plots.calibration_curve(make_model())


def test_pictures_are_written_and_the_same_again(tmp_path: Path) -> None:
    found = evidence()
    first = plots.write_comparison_plots(found, tmp_path / "one")
    again = plots.write_comparison_plots(found, tmp_path / "two")
    assert [p.name for p in first][:3] == ["heat_map.png", "predictions.png", "map.png"]
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == sorted(p.name for p in first)
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


@pytest.mark.parametrize("texts", [("tax sugar", "trains run"), ("?!", "🙂"), ("同じ", "नमस्ते")])
def test_any_two_statements_can_be_drawn(texts: tuple[str, str], tmp_path: Path) -> None:
    a, b = persona("a", texts[0]), persona("b", texts[1])
    for model in (measured(), make_model()):
        assert plots.write_comparison_plots(gather_evidence(model, a, b, model.compare(a, b)), tmp_path)


def test_text_stays_readable() -> None:
    assert (ink_on((1, 1, 1)), ink_on((0.1, 0.2, 0.5))) == ("#1c1b19", "#ffffff")
    assert (signed(-0.254), signed(0.001), signed(1.0)) == ("\u2212.25", "0", "+1.00")
    assert len(short("x" * 40)) == 18


def test_without_matplotlib_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r"pip install 'jepa-langchain\[plot\]'"):
        plots.calibration_curve(measured())
    drawn = evidence()
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'jepa-langchain\[plot\]'"):
        plots.heat_map(drawn)


def test_matplotlib_loads_at_the_first_picture() -> None:
    code = "import sys; from jepa_langchain.plots import heat_map; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
