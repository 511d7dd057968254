"""Adaptation: the closed form, the choice of the prior, and what a margin leans on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jepa_langchain.adaptation import Adaptation, adapt
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.baselines import Baselines
from jepa_langchain.errors import InputError, StoreError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.storage import ModelIdentity
from jepa_langchain.model_files import ModelFiles
from jepa_langchain.pairs import LabelledPair
from jepa_langchain.predictor import LinearPredictor, identity_map
from jepa_langchain.schema import Direction, Relation
from jepa_langchain.stages import Stages
from tests.words import DIMENSION, WordEncoder

TOPICS = ("rent caps", "school uniforms", "night trains", "open offices", "city bees", "paper maps", "bars", "cash")


def prior() -> LinearPredictor:
    start = identity_map(DIMENSION, 2 * DIMENSION)
    return LinearPredictor(torch.from_numpy(np.stack([start, start])))


def labelled(topics: tuple[str, ...]) -> list[LabelledPair]:
    agree = [LabelledPair(f"{t} are good", f"good {t} are welcome", Relation.AGREE) for t in topics]
    disagree = [LabelledPair(f"{t} are good", f"{t} are not good", Relation.DISAGREE) for t in topics]
    return [*agree, *disagree, LabelledPair("cash is king", "snow fell", Relation.UNRELATED)]


def margins(linear: LinearPredictor, pairs: list[LabelledPair]) -> list[float]:
    encoded = WordEncoder().encode([text for p in pairs for text in (p.a, p.b)])
    context, target = torch.from_numpy(encoded.context), torch.from_numpy(encoded.embeddings)
    energies = linear.pair_energies(context[::2], target[::2], context[1::2], target[1::2])
    return [float(m) for m in energies[:, 1] - energies[:, 0]]


def adapted() -> Adaptation:
    return adapt(prior(), WordEncoder(), labelled(TOPICS[:6]))


def test_a_few_pairs_teach_what_the_prior_did_not_know() -> None:
    strangers = labelled(TOPICS[6:])[:-1]
    assert margins(prior(), strangers) == pytest.approx([0.0] * len(strangers))
    result = adapted()
    assert result.adapted
    assert result.loss_after < result.loss_before
    signs = [m > 0 for m in margins(result.linear, strangers)]
    assert signs == [p.label is Relation.AGREE for p in strangers]


def test_labels_without_a_pattern_keep_the_prior() -> None:
    rng = np.random.default_rng(3)
    words = [f"w{i}" for i in range(60)]
    noise = [
        LabelledPair(" ".join(rng.choice(words, 4)), " ".join(rng.choice(words, 4)), relation)
        for relation in (Relation.AGREE, Relation.DISAGREE) * 8
    ]
    result = adapt(prior(), WordEncoder(), noise)
    assert result.loss_after == result.loss_before
    assert not result.adapted
    assert torch.equal(result.linear.maps, prior().maps)


@pytest.mark.parametrize("direction", ["symmetric", "forward"])
def test_repeats_count_once(direction: Direction) -> None:
    """A copy that stays while a pair is left out would make any label look learnt."""
    pairs = labelled(TOPICS[:6])
    turned = [replace(p, a=p.b, b=p.a) for p in pairs] if direction == "symmetric" else []
    linear = LinearPredictor(prior().maps, direction=direction)
    once, twice = (adapt(linear, WordEncoder(), given) for given in (pairs, [*pairs, *pairs, *turned]))
    assert twice.pairs == once.pairs
    assert (twice.ridge, twice.loss_after) == (once.ridge, once.loss_after)
    with pytest.raises(InputError, match='1 distinct pairs with label "disagree"'):
        adapt(linear, WordEncoder(), [p for p in pairs if p.label is Relation.AGREE] + [pairs[6], pairs[6]])


def test_leaving_out_is_what_adapting_without_the_pair_gives() -> None:
    pairs = labelled(TOPICS[:4])[:-1]
    result = adapt(prior(), WordEncoder(), pairs)
    by_hand = []
    for i, pair in enumerate(pairs):
        others = adapt_at(pairs[:i] + pairs[i + 1 :], result.ridge)
        sign = 1 if pair.label is Relation.AGREE else -1
        by_hand.append(np.logaddexp(0, -sign * margins(others, [pair])[0] / 0.05))
    assert result.loss_after == pytest.approx(float(np.mean(by_hand)), rel=1e-6)


def test_an_adapted_model_shows_another_hash_and_answers_alike_from_disk(tmp_path: Path) -> None:
    AlignmentModel(ModelFiles(Stages(WordEncoder(), prior(), None, {}), Baselines(), "toy")).save(tmp_path / "old")
    model = AlignmentModel.load(tmp_path / "old", encoder=WordEncoder())
    new, result = model.adapt(labelled(TOPICS[:6]))
    assert result.adapted
    JointIndex.open(tmp_path / "index", model=model)
    with pytest.raises(StoreError, match="whose predictor is not that of"):
        JointIndex.open(tmp_path / "index", model=new)
    new.save(tmp_path / "new")
    saved = AlignmentModel.load(tmp_path / "new", encoder=WordEncoder())
    assert ModelIdentity.of(saved.files) == ModelIdentity.of(new.files)
    assert set(model.card().weights_sha256.values()).isdisjoint(new.card().weights_sha256.values())
    pair = labelled(TOPICS[6:])[0]
    assert saved.relate(pair.a, pair.b) == new.relate(pair.a, pair.b) != model.relate(pair.a, pair.b)


def adapt_at(pairs: list[LabelledPair], ridge: float) -> LinearPredictor:
    """The closed form written as the normal equations of W, not in its dual form."""
    start = prior().maps.numpy()
    maps = []
    for z, relation in enumerate((Relation.AGREE, Relation.DISAGREE)):
        texts = [t for p in pairs if p.label is relation for t in (p.a, p.b)]
        encoded = WordEncoder().encode(texts)
        context = encoded.context.astype(np.float64)
        swap = np.arange(len(texts)).reshape(-1, 2)[:, ::-1].ravel()
        target = encoded.embeddings.astype(np.float64)[swap]
        scale = np.mean((context**2).sum(1))
        gram = context.T @ context + ridge * scale * np.eye(context.shape[1])
        maps.append(np.linalg.solve(gram, context.T @ target + ridge * scale * start[z].T).T)
    return LinearPredictor(torch.from_numpy(np.stack(maps)))


def test_what_a_margin_leans_on_adds_up() -> None:
    result = adapted()
    new = labelled(TOPICS[6:])[0]
    encoded = WordEncoder().encode([new.a, new.b])
    context, target = encoded.context.astype(np.float64), encoded.embeddings.astype(np.float64)
    leans = result.leans_on(context, target)
    assert {id(lean.pair) for lean in leans} == {id(p) for p in result.pairs}
    assert [abs(lean.contribution) for lean in leans] == sorted((abs(x.contribution) for x in leans), reverse=True)
    left = 0.0
    for sign, maps, old in zip((1, -1), result.linear.maps.numpy(), prior().maps.numpy(), strict=True):
        for x, y in ((0, 1), (1, 0)):
            left += sign * (old @ context[x]) @ target[y] / np.linalg.norm(maps @ context[x]) / 2
    assert sum(lean.contribution for lean in leans) + left == pytest.approx(margins(result.linear, [new])[0])


@pytest.mark.parametrize("drop", [Relation.AGREE, Relation.DISAGREE])
def test_a_relation_without_pairs_is_refused(drop: Relation) -> None:
    pairs = [p for p in labelled(TOPICS) if p.label is not drop]
    with pytest.raises(InputError, match=f'0 distinct pairs with label "{drop.value}"'):
        adapt(prior(), WordEncoder(), pairs)
