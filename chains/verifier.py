"""The checker of a narrative: code, no language model. Every sentence is verified against its row, or thrown out.

A sentence passes if all of this holds; it fails at the first that does not (fail closed):

* shape: a text of a reasonable length without links, markup or line breaks;
* rows: it cites one row that exists, and stands in that row's area;
* quotes: what stands in quotation marks is a part of a cited statement, after the same normalisation, and is given to
  the side that said it;
* numbers and names: they occur in the cited statements, or are the personas' own;
* sides: it says something of either side;
* words: with a predictor, at least one content word of either statement is told;
* claims: rules on words look for a relation that is not the row's, a polarity that is not the statement's, a side that
  is given the other's view or none, and words that no cited statement holds (:mod:`jepa_langchain.chains.claims`). With
  a predictor, these findings and its own measures are weighed together (:mod:`jepa_langchain.chains.consent`); without
  one, the first finding throws the sentence out.

What was tuned on which corpus, and what to expect of others, says ``benchmarks/narrative.md``; what the checks cannot
see, ``docs/narratives.md``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jepa_langchain.chains.claims import Claims, Evidence
from jepa_langchain.chains.consent import shipped_consent
from jepa_langchain.chains.foreign import reported
from jepa_langchain.chains.polarity import content, read
from jepa_langchain.chains.sides import Clause, Names
from jepa_langchain.chains.signals import Judge, signals
from jepa_langchain.chains.words import TOKEN, bare, english, normalise, same_word
from jepa_langchain.schema import LedgerRow, Relation

#: Most characters of a sentence, and of a title.
LONGEST, LONGEST_TITLE = 800, 120

_MARKUP = re.compile(r"https?:|www\.|[<>{}`|\\]|\]\(|\*\*|[\r\n]")
_QUOTE_MARKS = re.compile(r"[“”„«»\"]")
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]*)[”“»\"]")
_DIGIT = re.compile(r"\d")
_CALLED_TWO = re.compile(r"\bthe two\b|\btwo (?:sides|agents|personas|parties)\b|\bon the one hand\b")
_CAPITAL = re.compile(r"(?<=[\w,;:'’)”\"]\s)([A-Z][\w'’\-]*)")


@dataclass(frozen=True)
class Item:
    """A sentence as a language model returns it: the area it is for, a title, the text, the ids of the cited rows."""

    area: Relation
    title: str
    text: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The outcome: the row that an accepted sentence words, or why it is thrown out.

    ``title`` is False where the text may stand but its title may not.
    """

    row: LedgerRow | None
    reason: str = ""
    title: bool = True


