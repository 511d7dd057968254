"""The checker of a narrative in a language that the word rules cannot read: it lets pass reported quotes alone.

Shape, rows and quotes are checked as in English. Beyond that a sentence may hold the personas' names, whole statements
of the row in quotation marks (a part may have lost its "not"), each beside the name of who said it, and the words of
``prompts/reporting_<language>.txt``, which report and claim nothing. No word follows one of dispute: "en désaccord sur
cette position : « … »" would turn a quote round. Everything else is thrown out, with that reason (fail closed), and the
template tells the row.
"""

from __future__ import annotations

import re
from functools import cache

from jepa_langchain.chains.sides import Names
from jepa_langchain.chains.words import TOKEN, normalise
from jepa_langchain.prompts import load_wording
from jepa_langchain.schema import LedgerRow, Relation

_QUOTE = re.compile(r"[“„«\"]\s*([^“”„«»\"]*?)\s*[”“»\"]")
_PLACES = 4
_ENDS = " .,;:!?"


@cache
def _lists(language: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """(neutral, of agreement, of dispute)."""
    neutral, together, apart = (
        frozenset(line.split()) for line in load_wording(f"reporting_{language}").body.splitlines()
    )
    return neutral, together, apart


def reported(text: str, row: LedgerRow, names: Names, language: str) -> str:
    """Why a sentence is more than quotes and who says them; empty if it is not."""
    around = normalise(names.without(_QUOTE.sub(' " ', text)))
    own = TOKEN.findall(around)
    neutral, together, apart = _lists(language)
    known = neutral | together | apart
    # An elided word is listed whole or by its parts: "s'accordent", "d'accord".
    strange = [part for word in own if word not in known for part in word.split("'") if part not in known]
    if strange:
        return f"language: outside quotes only reporting words are verified in this language, not {strange[0]!r}"
    agree = row.relation is Relation.AGREE
    wrong = apart - together if agree else together - apart - neutral
    if any(part in wrong for word in own for part in (word, *word.split("'"))):
        return "relation: an agreement told as a dispute, or a disagreement as what both hold"
    disputing = "|".join(map(re.escape, sorted(apart - neutral)))
    if re.search(rf"\b(?:{disputing})\b\s*\w", around):
        return "relation: a word of dispute may dispute what follows"
    return _who(text, row, names)


def _who(text: str, row: LedgerRow, names: Names) -> str:
    """Whether every quote stands beside the name of the side that said it."""
    quotes = list(_QUOTE.finditer(text))
    spoken = [(at, side) for at, side in names.mentions(text) if not any(q.start() <= at < q.end() for q in quotes)]
    order = sorted([(at, side, "") for at, side in spoken] + [(q.start(), "", normalise(q.group(1))) for q in quotes])
    said = {"a": normalise(row.a.text).strip(_ENDS), "b": normalise(row.b.text).strip(_ENDS)}
    words = [quote.strip(_ENDS) for _, _, quote in order if quote]
    if not set(words) <= set(said.values()):
        return "quotes: in this language a whole statement"
    shape = "".join("q" if quote else "n" for _, _, quote in order)
    if row.relation is Relation.AGREE and re.fullmatch(r"nnq+|q+nn", shape):
        return "" if {side for _, side, _ in order if side} == {"a", "b"} else "sides: both are to be named"
    if shape not in ("nqnq", "qnqn") or len(order) != _PLACES:
        return "sides: each side is to be named once, beside its own quote"
    names_of = [side for _, side, _ in order if side]
    right = all(word == said[side] for side, word in zip(names_of, words, strict=True))
    return "" if right and set(names_of) == {"a", "b"} else "quotes: given to the other side"
