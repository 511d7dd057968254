"""Which pairs a training sees: the usable rows, those made by rule, and the topics that are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from jepa_langchain.errors import InputError
from jepa_langchain.pairs import PairSource, for_training, hold_out, known_topics
from jepa_langchain.predictor import RELATIONS
from jepa_langchain.schema import Relation
from jepa_langchain.training.augmentation import (
    compose_concessions,
    mismatch_statements,
    negate_statements,
    repeat_statements,
)

#: One statement is repeated for this many labelled pairs.
_REPEAT_EVERY = 80
#: Labelled pairs from which a smaller share of topics is held out, and the pair stage is trained.
FEW = 4_000
#: Share of each source's topics that is held out, up to and above that number.
_SHARE_OF_FEW, _SHARE_OF_MANY = 0.2, 0.05


@dataclass(frozen=True)
class Folds:
    """The pairs of a training: all usable ones, those trained on with the ones made by rule, those held out."""

    usable: list[PairSource]
    kept: list[PairSource]
    held: list[PairSource]

    @property
    def many(self) -> bool:
        """Whether the usable pairs are enough for the pair stage."""
        return _many(self.usable)


def training_folds(
    sources: Sequence[PairSource], *, labelled: bool, concessions: int, negations: int, seed: int
) -> Folds:
    """Part what training is given; self-supervised pairs are all trained on.

    Args:
        sources: labelled pairs, or self-supervised ones.
        labelled: whether the labels are good enough to calibrate on.
        concessions: concessive pairs made at the most.
        negations: negated pairs made at the most.
        seed: decides everything random.

    Raises:
        InputError: as :func:`usable_sources`.
    """
    usable = usable_sources(sources, labelled=labelled, seed=seed)
    if not labelled:
        return Folds(usable, usable, [])
    share = _SHARE_OF_MANY if _many(usable) else _SHARE_OF_FEW
    return Folds(usable, *hold_out_topics(usable, share=share, concessions=concessions, negations=negations, seed=seed))


def _many(sources: Sequence[PairSource]) -> bool:
    return sum(len(s.pairs) for s in sources) > FEW


def usable_sources(sources: Sequence[PairSource], *, labelled: bool, seed: int) -> list[PairSource]:
    """The training rows of each source; labelled sources without unrelated pairs get some.

    Raises:
        InputError: if there are no pairs of agreement or none of disagreement, or no unrelated pairs can be made.
    """
    usable = [s for s in (for_training(s) for s in sources) if s.pairs]
    counts = Counter(p.label for s in usable for p in s.pairs)
    for relation in RELATIONS:
        if not counts[relation]:
            raise InputError(f'nothing to train on: no pair with label "{relation.value}" in split "train"')
    if labelled and not counts[Relation.UNRELATED]:
        made = mismatch_statements(usable, seed=seed)
        if not made.pairs:
            raise InputError('no pair with label "unrelated", and all pairs are of one topic, so none can be made')
        usable.append(made)
    return usable


def hold_out_topics(
    usable: Sequence[PairSource], *, share: float, concessions: int, negations: int, seed: int
) -> tuple[list[PairSource], list[PairSource]]:
    """Hold out topics of each source, and make pairs by rule out of what is left.

    Args:
        usable: labelled sources.
        share: share of each source's topics that is held out.
        concessions: concessive pairs made at the most.
        negations: negated pairs made at the most.
        seed: decides everything random.

    Returns:
        (what is trained on, with the pairs made by rule; what is held out, of topics that no source is trained on).
    """
    # A source whose topics would all be held out is trained on whole.
    folds = [
        fold if fold[0].pairs else (s, s.only(())) for s in usable for fold in [hold_out(s, share=share, seed=seed)]
    ]
    # So is one that holds out what nothing else teaches: all pairs of a relation.
    lost = _relations(usable) - _relations([fold[0] for fold in folds])
    folds = [(s, s.only(())) if lost & _relations([fold[1]]) else fold for s, fold in zip(usable, folds, strict=True)]
    kept = [fold[0] for fold in folds]
    # What another source is trained on, with the same topic, is no news to the model.
    known = known_topics(kept)
    news = (fold[1].only([p for p in fold[1].pairs if p.group not in known]) for fold in folds)
    held = [source for source in news if source.pairs]
    repeats = max(1, sum(len(s.pairs) for s in usable) // _REPEAT_EVERY)
    made = (
        compose_concessions(kept, most=concessions, seed=seed),
        negate_statements(kept, most=negations, seed=seed),
        repeat_statements(kept, most=repeats, seed=seed),
    )
    return [*kept, *(s for s in made if s.pairs)], held


def _relations(sources: Sequence[PairSource]) -> set[Relation]:
    return {p.label for s in sources for p in s.pairs}