class Verifier:
    """Checks sentences against the rows of one report.

    Args:
        names: ids of the two personas.
        rows: every row that a sentence may cite; their ids are distinct.
        judge: the predictor's measures of what is told against what is said; without it the word rules decide alone.
        language: of the narrative; in another than English only reported quotes pass (:mod:`.foreign`).
    """

    def __init__(
        self,
        names: tuple[str, str],
        rows: Sequence[LedgerRow],
        judge: Judge | None = None,
        *,
        language: str = "en",
    ) -> None:
        self._language = language
        self.names = Names(*names)
        self.lexicon = english()
        self._claims, self._judge = Claims(self.names, self.lexicon), judge
        words = {row.id: [content(side.text, self.lexicon) for side in (row.a, row.b)] for row in rows}
        holders: dict[str, set[str]] = {}
        for row_id, sides in words.items():
            for word in (w for side in sides for w in side):
                holders.setdefault(word.text, set()).add(row_id)
        self._evidence = {
            row.id: Evidence(
                row,
                tuple(words[row.id][0]),
                tuple(words[row.id][1]),
                frozenset(w for w, ids in holders.items() if row.id not in ids),
            )
            for row in rows
        }

    def __len__(self) -> int:
        """How many rows may be cited."""
        return len(self._evidence)

    def check(self, item: Item) -> Verdict:
        """Whether one sentence may be told."""
        reason = self._shape(item) or self._citation(item)
        if reason:
            return Verdict(None, reason)
        evidence = self._evidence[item.rows[0]]
        if self._language != "en":
            return self._foreign(item, evidence)
        clauses = self.names.clauses(item.text)
        reason = (
            self._quotes(item, evidence, clauses) or self._figures(item, evidence) or self._claimed(clauses, evidence)
        )
        if reason:
            return Verdict(None, reason)
        strange, held = self._title(item, evidence)
        if len(strange) > 1 and not held:
            return Verdict(None, f"words: the title's {strange[0]!r} is in no cited statement")
        return Verdict(evidence.row, title=not strange and not _DIGIT.search(item.title))

    def _foreign(self, item: Item, evidence: Evidence) -> Verdict:
        """A sentence in another language: reported quotes, under the template's title."""
        reason = self._quotes(item, evidence, ()) or reported(item.text, evidence.row, self.names, self._language)
        return Verdict(None, reason) if reason else Verdict(evidence.row, title=False)

    def signals(self, item: Item) -> dict[str, float] | None:
        """What consent is asked for with; None without a predictor, or if something before that throws it out."""
        if self._judge is None or self._shape(item) or self._citation(item):
            return None
        evidence, clauses = self._evidence[item.rows[0]], self.names.clauses(item.text)
        if self._quotes(item, evidence, clauses) or self._figures(item, evidence):
            return None
        return signals(self._claims, clauses, evidence, self._judge)

    def _claimed(self, clauses: Sequence[Clause], evidence: Evidence) -> str:
        """What the rules find, unless the predictor's view of the matter outweighs it, or the other way round."""
        ruled = self._claims.relation(clauses, evidence) or self._claims.claims(clauses, evidence)
        if self._judge is None:
            return ruled
        found = signals(self._claims, clauses, evidence, self._judge)
        if found is None:
            return "sides: both are to be spoken of"
        if not found["words known, the higher"]:
            # "Both agree on everything" is borne out by any agreement, and says nothing of this one.
            return "words: not one of either statement's"
        consent = shipped_consent()
        probability = consent.probability(found)
        if probability >= consent.threshold:
            return ""
        doubted = f"{probability:.2f} of {consent.threshold:.2f} that are asked"
        return f"{ruled} (consent {doubted})" if ruled else f"consent: {doubted}"

    def _shape(self, item: Item) -> str:
        if not TOKEN.search(item.text) or len(item.text) > LONGEST or len(item.title) > LONGEST_TITLE:
            return f"shape: a sentence has 1 to {LONGEST} characters, its title up to {LONGEST_TITLE}"
        markup = _MARKUP.search(item.text) or _MARKUP.search(item.title)
        return "shape: links, markup or line breaks" if markup else ""

    def _citation(self, item: Item) -> str:
        if len(item.rows) != 1:
            return "rows: a sentence cites one row"
        evidence = self._evidence.get(item.rows[0])
        if evidence is None:
            return "rows: no such row"
        is_of = evidence.row.relation
        return "" if is_of is item.area else f"rows: told as {item.area.value}, the row says {is_of.value}"

    def _quotes(self, item: Item, evidence: Evidence, clauses: Sequence[Clause]) -> str:
        if len(_QUOTE_MARKS.findall(item.text)) % 2:
            return "quotes: an open quotation mark"
        sources = {"a": normalise(evidence.row.a.text), "b": normalise(evidence.row.b.text)}
        for quoted in _QUOTED.findall(item.text):
            words = normalise(quoted).strip(" .,;:!?")
            held = {side for side, source in sources.items() if re.search(rf"(?<!\w){re.escape(words)}(?!\w)", source)}
            if not held:
                return "quotes: not a part of a cited statement"
            sides = {clause.side for clause in clauses if words in normalise(clause.text)}
            if sides and not sides & {*held, "both"}:
                return "quotes: given to the other side"
        return ""

    def _figures(self, item: Item, evidence: Evidence) -> str:
        source = set(TOKEN.findall(normalise(f"{evidence.row.a.text} {evidence.row.b.text}")))
        text = self.names.without(item.text)
        for token in TOKEN.findall(_CALLED_TWO.sub(" ", normalise(text))):
            if (_DIGIT.search(token) or token in self.lexicon.numbers) and token not in source:
                return f"numbers: {token!r} is in no cited statement"
        for match in _CAPITAL.finditer(text):
            name = bare(normalise(match.group()))
            ordinary = name in self.lexicon.light or name in self.lexicon.allowed
            if not ordinary and not any(same_word(name, word.text) for word in evidence.both):
                return f"names: {match.group()!r} is in no cited statement"
        return ""

    def _title(self, item: Item, evidence: Evidence) -> tuple[list[str], bool]:
        """The title's words that no cited statement holds, and whether it has any that one does."""
        words = content(self.names.without(item.title), self.lexicon)
        reading = read(words, evidence.both, self.lexicon)
        strange = [w for w in reading.unknown if w not in self.lexicon.allowed] + reading.opposed
        return strange, bool(reading.matched or reading.denied)
