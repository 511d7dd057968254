"""Which pairs a training sees: the usable rows, those made by rule, and the topics that are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jepa_langchain.errors import InputError
from jepa_langchain.pairs import PairSource, for_training, hold_out
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
        (what is trained on, with the pairs made by rule; what is held out).
    """
    # A source whose topics would all be held out is trained on whole.
    folds = [
        fold if fold[0].pairs else (s, s.only(())) for s in usable for fold in [hold_out(s, share=share, seed=seed)]
    ]
    kept, held = [f[0] for f in folds], [f[1] for f in folds if f[1].pairs]
    repeats = max(1, sum(len(s.pairs) for s in usable) // _REPEAT_EVERY)
    made = (
        compose_concessions(kept, most=concessions, seed=seed),
        negate_statements(kept, most=negations, seed=seed),
        repeat_statements(kept, most=repeats, seed=seed),
    )
    return [*kept, *(s for s in made if s.pairs)], held
