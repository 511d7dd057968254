"""Several agents: pairs as the model compares them, and what the scores make of the group."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain import groups
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.group_schema import AgentPair
from jepa_langchain.groups import blocking_pairs, coalitions, communities, compare_group, signed_graph
from jepa_langchain.schema import Persona, Verdict
from tests.near import differences
from tests.unit_tests.conftest import make_model
from tests.words import WordEncoder, persona


def pair(a: str, b: str, score: float, verdict: Verdict = Verdict.MIXED) -> AgentPair:
    return AgentPair(a=a, b=b, score=score, verdict=verdict, agreements=(), disagreements=(), mixed=())


def graph_of(scores: dict[tuple[str, str], float], names: str) -> nx.Graph[str]:
    return signed_graph(list(names), [pair(a, b, s) for (a, b), s in scores.items()])


GROUP = [
    persona("ann", "tax sugar now", "trains run late"),
    persona("bob", "tax sugar now", "trains run late"),
    persona("cid", "do not tax sugar now", "trains run late not"),
]


def test_group_cells_are_what_compare_says() -> None:
    model = make_model()
    report = compare_group(model, GROUP)
    assert [agent.id for agent in report.agents] == ["ann", "bob", "cid"]
    for a, b in itertools.combinations(GROUP, 2):
        alone, cell = model.compare(a, b), report.pair(b.id, a.id)
        assert cell.verdict is alone.verdict
        assert differences((cell.score, cell.agreements), (alone.score, alone.agreements)) == []
    assert report.communities == (("ann", "bob"), ("cid",))
    assert [c.agents for c in report.coalitions] == [("ann", "bob")]
    with pytest.raises(KeyError, match="no such pair"):
        report.pair("ann", "eve")


def test_a_model_that_remembers_encodes_nothing_again_for_a_group() -> None:
    model = make_model().remembering()
    compare_group(model, GROUP)
    encoder = model.stages.encoder
    assert isinstance(encoder, CachingEncoder)
    before = encoder.encoded
    assert before == len({s.text for p in GROUP for s in p.statements})
    compare_group(model, GROUP)
    assert encoder.encoded == before


def test_group_encodes_each_statement_once() -> None:
    encoder = WordEncoder()
    model = make_model()
    object.__setattr__(model.files.stages, "encoder", encoder)
    compare_group(model, GROUP)
    # Word maps take a pass of their own; what the energies are made of is encoded in the first call alone.
    assert encoder.calls[:4] == sorted({s.text for p in GROUP for s in p.statements})


@pytest.mark.parametrize(
    ("personas", "message"),
    [
        ([GROUP[0]], "1 personas; a group has 2 to"),
        ([GROUP[0], persona("ann", "else")], "persona 'ann': two of the group"),
        ([GROUP[0], persona("ann\u200b", "else")], "persona 'ann': two of the group"),
    ],
)
def test_group_says_what_it_cannot_take(personas: list[Persona], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_group(make_model(), personas)


def test_blocking_pair_is_named_with_who_connects_it() -> None:
    scores = {("a", "b"): 0.9, ("b", "c"): 0.8, ("a", "c"): 0.1, ("a", "d"): 0.0}
    graph = graph_of(scores, "abcd")
    found = blocking_pairs(graph, [pair(a, b, s) for (a, b), s in scores.items()])
    assert [(p.a, p.b, p.through) for p in found] == [("a", "c", ("b",))]


def test_coalitions_are_maximal_and_ordered() -> None:
    pairs = [pair("a", "b", 0.9), pair("b", "c", 0.7), pair("a", "c", 0.6), pair("c", "d", 0.8)]
    found = coalitions("abcd", pairs, min_alignment=0.6)
    assert [(c.agents, c.weakest) for c in found] == [(("a", "b", "c"), 0.6), (("c", "d"), 0.8)]
    undecided = [pair("a", "b", 0.9, Verdict.INSUFFICIENT)]
    assert coalitions("ab", undecided) == ()
    with pytest.raises(InputError, match="between 0 and 1"):
        coalitions("ab", pairs, min_alignment=2)


def test_what_cleaning_took_out_is_told_once() -> None:
    report = compare_group(make_model(), [*GROUP, persona("dan", "tax\u200b sugar now")])
    assert [line for line in report.warnings if "stripped" in line] == [
        "dan: 1 invisible character (zero-width, bidi or tag) stripped"
    ]


def test_more_cliques_than_are_looked_at_are_the_same_under_any_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every two of twelve agents align but for six couples: 64 maximal cliques, of which few are looked at."""
    monkeypatch.setattr(groups, "MOST_CLIQUES", 5)
    names = [f"agent{i}" for i in range(12)]
    scores = {(a, b): 0.1 if j == i + 6 else 0.9 for (i, a), (j, b) in itertools.combinations(enumerate(names), 2)}
    pairs = [pair(a, b, score) for (a, b), score in scores.items()]
    found = coalitions(names, pairs)
    assert len(found) == 5
    # Numbers hash to themselves, so what is found first hangs on the places of the agents and not on their names.
    renamed = {name: chr(ord("z") - i) for i, name in enumerate(names)}
    others = coalitions(list(renamed.values()), [pair(renamed[p.a], renamed[p.b], p.score) for p in pairs])
    assert [tuple(renamed[a] for a in c.agents) for c in found] == [c.agents for c in others]


def test_a_report_says_when_not_all_coalitions_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [make_model().compare(a, b) for a, b in itertools.combinations(GROUP, 2)]
    assert groups.MORE_COALITIONS not in groups.group_report(reports).warnings
    monkeypatch.setattr(groups, "MOST_CLIQUES", 1)
    assert groups.MORE_COALITIONS in groups.group_report(reports).warnings


@st.composite
def signed(draw: st.DrawFn) -> nx.Graph[str]:
    names = "abcdef"[: draw(st.integers(2, 6))]
    scores = {couple: draw(st.integers(0, 10)) / 10 for couple in itertools.combinations(names, 2)}
    return graph_of(scores, names)


def inside(graph: nx.Graph[str], parts: tuple[tuple[str, ...], ...]) -> float:
    return float(sum(graph[a][b]["weight"] for part in parts for a, b in itertools.combinations(part, 2)))


@given(signed())
def test_communities_partition_and_no_single_move_gains(graph: nx.Graph[str]) -> None:
    parts = communities(graph)
    assert sorted(name for part in parts for name in part) == sorted(graph)
    best = inside(graph, parts)
    for name, part in itertools.product(graph, (*parts, ())):
        moved = tuple(tuple(n for n in p if n != name) + ((name,) if p == part else ()) for p in parts)
        alone = moved if part else (*moved, (name,))
        assert inside(graph, alone) <= best + 1e-9


def test_cache_gives_what_the_encoder_gives_and_forgets_within_its_bound() -> None:
    plain, cached = WordEncoder(), CachingEncoder(WordEncoder(), most_bytes=2_000)
    texts = [f"word{i} said{i}" for i in range(20)]
    for _ in range(2):
        ours, theirs = cached.encode(texts), plain.encode(texts)
        assert (ours.embeddings == theirs.embeddings).all()
        assert (ours.context == theirs.context).all()
        assert ours.tokens is not None
    assert 20 < cached.encoded <= 40
    assert 0 < cached._known.kept <= 2_000
    assert len(cached.encode([]).embeddings) == 0
