from __future__ import annotations

import pytest

from jepa_langchain.narrative import title_of, write_narrative
from jepa_langchain.prompts import load_wording
from jepa_langchain.schema import Cited, Energies, LedgerRow, MixedPair, Relation, RowWeights


def row(a: str, b: str, relation: Relation) -> LedgerRow:
    energies = Energies(agree=0.1, disagree=0.2)
    return LedgerRow(
        a=Cited(id="A1", text=a),
        b=Cited(id="B1", text=b),
        relation=relation,
        p=0.9,
        margin=0.1,
        energies=energies,
        decided_by="pair",
        weights=RowWeights(a=(), b=()),
    )


@pytest.mark.parametrize(
    ("a", "b", "title"),
    [
        ("Sea level rise poses a threat.", "Sea level rise threatens coasts", "Sea level rise"),
        ("They pass policies to cut rents.", "the policies to cut rents fail", "Policies to cut rents"),
        ("Homework helps.", "Children need sleep", "Homework helps"),
        ("It is so.", "Is it?", "It is so"),
    ],
)
def test_titles_are_the_words_both_share(a: str, b: str, title: str) -> None:
    assert title_of(a, b) == title


def test_every_sentence_quotes_and_cites_both_sides() -> None:
    agree = row("Rents are high.", "rents are far too high", Relation.AGREE)
    contest = row("Rents need caps.", "caps backfire", Relation.DISAGREE)
    told = write_narrative(("Ann", "Bob"), [agree], [contest], [])
    assert told.source == "template"
    assert told.rejected == 0
    assert [s.relation for s in told.sentences] == [Relation.AGREE, Relation.DISAGREE]
    for sentence, source in zip(told.sentences, (agree, contest), strict=True):
        assert (sentence.a, sentence.b) == ("A1", "B1")
        assert all(part in sentence.text for part in ("[A1]", "[B1]", "Ann", "Bob", source.b.text))
        assert sentence.text in told.text
    assert told.text.index("Areas of agreement") < told.text.index("Areas of disagreement")


def test_a_mixed_pair_is_told_as_a_shared_premise() -> None:
    contest = row("Rents need caps.", "caps backfire", Relation.DISAGREE)
    pair = MixedPair(a=contest.a, b=contest.b, p_agree=0.9, p_disagree=0.9)
    assert "premise is shared" in write_narrative(("A", "B"), [], [contest], [pair]).sentences[0].text


def test_nothing_found_is_said() -> None:
    text = write_narrative(("A", "B"), [], [], []).text
    assert "No statement of one side was found to agree" in text
    assert "No statement of one side was found to contest" in text


def test_template_syntax_in_a_statement_stays_inert() -> None:
    nasty = "$persona_b {persona_a} %s ${id_a} says so"
    text = write_narrative(("A", "B"), [row(nasty, "no it does not", Relation.AGREE)], [], []).sentences[0].text
    assert nasty in text


def test_wordings_declare_what_they_use() -> None:
    for name in ("template_agreement", "template_disagreement", "template_mixed"):
        wording = load_wording(name)
        assert wording.version >= 1
        assert wording.purpose
        with pytest.raises(KeyError):
            wording.fill(persona_a="A")
    with pytest.raises(FileNotFoundError):
        load_wording("nothing")
