from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from jepa_langchain import concessions, ledger
from jepa_langchain.calibration import Calibrator
from jepa_langchain.concessions import CONCESSION, concession_features, fit_concessions
from jepa_langchain.ledger import build_ledger
from jepa_langchain.pair_predictor import LABELS
from jepa_langchain.pairs import LabelledPair, PairSource
from jepa_langchain.schema import Persona, Relation, Statement, Unit
from jepa_langchain.stages import Scores, Stages
from jepa_langchain.table import Table

CLAIM = "Rents are high and need caps."
YES_BUT = "Rents are high, but caps backfire on tenants."
SIDES = "Caps slow down building, but rents are too high."


def scored(texts: Sequence[str], pairs: npt.NDArray[np.int64]) -> Scores:
    """A model that only sees whether what meets the claim speaks of high rents (agree) or of building (disagree)."""
    told = {(True, False): (0.8, 0.1, 0.1), (False, True): (0.1, 0.8, 0.1)}
    met = [next(text for text in (texts[i], texts[j]) if not text.startswith(CLAIM[:-1])) for i, j in pairs]
    rows = [told.get(("high" in text, "building" in text), (0.3, 0.3, 0.4)) for text in met]
    shares = np.array(rows)
    return Scores(1 - shares[:, :2], shares, np.ones(len(rows)), np.zeros(len(rows), dtype=bool), np.ones(len(rows)))


@pytest.fixture
def fitted(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> Calibrator:
    monkeypatch.setattr(concessions, "score_pairs", lambda _, texts, pairs, **__: scored(texts, pairs))
    pairs = []
    for i in range(40):
        claim = f"{CLAIM[:-1]} in town{i}."
        pairs += [
            LabelledPair(claim, f"Rents are high in town{i}, but caps backfire on tenants.", Relation.DISAGREE),
            LabelledPair(f"Caps slow down building in town{i}, but rents are too high.", claim, Relation.AGREE),
            LabelledPair(claim, f"Trains are late in town{i}, but towns like trains.", Relation.UNRELATED),
            LabelledPair(claim, "A plain sentence about nothing.", Relation.AGREE),
        ]
    calibrator = fit_concessions(stages, [PairSource("s", tuple(pairs))], risk=0.2)
    assert calibrator is not None
    return calibrator


def test_it_learns_what_follows_a_conceded_premise(fitted: Calibrator) -> None:
    agree, oppose, neither = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.8, 0.1]), np.array([0.3, 0.3, 0.4])
    # The premise agrees and a contrast follows: a contest, although no text of it looks like one.
    assert fitted.decide(fitted.probabilities(concession_features(agree, agree, neither))) is Relation.DISAGREE
    assert fitted.decide(fitted.probabilities(concession_features(neither, oppose, agree))) is Relation.AGREE
    assert fitted.decide(fitted.probabilities(concession_features(neither, neither, neither))) is Relation.UNRELATED


def test_it_is_fitted_on_what_the_first_text_makes_of_the_second(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[str, str]] = set()

    def listen(_: Stages, texts: Sequence[str], pairs: npt.NDArray[np.int64]) -> Scores:
        asked.update((texts[i], texts[j]) for i, j in pairs)
        return scored(texts, pairs)

    monkeypatch.setattr(concessions, "score_pairs", listen)
    pairs = [LabelledPair(SIDES, f"{CLAIM} {i}", label) for i in range(20) for label in LABELS]
    assert fit_concessions(stages, [PairSource("s", tuple(pairs))], risk=0.2) is not None
    assert {first for first, _ in asked} == {SIDES, "Caps slow down building", "rents are too high"}


def test_too_few_concessions_fit_nothing(stages: Stages) -> None:
    pairs = (LabelledPair(CLAIM, YES_BUT, Relation.DISAGREE),)
    assert fit_concessions(stages, [PairSource("s", pairs)], risk=0.2) is None


@pytest.mark.parametrize("swapped", [False, True])
def test_the_ledger_cites_the_contest_and_keeps_the_premise(
    stages: Stages, fitted: Calibrator, monkeypatch: pytest.MonkeyPatch, swapped: bool
) -> None:
    def score(_: Stages, units_a: list[Unit], units_b: list[Unit], *__: object, **___: object) -> Table:
        texts = [unit.text for unit in (*units_a, *units_b)]
        pairs = np.array([(i, len(units_a) + j) for i in range(len(units_a)) for j in range(len(units_b))])
        return Table.whole(model, units_a, units_b, scored(texts, pairs))

    monkeypatch.setattr(ledger, "score_table", score)
    model = replace(stages, calibrators={**stages.calibrators, CONCESSION: fitted})
    a = Persona(id="A", statements=(Statement(id="A1", text=CLAIM),))
    for text, contested in ((YES_BUT, True), (SIDES, False)):
        b = Persona(id="B", statements=(Statement(id="B1", text=text),))
        found = build_ledger(model, b, a) if swapped else build_ledger(model, a, b)
        told = [(f.b if not swapped else f.a).text for f in found.disagreements]
        agreed = [(f.b if not swapped else f.a).text for f in found.agreements]
        assert told == (["caps backfire on tenants"] if contested else [])
        assert agreed == (["Rents are high"] if contested else [text])
        assert len(found.mixed) == int(contested)
