from __future__ import annotations

import asyncio
from dataclasses import replace

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.chains import ComparisonInput, comparison_chain, narrative_chain
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.stages import Stages


def pair() -> ComparisonInput:
    a = Persona(id="A", statements=(Statement(id="A1", text="tax sugar now"),))
    b = Persona(id="B", statements=(Statement(id="B1", text="do not tax sugar now"),))
    return {"a": a, "b": b}


def test_chains_compose_and_equal_the_model(stages: Stages) -> None:
    model = AlignmentModel(ModelFiles(stages, Baselines(), "toy"))
    chain = comparison_chain(model)
    report = model.compare(**{f"persona_{k}": v for k, v in pair().items()})  # type: ignore[arg-type]
    assert chain.invoke(pair()) == report
    assert asyncio.run(chain.ainvoke(pair())) == report
    assert chain.batch([pair(), pair()]) == [report, report]
    assert (chain | narrative_chain()).invoke(pair()) == report.narrative
    assert chain.get_name() == "comparison_chain"
    assert narrative_chain().get_name() == "narrative_chain"


def test_pairs_that_are_left_open_are_listed_most_related_first(stages: Stages) -> None:
    calibrator = replace(stages.calibrators["linear"], threshold=0.9999999)
    shy = AlignmentModel(ModelFiles(replace(stages, calibrators={"linear": calibrator}), Baselines(), "shy"))
    report = shy.compare(pair()["a"], pair()["b"])
    assert (report.agreements, report.disagreements) == ((), ())
    assert [(p.id, p.a.id, p.b.id) for p in report.abstained] == [("U1", "A1", "B1")]
    sure = AlignmentModel(ModelFiles(stages, Baselines(), "toy")).compare(pair()["a"], pair()["b"])
    assert (len(sure.disagreements), sure.abstained) == (1, ())


def test_the_same_input_gives_the_same_bytes(stages: Stages) -> None:
    model = AlignmentModel(ModelFiles(stages, Baselines(), "toy"))
    once, twice = (model.compare(pair()["a"], pair()["b"]).model_dump_json() for _ in range(2))
    assert once == twice
