"""The checker of a narrative: code, no language model. Every sentence is verified against its row, or thrown out.

A sentence passes if all of this holds; it fails at the first that does not (fail closed):

* shape: a text of a reasonable length without links, markup (but for what the statement itself has), line breaks and
  characters that nobody sees;
* rows: it cites one row that exists, and stands in that row's area;
* quotes: what stands in quotation marks is a part of a cited statement, after the same normalisation, and is given to
  the side that said it;
* numbers and names: they occur in the cited statements, in whatever spelling, or are the personas' own;
* sides: it says something of either side;
* words: with a predictor, at least one content word of either statement is told;
* claims: rules on words look for a relation that is not the row's, a polarity that is not the statement's, a side that
  is given the other's view or none, and words that no cited statement holds (:mod:`jepa_langchain.chains.claims`). With
  a predictor, these findings and its own measures are weighed together (:mod:`jepa_langchain.chains.consent`); without
  one, the first finding throws the sentence out.

A title claims nothing: where it might, the template's is told instead, and the sentence stands or falls by its text.

What was tuned on which corpus, and what to expect of others, says ``benchmarks/narrative.md``; what the checks cannot
see, ``docs/narratives.md``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jepa_langchain.chains.claims import Claims, Evidence
from jepa_langchain.chains.consent import shipped_consent
from jepa_langchain.chains.figures import as_spelled, invented
from jepa_langchain.chains.foreign import reported
from jepa_langchain.chains.polarity import content
from jepa_langchain.chains.sides import Clause, Names
from jepa_langchain.chains.signals import Judge, signals
from jepa_langchain.chains.words import TOKEN, bare, english, normalise
from jepa_langchain.schema import LedgerRow, Relation

#: Most characters of a sentence, and of a title.
LONGEST, LONGEST_TITLE = 800, 120

_MARKUP = re.compile(r"https?:|www\.|\]\(|\*\*|[\r\n]")
# A sign of markup with its surroundings: "CO2 < 400 ppm" may be told where a statement says it.
_SIGN = re.compile(r".{0,2}[<>{}`|\\].{0,2}")
# Controls, invisible and direction-changing characters, line separators; variation selectors can carry text as well.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_QUOTE_MARKS = re.compile(r"[“”„«»\"]")
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]*)[”“»\"]")
# Of a normalised text; an apostrophe inside a word ends no quote.
_QUOTED_SINGLY = re.compile(r"(?<!\w)'(?=\w)((?:[^'\"]|(?<=\w)'(?=\w))*)'(?!\w)")
# A word that begins no sentence, for one in a capital; and a word in capitals, which may stand anywhere.
_INNER = re.compile(r"(?:(?<=[\w,;:'’)”\"–—-]\s)|(?<=[(\[/“„«\"\u2018–—-]))(?![a-z])[^\W\d_][\w'’\-]*")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


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
        reason = self._form(item)
        if reason:
            return Verdict(None, reason)
        evidence = self._evidence[item.rows[0]]
        if self._language != "en":
            return self._foreign(item, evidence)
        reason, clauses = self._held(item, evidence)
        reason = reason or self._claimed(clauses, evidence)
        if reason:
            return Verdict(None, reason)
        title = self._claims.title(item.title, evidence) and not self._strange_name(item.title, evidence)
        return Verdict(evidence.row, title=title)

    def _foreign(self, item: Item, evidence: Evidence) -> Verdict:
        """A sentence in another language: reported quotes, under the template's title."""
        reason = self._quotes(item, evidence, ()) or reported(item.text, evidence.row, self.names, self._language)
        return Verdict(None, reason) if reason else Verdict(evidence.row, title=False)

    def signals(self, item: Item) -> dict[str, float] | None:
        """What consent is asked for with; None without a predictor, or if something before that throws it out."""
        if self._judge is None or self._form(item):
            return None
        evidence = self._evidence[item.rows[0]]
        reason, clauses = self._held(item, evidence)
        return None if reason else signals(self._claims, clauses, evidence, self._judge)

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

    def _held(self, item: Item, evidence: Evidence) -> tuple[str, list[Clause]]:
        """What its quotes, numbers and names throw it out for; its clauses, spelled as the statements are."""
        sources = (evidence.row.a.text, evidence.row.b.text)
        text = as_spelled(item.text, sources, (self.names.a, self.names.b), self.lexicon)
        clauses = self.names.clauses(text)
        reason = self._quotes(item, evidence, clauses) or self._figures(text, evidence)
        return reason or self._claims.misgiven(clauses, evidence), clauses

    def _form(self, item: Item) -> str:
        return self._shape(item) or self._citation(item) or self._marks(item, self._evidence[item.rows[0]])

    def _shape(self, item: Item) -> str:
        if not TOKEN.search(item.text) or len(item.text) > LONGEST or len(item.title) > LONGEST_TITLE:
            return f"shape: a sentence has words and up to {LONGEST} characters, its title up to {LONGEST_TITLE}"
        text = f"{item.text} {item.title}"
        if _MARKUP.search(text):
            return "shape: links, markup or line breaks"
        unseen = _SELECTORS.search(text) or any(unicodedata.category(character) in _UNSEEN for character in text)
        return "shape: characters that nobody sees" if unseen else ""

    def _marks(self, item: Item, evidence: Evidence) -> str:
        sources = (evidence.row.a.text, evidence.row.b.text)
        signs = _SIGN.findall(f"{item.text} {item.title}")
        if any(all(sign not in source for source in sources) for sign in signs):
            return "shape: links, markup or line breaks"
        # "10 euros" is not "$10", and a pictogram can say no.
        told = normalise(self.names.without(f"{item.text} {item.title}"))
        known = {character for source in sources for character in normalise(source)}
        alien = any(unicodedata.category(character).startswith("S") for character in {*told} - known)
        return "shape: a sign that is in no cited statement" if alien else ""

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
        singly = [q for q in _QUOTED_SINGLY.findall(normalise(item.text)) if len(TOKEN.findall(q)) > 1]
        for quoted in (*_QUOTED.findall(item.text), *singly):
            words = normalise(quoted).strip(" .,;:!?")
            held = {side for side, source in sources.items() if re.search(rf"(?<!\w){re.escape(words)}(?!\w)", source)}
            if not held:
                return "quotes: not a part of a cited statement"
            sides = {clause.side for clause in clauses if words in normalise(clause.text)}
            if sides and not sides & {*held, "both"}:
                return "quotes: given to the other side"
        return ""

    def _figures(self, text: str, evidence: Evidence) -> str:
        text = self.names.without(text)
        number = invented(text, (evidence.row.a.text, evidence.row.b.text), self.lexicon)
        if number:
            return f"numbers: {number!r} is in no cited statement"
        name = self._strange_name(text, evidence)
        return f"names: {name!r} is in no cited statement" if name else ""

    def _strange_name(self, text: str, evidence: Evidence) -> str:
        """A word with a capital letter that no cited statement has; "US" is not "us"."""
        known = {word for source in (evidence.row.a.text, evidence.row.b.text) for word in _CAPITALS.findall(source)}
        words: list[str] = [*_CAPITALS.findall(text), *_INNER.findall(text)]
        for word in words:
            name = bare(normalise(word))
            ordinary = not _CAPITALS.fullmatch(word) and (name in self.lexicon.light or name in self.lexicon.allowed)
            if not word[0].isupper() or word in known or ordinary:
                continue
            if not any(self.lexicon.alike(name, held.text) for held in evidence.both):
                return word
        return ""
