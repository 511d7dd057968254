"""What a sentence claims, held against its row: who is said to hold what, how it is told, and words of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jepa_langchain.chains.polarity import Reading, Word, compared, content, read, settle
from jepa_langchain.chains.sides import Clause, Names, Side
from jepa_langchain.chains.words import Lexicon, normalise, same_word
from jepa_langchain.schema import LedgerRow, Relation

#: Log-odds that the predictor must have for each weight of doubt: words of a sentence's own, a denial said in other
#: words. A sentence of more doubt is thrown out.
CONSENT = {1: -0.2, 2: 0.3, 3: 0.8}
#: What a word weighs that another row's statements hold and the cited ones do not, or that has an opposite.
HEAVY = 2
_SAYS = re.compile(
    r"^(?:that )?(?:says?|said|holds?|argues?|believes?|thinks?|claims?|maintains?|insists?|warns?|fears?|states?|"
    r"notes?|observes?|contends?|counters?|replies|objects?|points? out|finds?|considers?|sees|regards?|predicts?|"
    r"expects?|stresses|complains?|reports?|agrees?|concur|hold|believe|adds?|"
    r"is (?:sure|convinced|confident|worried|concerned))(?: (?:that|it|them|of|for|as))?\s+(?=\w)",
    re.IGNORECASE,
)
#: Log-odds of agreement against disagreement of (told, statement) pairs; see ``AlignmentModel``'s polarity.
Polarity = Callable[[Sequence[tuple[str, str]]], Sequence[float]]

_SIDES: tuple[Side, ...] = ("a", "b", "both")
_DISPUTE = re.compile(
    r"\b(?:disagree\w*|clash\w*|differ(?:s|ed|ing|ence|ences)?|at odds|disput\w*|contest(?:s|ed)?|contradict\w*|"
    r"oppos\w+|den(?:y|ies|ied)|reject\w*|whereas|by contrast|on the other hand|contrary|unlike|argue over|divided|"
    r"split on)\b"
)
_TOGETHER = re.compile(
    r"\b(?:agree(?:s|d|ment)?|(?<!of )both|shared?|common ground|alike|likewise|neither|consensus|concur|"
    r"unanimous\w*)\b"
)
_APART = re.compile(r"\b(?:disagree\w*|differ\w*|odds|part|clash\w*|dispute|divided|contrast|instead|premise)\b")
_JOINS = re.compile(r"^\W*(?:(?:and|while|but|the|also|likewise|too)\W+)*(?:agrees|concurs|likewise|shares)\b")
_DEMAND = re.compile(r"\b(?:should|must|ought|need(?:s|ed)?|has to|have to|require[sd]?|demand\w*)\b")
_LEAD = re.compile(r"^(?:\W|\b(?:the|agents?|both|that|says?|holds?|and|while|but|whereas)\b)+", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """A row as its words: those of each statement, of both, and those that only other rows hold."""

    row: LedgerRow
    a: tuple[Word, ...]
    b: tuple[Word, ...]
    foreign: frozenset[str]

    @property
    def both(self) -> tuple[Word, ...]:
        """The words of either statement."""
        return self.a + self.b


@dataclass(frozen=True)
class Claims:
    """Checks the clauses of a sentence against the evidence of its row; every check returns a reason, or nothing."""

    names: Names
    lexicon: Lexicon
    polarity: Polarity | None = None

    def relation(self, clauses: Sequence[Clause], evidence: Evidence) -> str:
        """An agreement told as a dispute, or a disagreement as something that both hold."""
        said = [w.text for w in evidence.both]

        def own(pattern: re.Pattern[str], text: str) -> bool:
            """Whether a mark stands in a text that the statements do not hold themselves."""
            return any(not any(same_word(m.group().split()[0], w) for w in said) for m in pattern.finditer(text))

        for clause in clauses:
            text = normalise(clause.text)
            if evidence.row.relation is Relation.AGREE:
                if own(_DISPUTE, text):
                    return "relation: an agreement told as a dispute"
            elif (clause.side == "both" and own(_TOGETHER, text) and not _APART.search(text)) or _JOINS.search(
                normalise(self.names.without(clause.text))
            ):
                return "relation: a disagreement told as what both hold"
        return ""

    def claims(self, clauses: Sequence[Clause], evidence: Evidence) -> str:
        """A polarity that is not the statement's, a side that is given the other's view or none, words of its own."""
        told: dict[Side, tuple[Reading, Reading]] = {side: (Reading(), Reading()) for side in _SIDES}
        for clause in clauses:
            words = content(self.names.without(clause.text), self.lexicon)
            for side, whole in zip(("a", "b"), told[clause.side], strict=True):
                part, contrary = self._read(clause, words, evidence, side)
                if contrary:
                    return f"polarity: {contrary}"
                whole.add(part)
        if _swapped(told["a"][0], told["a"][1], self.lexicon) or _swapped(told["b"][1], told["b"][0], self.lexicon):
            return "sides: one is given what the other says"
        apart = all(any(r.matched for r in told[side]) for side in _SIDES[:2])
        # What both are said to hold is a matter of either statement: "agree on everything" in one of them is none.
        joint = evidence.row.relation is Relation.AGREE and all(self._matter(r) for r in told["both"])
        if not (apart or joint):
            return "sides: both are to be spoken of"
        return self._own_words(told, clauses, evidence)

    def _read(self, clause: Clause, words: Sequence[Word], evidence: Evidence, side: str) -> tuple[Reading, str]:
        """A clause in the light of one side's statement, and why it says the contrary, if it is about that side."""
        cited, statement = (evidence.row.a, evidence.a) if side == "a" else (evidence.row.b, evidence.b)
        reading = settle(
            read(words, statement, self.lexicon), self.names.without(clause.text), cited.text, self.lexicon
        )
        agree = evidence.row.relation is Relation.AGREE
        if clause.side != side and not (agree and clause.side == "both"):
            return reading, ""
        if reading.contrary:
            return reading, reading.contrary
        exchanged = not compared(self.names.without(clause.text), cited.text, self.lexicon)
        return reading, "the sides of a comparison are exchanged" if exchanged else ""

    def _matter(self, reading: Reading) -> bool:
        """Whether a word of the statement is told that claims something."""
        return any(word not in self.lexicon.allowed for word in reading.matched)

    def _own_words(
        self, told: dict[Side, tuple[Reading, Reading]], clauses: Sequence[Clause], evidence: Evidence
    ) -> str:
        """Attitudes that do not suit the statement, and words that claim something no cited statement does."""
        tones = {"a": self._tone(evidence.row.a.text, evidence.a), "b": self._tone(evidence.row.b.text, evidence.b)}
        doubts = self._halved(told, evidence)
        for side, (one, other) in told.items():
            tone = sum(tones.values()) if side == "both" else tones[side]
            # A denial in other words is doubted once, for the words that it denies.
            moved = bool(one.moved or other.moved)
            for word in (w for w in one.unknown if w in other.unknown and not (moved and self.lexicon.negative(w))):
                attitude = self.lexicon.attitude(word)
                if attitude * tone < 0:
                    return f"polarity: {word!r} does not suit the statement"
                doubts.append((int(attitude < 0 and tone == 0) if attitude else self._weight(word, evidence), word))
            doubts += [(1, word) for reading in (one, other) for word in reading.moved[:1]]
        weight = sum(w for w, _ in doubts)
        named = max(doubts, default=(0, ""))[1]
        if weight > max(CONSENT):
            return f"words: {named!r} and others are in no cited statement"
        if weight and not self._consent(clauses, evidence, weight):
            return f"words: {named!r} is in no cited statement, and the predictor does not consent"
        return ""

    def _tone(self, text: str, words: Sequence[Word]) -> int:
        """How a statement speaks of its matter: a demand is in favour of it, a denied demand is not."""
        if _DEMAND.search(normalise(text)):
            return -1 if any(word.denied for word in words) else 1
        return self.lexicon.tone(word.text for word in words)

    def _halved(self, told: dict[Side, tuple[Reading, Reading]], evidence: Evidence) -> list[tuple[int, str]]:
        """Where a statement holds two contraries ("revive empty houses") and one is told alone, it is turned round."""
        doubts = []
        for place, (side, statement) in enumerate((("a", evidence.a), ("b", evidence.b))):
            said = [w for key in _SIDES if key in (side, "both") for w in told[key][place].matched]
            for word in said:
                left = [w.text for w in statement if self.lexicon.opposite(word, w.text)]
                if left and not any(self.lexicon.alike(w, s) for w in left for s in said):
                    doubts.append((max(CONSENT) + 1, word))
        return doubts

    def _weight(self, word: str, evidence: Evidence) -> int:
        if word in self.lexicon.allowed or word in self.lexicon.light:
            return 0
        foreign = any(same_word(word, w) for w in evidence.foreign)
        return HEAVY if foreign or self.lexicon.takes_sides(word) else 1

    def _consent(self, clauses: Sequence[Clause], evidence: Evidence, doubt: int) -> bool:
        """Whether the predictor takes what each side is said to hold for what its statement says.

        In a disagreement it must also take it for that rather than for what the other side says; in an agreement, for
        what either says.
        """
        if self.polarity is None:
            return False
        row = evidence.row
        told = {side: self._claim(clauses, side) for side in ("a", "b")}
        if not all(told.values()):
            return False
        pairs = [(told[x], y.text) for x in ("a", "b") for y in (row.a, row.b)]
        aa, ab, ba, bb = self.polarity(pairs)
        sure = min(aa, ab, ba, bb) if row.relation is Relation.AGREE else min(aa, bb, aa - ab, bb - ba)
        return sure >= CONSENT[doubt]

    def _claim(self, clauses: Sequence[Clause], side: Side) -> str:
        """What a side is said to hold, without who says it and how."""
        parts = []
        for clause in clauses:
            if clause.side in (side, "both"):
                text = _LEAD.sub("", " ".join(self.names.without(clause.text).split())).strip(" ,;:.")
                parts.append(_SAYS.sub("", text).strip(" ,;:."))
        return ", ".join(part for part in parts if part)


def _swapped(own: Reading, other: Reading, lexicon: Lexicon) -> bool:
    """Whether what is told of one side is more the other's than its own."""
    theirs = [w for w in own.unknown if w in other.matched and w not in lexicon.allowed]
    mine = [w for w in other.unknown if w in own.matched and w not in lexicon.allowed]
    return len(theirs) > len(mine)
