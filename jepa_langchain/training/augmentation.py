"""Training pairs made by rule: concessions, which labelled sources rarely hold, and labels for bare statements.

* ``compose_concessions``: where a source says that y+ agrees with x and y- disagrees with it, "While y+, y-" shares a
  premise with x and contests it (disagree), and "While y-, y+" concedes a point and sides with x (agree).
  The label follows the main clause; which connective introduces it is for the model to learn.
* ``repeat_statements``: a statement agrees with itself. No labelled source says so, and a network that only ever saw
  two different statements answers at random.
* ``mismatch_statements``: labelled sources without unrelated pairs get them from statements of different topics.
* ``negate_statements``: where y agrees with x, "not y" opposes x and agrees with "not x". One statement negated turns
  the label and two keep it, so that a "not" tells nothing unless both statements are read.
* ``contradict``: turns one bare statement into its opposite by moving its negation.
* ``self_supervised``: labels for two bare lists of statements: what one speaker says next agrees,
  a contradiction disagrees, and a statement of elsewhere is unrelated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from jepa_langchain.pairs import LabelledPair, PairSource
from jepa_langchain.schema import Persona, Relation

_FORMS = (
    "While {minor}, {main}.",
    "{Minor}, but {main}.",
    "Although {minor}, {main}.",
    "{Minor}; however, {main}.",
    "It is true that {minor}, yet {main}.",
    "{Minor}, but {main}.",
)
_MOST_CHARACTERS = 150

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|am|can|could|should|must|will|would|has|have|had|does|do|did|may|might|shall)\b",
    re.IGNORECASE,
)
_FULL = {"can't": "cannot", "won't": "will not", "shan't": "shall not"}
_SHORT = re.compile("|".join(_FULL), re.IGNORECASE)
_PLAIN_WORDS = 14
_SUBORDINATE = re.compile(
    r"[,;:?]|\b(that|which|who|whose|because|since|if|unless|although|though|while|but|than|as|when|where|no|never"
    r"|nobody|none|nothing|only|neither|nor|hardly|all|every|everyone|some|any)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:(cannot)|(?:not|never))\b ?|(n't)\b", re.IGNORECASE)


def lower_first(text: str) -> str:
    """The text as it stands inside a sentence: first letter small, except "I" and words in capitals."""
    head = text.split(" ", 1)[0]
    if head in ("I", "I'm", "I've", "I'd", "I'll") or (len(head) > 1 and not head[1:].islower()):
        return text
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """The text as the start of a sentence."""
    return text[:1].upper() + text[1:]


def compose_concessions(sources: Sequence[PairSource], *, most: int = 6_000, seed: int = 0) -> PairSource:
    """Concessive sentences out of labelled pairs that share their first statement; deterministic for a seed.

    Args:
        sources: labelled sources; pairs whose ``kind`` is "nli" are passed over, their statements hold no opinion.
        most: pairs made at the most.
        seed: decides the forms and the choice.
    """
    rng = np.random.default_rng([seed, 17])
    sides: dict[str, dict[Relation, list[LabelledPair]]] = defaultdict(lambda: defaultdict(list))
    for source in sources:
        for pair in source.pairs:
            if pair.kind != "nli" and max(len(pair.a), len(pair.b)) <= _MOST_CHARACTERS:
                sides[pair.a][pair.label].append(pair)
    made: list[LabelledPair] = []
    both = sorted(a for a, by_label in sides.items() if by_label[Relation.AGREE] and by_label[Relation.DISAGREE])
    for a in rng.permutation(np.array(both, dtype=object)) if both else ():
        agreeing, opposing = sides[a][Relation.AGREE], sides[a][Relation.DISAGREE]
        for _ in range(min(len(agreeing), len(opposing), 40)):
            with_a = agreeing[rng.integers(len(agreeing))]
            against = opposing[rng.integers(len(opposing))]
            for main, minor in ((with_a, against), (against, with_a)):
                form = _FORMS[rng.integers(len(_FORMS))]
                low = lower_first(minor.b.rstrip(". "))
                text = form.format(minor=low, Minor=upper_first(low), main=lower_first(main.b.rstrip(". ")))
                made.append(LabelledPair(a, text, main.label, "composed-concession", main.topic or main.group, "train"))
    chosen = rng.permutation(len(made))[:most]
    return PairSource("composed_concessions", tuple(made[i] for i in sorted(chosen)))


def repeat_statements(sources: Sequence[PairSource], *, most: int = 1_500, seed: int = 0) -> PairSource:
    """Statements of the sources, drawn at random, each paired with itself as agreement; deterministic for a seed."""
    texts = sorted({pair.a for source in sources for pair in source.pairs})
    chosen = np.random.default_rng([seed, 19]).permutation(len(texts))[:most]
    pairs = (LabelledPair(texts[i], texts[i], Relation.AGREE, "repetition", split="train") for i in sorted(chosen))
    return PairSource("repetitions", tuple(pairs))


def mismatch_statements(sources: Sequence[PairSource], *, seed: int = 0) -> PairSource:
    """Unrelated pairs, a third of the labelled ones: x of one topic with y of another; deterministic for a seed."""
    rng = np.random.default_rng([seed, 29])
    pool = [pair for source in sources for pair in source.pairs]
    made: list[LabelledPair] = []
    for pair in (pool[i] for i in rng.integers(len(pool), size=len(pool))):
        other = pool[rng.integers(len(pool))]
        if other.group != pair.group and len(made) < len(pool) / 3:
            made.append(LabelledPair(pair.a, other.b, Relation.UNRELATED, "mismatch", pair.topic, "train"))
    return PairSource("mismatches", tuple(made))


def negate_statements(sources: Sequence[PairSource], *, most: int = 6_000, seed: int = 0) -> PairSource:
    """Plain short statements that agree, one or both of them negated by rule; deterministic for a seed.

    Args:
        sources: labelled sources; inference pairs are passed over, as entailment does not survive two negations.
        most: pairs made at the most, two of each agreeing pair.
        seed: decides the choice.
    """
    plain = [
        pair
        for source in sources
        for pair in source.pairs
        if pair.label is Relation.AGREE and pair.kind != "nli" and _is_plain(pair.a) and _is_plain(pair.b)
    ]
    made: list[LabelledPair] = []
    for i in np.random.default_rng([seed, 31]).permutation(len(plain))[: most // 2]:
        pair = plain[i]
        a, b = contradict(pair.a), contradict(pair.b)
        rows = ((pair.a, b, Relation.DISAGREE), (a, b, Relation.AGREE))
        made += [LabelledPair(x, y, z, "negation", pair.topic or pair.group, "train") for x, y, z in rows]
    return PairSource("negations", tuple(made))


def _is_plain(text: str) -> bool:
    """Whether its first auxiliary is likely the main clause's: a short sentence without a subordinate clause."""
    return len(text.split()) <= _PLAIN_WORDS and bool(_AUXILIARY.search(text)) and not _SUBORDINATE.search(text)


