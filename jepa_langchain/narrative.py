"""The readable summary without a language model: ledger rows put into the wordings of ``prompts/``.

Every sentence quotes both statements verbatim and cites their ids, so there is nothing in it that the ledger
does not hold. An LLM chain can later word the same rows; it starts from the same :class:`Narrative`.
"""

from __future__ import annotations

from collections.abc import Sequence

from jepa_langchain.prompts import load_wording
from jepa_langchain.schema import LedgerRow, MixedPair, Narrative, NarrativeSentence, Relation
from jepa_langchain.statements import WORD
from jepa_langchain.wordings import wordings

# Words a title neither starts nor ends with; most are what scikit-learn's English stop list holds, too.
_LIGHT = frozenset(load_wording("light_words").body.split())
_TITLE_WORDS = 8
_READ_WORDS = 60


def _content(words: Sequence[str]) -> int:
    return sum(word.lower() not in _LIGHT for word in words)


def title_of(text_a: str, text_b: str) -> str:
    """The topic two statements share: the run of words of ``text_a`` with most content words that ``text_b`` has too.

    Falls back to the first content words of ``text_a`` when they share none.
    """
    # The search is cubic in the worst case (one word again and again), so it reads the beginning only.
    a, b = WORD.findall(text_a)[:_READ_WORDS], WORD.findall(text_b)[:_READ_WORDS]
    low_b = [word.lower() for word in b]
    best: list[str] = []
    for start in range(len(a)):
        for other in range(len(b)):
            size = 0
            while start + size < len(a) and other + size < len(b) and a[start + size].lower() == low_b[other + size]:
                size += 1
            run = _trim(a[start : start + size])
            if _content(run) > _content(best):
                best = run
    if not best:
        best = _trim([word for word in a if word.lower() not in _LIGHT][:4]) or a[:4]
    title = " ".join(_trim(best[:_TITLE_WORDS]) or best[:_TITLE_WORDS])
    return title[:1].upper() + title[1:]


def _trim(words: list[str]) -> list[str]:
    while words and words[0].lower() in _LIGHT:
        words = words[1:]
    while words and words[-1].lower() in _LIGHT:
        words = words[:-1]
    return words


def template_sentence(
    row: LedgerRow, names: tuple[str, str], *, shared: bool, language: str = "en"
) -> NarrativeSentence:
    """One row in the template's words; ``shared`` for a disagreement on a premise that both sides share."""
    kind = "agreement" if row.relation is Relation.AGREE else "mixed" if shared else "disagreement"
    text = wordings(language).sentence(
        kind,
        persona_a=names[0],
        persona_b=names[1],
        text_a=row.a.text,
        text_b=row.b.text,
        id_a=row.a.id,
        id_b=row.b.id,
    )
    return NarrativeSentence(
        text=text,
        title=title_of(row.a.text, row.b.text),
        relation=row.relation,
        a=row.a.id,
        b=row.b.id,
        rows=(row.id,) if row.id else (),
    )


def assemble(sentences: Sequence[NarrativeSentence], language: str = "en") -> str:
    """The text of a narrative: the two areas, a titled paragraph a sentence."""
    own = wordings(language)
    areas = []
    for heading, relation, none in zip(own.headings, (Relation.AGREE, Relation.DISAGREE), own.none, strict=True):
        body = "\n\n".join(f"{s.title}. {s.text}" for s in sentences if s.relation is relation) or none
        areas.append(f"{heading}\n\n{body}")
    return "\n\n".join(areas)


def write_narrative(
    names: tuple[str, str],
    agreements: Sequence[LedgerRow],
    disagreements: Sequence[LedgerRow],
    mixed: Sequence[MixedPair],
) -> Narrative:
    """Word the rows of a ledger.

    Args:
        names: ids of the two personas.
        agreements: rows of agreement, in the order they are to be told.
        disagreements: rows of disagreement.
        mixed: pairs that have both; their disagreement is told as one on a shared premise.

    Returns:
        a narrative whose ``source`` is "template".
    """
    shared = {(pair.a.id, pair.b.id) for pair in mixed}
    told = tuple(
        template_sentence(row, names, shared=(row.a.id, row.b.id) in shared) for row in (*agreements, *disagreements)
    )
    return Narrative(text=assemble(told), source="template", sentences=told)
