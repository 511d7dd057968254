"""Several agents at once: who aligns with whom, which of them belong together, and which pair stands in the way.

Every two agents are compared as :meth:`AlignmentModel.compare` compares them; all statements are encoded together, and
again only those whose states do not fit in what is kept. The scores make a signed graph (an edge weighs 2 score - 1:
from -1, nothing but disagreement, to +1), and from it follow

* communities: the partition that keeps most weight inside (correlation clustering; Bansal, Blum & Chawla, 2004);
* blocking pairs: two agents who pull apart although others connect them, so that no coalition can hold both;
* coalitions: the largest sets in which every two align at least as much as is asked.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jepa_langchain.clauses import units_of
from jepa_langchain.console import progress_bar
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.group_schema import AgentPair, BlockingPair, Coalition, GroupReport
from jepa_langchain.personas import clean_persona
from jepa_langchain.schema import AlignmentReport, Persona, Verdict
from jepa_langchain.statements import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    import networkx as nx

    from jepa_langchain.alignment import AlignmentModel

#: Agents one group may have: every two are compared.
MOST_AGENTS = 500
#: Maximal cliques that are looked at: there can be exponentially many.
MOST_CLIQUES = 10_000
MORE_COALITIONS = f"there are more coalitions than the {MOST_CLIQUES:,} that were looked at; larger ones may be missing"
_FLOAT_NOISE = 1e-9


def compare_group(
    model: AlignmentModel,
    personas: Sequence[Persona],
    *,
    limits: Limits = DEFAULT_LIMITS,
    min_alignment: float = 0.5,
    progress: bool = False,
) -> GroupReport:
    """Compare every two of several personas.

    Args:
        model: the model.
        personas: two or more, of distinct ids.
        limits: caps on what is read.
        min_alignment: the lowest score of a pair within a coalition.
        progress: show bars on stderr.

    Raises:
        InputError: if there are fewer than two personas or more than :data:`MOST_AGENTS`, two share an id, or a
            statement cannot be used.
    """
    if not 2 <= len(personas) <= MOST_AGENTS:  # noqa: PLR2004
        raise InputError(f"{len(personas)} personas; a group has 2 to {MOST_AGENTS}")
    loaded = [clean_persona(persona, limits=limits) for persona in personas]
    cleaned = [one.persona for one in loaded]
    # Of cleaned ids: two that differ in what nobody sees would become one agent.
    twice = [name for name, count in Counter(persona.id for persona in cleaned).items() if count > 1]
    if twice:
        raise InputError(f"persona {min(twice)!r}: two of the group have this id")
    # A model that remembers keeps its memory: another one around it would begin empty.
    encoder = model.stages.encoder
    if not isinstance(encoder, CachingEncoder):
        encoder = CachingEncoder(encoder)
    # One call for everything: batches of many texts of like length are what makes encoding fast.
    encoder.encode(sorted({u.text for p in cleaned for s in p.statements for u in units_of(s)}), progress=progress)
    known = type(model)(replace(model.files, stages=replace(model.stages, encoder=encoder)))
    couples = list(itertools.combinations(cleaned, 2))
    reports = [known.compare(a, b, limits=limits) for a, b in progress_bar(couples, "comparing", show=progress)]
    warnings = [line for one in loaded for line in one.warnings]
    return group_report(reports, min_alignment=min_alignment, warnings=warnings)


def group_report(
    reports: Sequence[AlignmentReport], *, min_alignment: float = 0.5, warnings: Sequence[str] = ()
) -> GroupReport:
    """The group that comparisons of every two of its agents make; the agents stand in the order they come up in.

    Args:
        reports: the comparisons.
        min_alignment: as for :func:`coalitions`.
        warnings: what a user should know beside the comparisons' own warnings.

    Raises:
        InputError: as :func:`coalitions`.
    """
    summaries = {summary.id: summary for report in reports for summary in report.personas}
    pairs = tuple(AgentPair.of(report) for report in reports)
    graph = signed_graph(list(summaries), pairs)
    found, complete = _coalitions(list(summaries), pairs, min_alignment)
    return GroupReport(
        agents=tuple(summaries.values()),
        pairs=pairs,
        communities=communities(graph),
        blocking=blocking_pairs(graph, pairs),
        coalitions=found,
        warnings=(*warnings, *_warnings(reports), *(() if complete else (MORE_COALITIONS,))),
        model=reports[0].model,
    )


def _warnings(reports: Sequence[AlignmentReport]) -> tuple[str, ...]:
    """Each line once; one that a single comparison gives names its two agents."""
    seen = Counter(line for report in reports for line in report.warnings)
    return tuple(
        dict.fromkeys(
            line if seen[line] > 1 else f"{report.personas[0].id} and {report.personas[1].id}: {line}"
            for report in reports
            for line in report.warnings
        )
    )


def signed_graph(names: Sequence[str], pairs: Sequence[AgentPair]) -> nx.Graph[str]:
    """Agents as nodes; an edge weighs 2 score - 1, and a pair of which nothing was decided has none."""
    import networkx as nx

    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_weighted_edges_from((p.a, p.b, 2 * p.score - 1) for p in pairs if p.verdict is not Verdict.INSUFFICIENT)
    return graph


def communities(graph: nx.Graph[str]) -> tuple[tuple[str, ...], ...]:
    """A partition of the agents with much weight inside its parts: the best merge of two parts, then the best move.

    Greedy agglomeration followed by single moves, until neither gains (an exact answer is NP-hard). The largest part
    comes first; agents keep the graph's order.
    """
    import networkx as nx

    names = list(graph)
    weights = nx.to_numpy_array(graph, nodelist=names)
    parts = np.arange(len(names))
    while len(kept := np.unique(parts)) > 1:
        member = (parts[:, None] == kept[None, :]).astype(float)
        between = np.triu(member.T @ weights @ member, 1)
        i, j = np.unravel_index(int(between.argmax()), between.shape)
        if between[i, j] <= _FLOAT_NOISE:
            break
        parts[parts == kept[j]] = kept[i]
    moved = True
    while moved:
        moved = False
        for node in range(len(names)):
            pull = np.bincount(parts, weights=weights[node], minlength=len(names))
            best = int(pull.argmax())
            if pull[best] > pull[parts[node]] + _FLOAT_NOISE:
                parts[node], moved = best, True
    groups = [tuple(names[i] for i in np.flatnonzero(parts == part)) for part in np.unique(parts)]
    return tuple(sorted(groups, key=lambda group: (-len(group), names.index(group[0]))))


def blocking_pairs(graph: nx.Graph[str], pairs: Sequence[AgentPair]) -> tuple[BlockingPair, ...]:
    """Pairs with more disagreement than agreement whose agents a path of aligned pairs connects; the worst first."""
    import networkx as nx

    positive: nx.Graph[str] = nx.Graph()
    positive.add_nodes_from(graph)
    positive.add_edges_from((a, b) for a, b in graph.edges if graph[a][b]["weight"] > 0)
    part = {name: i for i, nodes in enumerate(nx.connected_components(positive)) for name in nodes}
    found = [
        BlockingPair(
            a=p.a,
            b=p.b,
            score=p.score,
            through=tuple(nx.shortest_path(positive, p.a, p.b))[1:-1],
            row=p.disagreements[0] if p.disagreements else None,
        )
        for p in pairs
        if graph.has_edge(p.a, p.b) and graph[p.a][p.b]["weight"] < 0 and part[p.a] == part[p.b]
    ]
    return tuple(sorted(found, key=lambda pair: pair.score))


def coalitions(
    names: Sequence[str], pairs: Sequence[AgentPair], *, min_alignment: float = 0.5
) -> tuple[Coalition, ...]:
    """The largest sets of agents in which every two were decided and have at least this score.

    Args:
        names: the agents.
        pairs: every two of them.
        min_alignment: the lowest score of a pair, 0 to 1.

    Returns:
        Maximal cliques of two or more (the first :data:`MOST_CLIQUES` that are found), the largest first and, among
        those, the one whose weakest pair is strongest. An agent may belong to several.

    Raises:
        InputError: if ``min_alignment`` is no share.
    """
    return _coalitions(names, pairs, min_alignment)[0]


def _coalitions(
    names: Sequence[str], pairs: Sequence[AgentPair], min_alignment: float
) -> tuple[tuple[Coalition, ...], bool]:
    """Coalitions, and whether they are all there are."""
    import networkx as nx

    if not 0 <= min_alignment <= 1:
        raise InputError(f"min_alignment {min_alignment}: it lies between 0 and 1")
    order = {name: i for i, name in enumerate(names)}
    # Numbers as nodes: the order in which cliques of names are found changes with Python's hash seed.
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(order.values())
    graph.add_weighted_edges_from(
        (order[p.a], order[p.b], p.score)
        for p in pairs
        if p.verdict is not Verdict.INSUFFICIENT and p.score >= min_alignment
    )
    cliques = [sorted(clique) for clique in itertools.islice(nx.find_cliques(graph), MOST_CLIQUES + 1)]
    found = []
    for members in cliques[:MOST_CLIQUES]:
        if len(members) > 1:
            scores = [graph[a][b]["weight"] for a, b in itertools.combinations(members, 2)]
            weakest, mean = min(scores), round(sum(scores) / len(scores), 6)
            found.append((members, Coalition(agents=tuple(names[i] for i in members), weakest=weakest, mean=mean)))
    found.sort(key=lambda one: (-len(one[0]), -one[1].weakest, one[0]))
    return tuple(coalition for _, coalition in found), len(cliques) <= MOST_CLIQUES
