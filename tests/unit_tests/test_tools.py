"""What each tool answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.encoder import Encoded, Floats
from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.schema import Relation, Verdict
from jepa_langchain.tools.texts import CLOSE, OPEN, PREAMBLE
from jepa_langchain.tools.toolkit import AlignmentToolkit
from tests.agents import call, fill, make_toolkit, persona
from tests.unit_tests.conftest import make_model, make_stages
from tests.words import WordEncoder


def test_check_alignment_gives_a_verdict_and_its_rows(toolkit: AlignmentToolkit) -> None:
    against = call(toolkit, "check_alignment", peer="bob").artifact
    assert (against.verdict, against.advice, against.agreements, against.disagreements) == (
        Verdict.MISALIGNED,
        Verdict.MISALIGNED,
        0,
        2,
    )
    assert {(row.mine.id, row.theirs.id) for row in against.rows} == {("ann/s0", "bob/s0"), ("ann/s1", "bob/s1")}
    message = call(toolkit, "check_alignment", peer="cleo")
    assert message.artifact.advice is Verdict.ALIGNED
    assert message.status == "success"
    assert "advice: aligned" in message.text
    assert PREAMBLE in message.text


def test_a_check_says_what_the_model_says(toolkit: AlignmentToolkit) -> None:
    index = toolkit.index
    personas = [
        persona(n, *(r.text for r in sorted(index.rows({"persona": n}), key=lambda r: r.id))) for n in ("ann", "bob")
    ]
    report = make_model().compare(*personas)
    check = call(toolkit, "check_alignment", peer="bob").artifact
    assert (check.score, check.verdict) == (report.score, report.verdict)
    assert [row.p for row in check.rows] == pytest.approx([row.p for row in report.disagreements], abs=1e-3)


def test_a_topic_narrows_by_label_or_by_nearness(toolkit: AlignmentToolkit) -> None:
    for who, text in (("ann", "sugar help towns"), ("bob", "sugar not help towns")):
        toolkit.index.add_persona(persona(who, text), metadata={"topic": "Sugar"}, statements=None)
    toolkit.index.add_persona(persona("dan", "trains help cities"))
    labelled = call(toolkit, "check_alignment", peer="bob", topic="sugar").artifact
    assert (labelled.statements, labelled.topic_by) == ((1, 1), ("label", "label"))
    nearest = call(toolkit, "check_alignment", peer="dan", topic="sugar")
    assert nearest.artifact.topic_by == ("label", "nearest")
    assert "nearest in meaning" in nearest.text
    for who in ("ann", "bob"):
        toolkit.index.add_texts(["bees fly", "maps"], [{"persona": who, "topic": t} for t in (["Bees", "homes"], None)])
    several = call(toolkit, "check_alignment", peer="bob", topic="homes").artifact
    assert (several.statements, several.topic_by) == ((1, 1), ("label", "label"))
    assert call(toolkit, "check_alignment", peer="bob", topic="none").artifact.topic_by == ("nearest", "nearest")


def test_what_is_below_the_confidence_asked_does_not_count(toolkit: AlignmentToolkit) -> None:
    check = call(toolkit, "check_alignment", peer="bob", min_confidence=1.0).artifact
    assert (check.verdict, check.advice, check.advice_score) == (Verdict.MISALIGNED, Verdict.INSUFFICIENT, 0.5)


def test_a_peer_that_copies_my_words_is_flagged_and_does_not_count(toolkit: AlignmentToolkit) -> None:
    toolkit.index.add_persona(persona("echo", "rents help towns", "trains help cities"))
    message = call(toolkit, "check_alignment", peer="echo")
    check = message.artifact
    assert (check.verdict, check.advice, check.near_verbatim) == (Verdict.ALIGNED, Verdict.INSUFFICIENT, 2)
    assert "2 of 2 agreements repeat the other side's words almost verbatim and do not count" in message.text


def test_repetitions_hide_no_row_that_counts(toolkit: AlignmentToolkit) -> None:
    things = ("rents", "trains", "sugar", "bees", "maps", "roads", "parks", "pools", "clubs", "trees", "books")
    said = [f"{thing} help towns" for thing in things]
    toolkit.index.add_persona(persona("ann", *said))
    toolkit.index.add_persona(persona("echo", *said[:-1], "books not help towns"))
    check = call(toolkit, "check_alignment", peer="echo").artifact
    assert check.near_verbatim == len(said) - 1 == len(check.rows)
    assert not any(row.near_verbatim for row in check.rows)


def test_a_document_with_a_persona_and_no_statement_id_is_a_statement_of_its(toolkit: AlignmentToolkit) -> None:
    toolkit.index.add_texts(
        ["rents not help towns", "sugar help towns"], [{"persona": "dan"}, {"persona": 7}], ids=["x", "y"]
    )
    check = call(toolkit, "check_alignment", peer="dan").artifact
    assert (check.advice, check.rows[0].theirs.id, check.statements) == (Verdict.MISALIGNED, "dan/x", (2, 1))
    explained = call(toolkit, "explain_alignment", statement_a="dan/x", statement_b="ann/x")
    assert "no statement of that id" in explained.text
    assert call(toolkit, "explain_alignment", statement_a="dan/x", statement_b="ann/s0").artifact.a.id == "x"
    assert call(toolkit, "propose_coalitions").status == "success"
    assert call(toolkit, "find_peers", goal="sugar help towns").status == "success"
    assert "no statement of it here" in call(toolkit, "check_alignment", peer="7").text
    with pytest.raises(InputError, match="empty text"):
        toolkit.index.add_texts([""], [{"persona": "eve"}])


class ShortEncoder(WordEncoder):
    """Reads four words of a text."""

    longest = 4

    def _layers(self, text: str) -> list[Floats]:
        return [layer[: self.longest] for layer in super()._layers(text)]

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        found = super().encode(texts, progress=progress)
        assert found.tokens is not None
        return replace(
            found, truncated=tuple(i for i, states in enumerate(found.tokens) if len(states) >= self.longest)
        )


def test_a_statement_that_is_too_long_is_told_of_also_where_the_index_keeps_its_states() -> None:
    model = AlignmentModel(ModelFiles(make_stages(ShortEncoder()), Baselines(), "toy"))
    toolkit = make_toolkit(fill(JointIndex.open(model=model)))
    warnings = call(toolkit, "check_alignment", peer="bob").artifact.warnings
    assert [line.split(":")[0] for line in warnings] == ["bob, statement s0", "bob, statement s1"]
    assert "longer than the model reads" in warnings[0]


def test_search_leaves_the_caller_out_unless_personas_are_named(toolkit: AlignmentToolkit) -> None:
    found = call(toolkit, "search_aligned_statements", text="rents help towns", relation="agree", k=50).artifact.matches
    assert {match.persona for match in found} == {"bob", "cleo"}
    assert (found[0].id, found[0].verdict) == ("cleo/s0", Relation.AGREE)
    own = call(
        toolkit, "search_aligned_statements", text="cleo/s0", relation="agree", k=50, personas=["ann", "cleo"]
    ).artifact
    assert own.text == "rents help towns indeed"
    assert {match.id for match in own.matches} == {"ann/s0", "ann/s1", "cleo/s1"}


def test_peers_are_ranked_by_how_they_stand_to_a_goal(toolkit: AlignmentToolkit) -> None:
    message = call(toolkit, "find_peers", goal="rents help towns", min_alignment=0.0)
    assert [peer.persona for peer in message.artifact.peers] == ["cleo", "bob"]
    cleo, bob = message.artifact.peers
    assert (cleo.score, bob.score) == (1.0, 0.0)
    assert (cleo.supports.id, cleo.opposes, bob.opposes.id) == ("cleo/s0", None, "bob/s0")
    kept = call(toolkit, "find_peers", goal="rents help towns").artifact
    assert ([peer.persona for peer in kept.peers], kept.below) == (["cleo"], 1)
    toolkit.index.add_persona(persona("zoe", "bees fly"))
    assert call(toolkit, "find_peers", goal="rents help towns").artifact.undecided == ("zoe",)


def test_an_explanation_takes_ids_and_adds_up(toolkit: AlignmentToolkit) -> None:
    message = call(toolkit, "explain_alignment", statement_a="ann/s0", statement_b="rents not help towns")
    found = message.artifact
    assert (found.a.id, found.b.id, found.relation) == ("ann/s0", None, Relation.DISAGREE)
    assert found.completeness_error < 1e-5
    assert "not" in {word.word for word in found.words_b}
    assert f'{OPEN}"not"{CLOSE}' in message.text


def test_a_comparison_cites_the_rows_of_every_sentence(toolkit: AlignmentToolkit) -> None:
    message = call(toolkit, "compare_personas", personas=["ann", "bob", "cleo"], style="brief")
    assert [tuple(p.id for p in pair.report.personas) for pair in message.artifact.comparisons] == [
        ("ann", "bob"),
        ("ann", "cleo"),
        ("bob", "cleo"),
    ]
    for pair in message.artifact.comparisons:
        rows = {row.id for row in (*pair.report.agreements, *pair.report.disagreements)}
        assert {row for sentence in pair.narrative.sentences for row in sentence.rows} == rows
        assert all(sentence.rows for sentence in pair.narrative.sentences)
    assert "[D1] disagree" in message.text


def test_coalitions_name_who_should_work_together_and_who_stands_alone(toolkit: AlignmentToolkit) -> None:
    message = call(toolkit, "propose_coalitions", min_alignment=0.6)
    assert [coalition.agents for coalition in message.artifact.group.coalitions] == [("ann", "cleo")]
    assert message.artifact.alone == ("bob",)
    assert f'coalition: {OPEN}"ann"{CLOSE}, {OPEN}"cleo"{CLOSE}' in message.text
    assert f'in no coalition: {OPEN}"bob"{CLOSE}' in message.text


def test_a_recorded_statement_counts_at_once_and_only_once(toolkit: AlignmentToolkit) -> None:
    before = len(toolkit.index)
    first = call(toolkit, "record_statement", text="  bees  help towns ", topic="bees").artifact
    again = call(toolkit, "record_statement", text="bees help towns").artifact
    assert (first.new, again.new, first.id == again.id, again.topic) == (True, False, True, "bees")
    assert len(toolkit.index) == before + 1
    found = call(toolkit, "search_aligned_statements", text="bees help towns", relation="agree", personas=["ann"])
    assert found.artifact.matches[0].id == first.id
    (document,) = toolkit.index.get_by_ids([first.id])
    toolkit.index.add_texts([document.page_content], [{**document.metadata, "year": 2026}], ids=[first.id])
    relabelled = call(toolkit, "record_statement", text="bees help towns", topic="insects").artifact
    assert (relabelled.new, relabelled.topic, len(toolkit.index)) == (False, "insects", before + 1)
    assert toolkit.index.get_by_ids([first.id])[0].metadata == {**document.metadata, "year": 2026, "topic": "insects"}
