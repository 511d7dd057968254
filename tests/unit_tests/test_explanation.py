from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.attribution.statement_map import (
    statement_margins,
    statement_nearness,
    statement_probabilities,
    statement_shares,
)
from jepa_langchain.commands.explain_view import explanation_view
from jepa_langchain.errors import InputError
from jepa_langchain.ledger import ledger_of, score_personas
from tests.unit_tests.conftest import make_model
from tests.unit_tests.test_pair_predictor import make
from tests.words import persona, small_model

ANN = persona("ann", "we should tax sugar", "trains run late", "<b>dogs</b> bark")
BOB = persona("bob", "we should not tax sugar", "trains run late", "tax sugar now")


def joint_model() -> AlignmentModel:
    model = make_model()
    calibrators = {**model.stages.calibrators, "pair": model.stages.calibrators["linear"]}
    wide = replace(calibrators["pair"], weights=np.zeros((3, 5)), threshold=0.0)
    stages = replace(model.stages, pair=make(), calibrators={**calibrators, "pair": wide})
    return AlignmentModel(replace(model.files, stages=stages))


@pytest.mark.parametrize("model", [make_model(), joint_model(), joint_model().remembering()])
def test_shares_of_each_stage_sum_to_its_margin(model: AlignmentModel) -> None:
    told = model.explain("we should tax sugar, now!", "we should not tax it")
    assert [s.stage for s in told.stages] == (["linear"] if model.stages.pair is None else ["linear", "pair"])
    for stage in told.stages:
        total = sum(w.weight for w in (*stage.a, *stage.b)) + stage.no_word
        assert total == pytest.approx(stage.margin, abs=2e-5)
    assert told.stages[-1].margin == pytest.approx(told.margin, abs=1e-5)
    assert told.completeness_error == max(s.completeness_error for s in told.stages)
    assert told.matrix is not None
    assert sum(sum(row) for row in told.matrix.weights) == pytest.approx(told.stages[0].margin, abs=1e-4)
    assert [w.word for w in told.words.a] == ["we", "should", "tax", "sugar", "now"]
    assert told.statements == ()


def test_an_explanation_of_statements_says_what_they_do_to_the_score() -> None:
    model = make_model()
    told = model.explain(ANN, BOB, pair=("ann1", "bob1"))
    assert (told.a.id, told.b.text) == ("ann1", "we should not tax sugar")
    assert told.score == pytest.approx(model.compare(ANN, BOB).score, abs=1e-3)
    assert [(s.side, s.id) for s in told.statements] == [("a", "ann1"), ("b", "bob1")]
    console = Console(width=120, record=True, file=None, quiet=True)
    console.print(explanation_view(told))


def test_contributions_sum_to_the_score_and_counterfactuals_are_comparisons() -> None:
    model = make_model()
    scored = score_personas(model.stages, ANN, BOB)
    ledger = ledger_of(scored)
    shares = statement_shares(scored, ledger)
    for side in "ab":
        assert sum(s.contribution for s in shares if s.side == side) == pytest.approx(ledger.score() - 0.5, abs=1e-5)
    for share in shares:
        left = [
            p.model_copy(update={"statements": tuple(s for s in p.statements if s.id != share.id)}) for p in (ANN, BOB)
        ]
        assert share.score_without == pytest.approx(model.compare(*left).score, abs=1e-3)
    assert statement_margins(scored.table).shape == (3, 3)
    probabilities = statement_probabilities(scored.table)
    assert probabilities is not None
    assert np.allclose(probabilities.sum(-1), 1)


def test_an_only_statement_has_no_score_without_it() -> None:
    model = make_model()
    one = persona("one", "we should tax sugar")
    scored = score_personas(model.stages, one, BOB)
    shares = statement_shares(scored, ledger_of(scored))
    assert shares[0].score_without is None
    assert all(share.score_without is not None for share in shares[1:])


def test_what_cannot_be_explained_is_an_error() -> None:
    model = make_model()
    with pytest.raises(InputError, match="two texts, or two personas"):
        model.explain(ANN, "text")
    with pytest.raises(InputError, match="need the pair"):
        model.explain(ANN, BOB)
    with pytest.raises(InputError, match="'bob': no statement has the id 'bob9'"):
        model.explain(ANN, BOB, pair=("ann1", "bob9"))
    with pytest.raises(InputError, match="text a: empty"):
        model.explain(" ", "text")


def test_two_concessions_are_as_near_as_what_may_be_held_against_each_other() -> None:
    a = persona("ann", "While rents rise fast, caps fail towns badly.")
    b = persona("bob", "While caps fail towns badly, trains run late here.")
    table = score_personas(small_model().stages, a, b).table
    # What ann contests is what bob concedes, word for word: no finding may rest on that.
    assert table.scores.near.max() == pytest.approx(1.0)
    near = statement_nearness(table)[0, 0]
    assert near == pytest.approx(table.scores.near[table.held].max())
    assert near < 0.9