def contradict(text: str) -> str:
    """The opposite of a statement, by rule: its first negation removed, else one put after its first auxiliary."""
    text = _SHORT.sub(lambda m: _FULL[m.group(0).lower()], text.replace("’", "'"))
    found = _NEGATION.search(text)
    if found:
        kept = "can " if found.group(1) else ""
        return " ".join((text[: found.start()] + kept + text[found.end() :]).split())
    negated, count = _AUXILIARY.subn(lambda m: f"{m.group(0)} not", text, count=1)
    return negated if count else f"It is not true that {lower_first(text)}"


def self_supervised(personas: Sequence[Persona], *, seed: int = 0) -> list[PairSource]:
    """Labels by rule, one source a persona: neighbours agree, contradictions disagree, others are unrelated."""
    rng = np.random.default_rng([seed, 23])
    out = []
    for persona in personas:
        texts = [s.text for s in persona.statements]
        pairs = [LabelledPair(x, y, Relation.AGREE, "same-speaker-neighbour") for x, y in pairwise(texts)]
        pairs += [LabelledPair(x, contradict(x), Relation.DISAGREE, "rule-contradiction") for x in texts]
        elsewhere = [s.text for other in personas if other is not persona for s in other.statements]
        if elsewhere:
            drawn = [(x, elsewhere[rng.integers(len(elsewhere))]) for x in texts]
            pairs += [LabelledPair(x, y, Relation.UNRELATED, "other-speaker") for x, y in drawn if x != y]
        out.append(PairSource(persona.id, tuple(pairs)))
    return out
