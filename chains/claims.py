"""What a sentence claims, held against its row: who is said to hold what, how it is told, and words of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jepa_langchain.chains.figures import exchanged
from jepa_langchain.chains.polarity import Reading, Word, compared, content, read, settle
from jepa_langchain.chains.sides import Clause, Names, Side
from jepa_langchain.chains.words import Lexicon, normalise, same_word
from jepa_langchain.schema import LedgerRow, Relation

#: What a word weighs that another row's statements hold and the cited ones do not, or that has an opposite.
HEAVY = 2
#: Most words of a topic.
_LONGEST_TOPIC = 5
_SAYS = re.compile(
    r"^(?:that )?(?:says?|said|holds?|argues?|believes?|thinks?|claims?|maintains?|insists?|warns?|fears?|states?|"
    r"notes?|observes?|contends?|counters?|replies|objects?|points? out|finds?|considers?|sees|regards?|predicts?|"
    r"expects?|stresses|complains?|reports?|agrees?|concur|hold|believe|adds?|"
    r"is (?:sure|convinced|confident|worried|concerned))(?: (?:that|it|them|of|for|as))?\s+(?=\w)",
    re.IGNORECASE,
)
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
_SETTLED = re.compile(r"\b(?:un(?:disputed|contested|questioned)|beyond (?:all )?(?:dispute|question|doubt))\b")
_APART = re.compile(r"\b(?:disagree\w*|differ\w*|odds|part|clash\w*|dispute|divided|contrast|instead|premise)\b")
_JOINS = re.compile(r"^\W*(?:(?:and|while|but|the|also|likewise|too)\W+)*(?:agrees|concurs|likewise|shares)\b")
# A claim as a question, a doubt or a thing of the past, and what a statement has that is one itself.
_BE = "".join(rf"(?<!\b{be} )" for be in ("is", "are", "be", "was", "were", "been", "being"))
_WEAKENED = re.compile(
    r"\b(?:asks?|asked|wonders?|wondered) (?:\w+ )?(?:whether|if)\b|"
    r"\b(?:not|isn't) (?:\w+ )?(?:sure|certain|convinced)\b|"
    rf"\bunsure\b|\bformerly\b|\bonce (?:argued|believed|called|held|said|thought|wanted)\b|{_BE}\bused to\b"
)
_WEAK = re.compile(
    r"\?|\b(?:ask|believe|certain|convinc|could|debat|doubt|former|if\b|may\b|might|once|perhaps|question|sure|think|"
    r"unclear|use|whether|wonder)"
)
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


@dataclass
class Told:
    """The clauses of a sentence, read in the light of both statements of its row.

    Attributes:
        by_side: what is said of a, of b and of both, as read against a's statement and against b's.
        about: the reading of each clause against a statement that it is about.
        exchanged: clauses that exchange the sides of a statement's comparison.
        contrary: why the first clause that does says the contrary of its statement.
    """

    by_side: dict[Side, tuple[Reading, Reading]] = field(
        default_factory=lambda: {side: (Reading(), Reading()) for side in _SIDES}
    )
    about: list[Reading] = field(default_factory=list)
    exchanged: int = 0
    contrary: str = ""

    def strange(self) -> Iterator[tuple[Side, str]]:
        """(side, word) of the words that no cited statement holds."""
        for side, (one, other) in self.by_side.items():
            yield from ((side, word) for word in one.unknown if word in other.unknown)

    def of(self, place: int) -> Reading:
        """All that is said of one side (0 or 1), read against its statement."""
        whole = Reading()
        for side in (_SIDES[place], "both"):
            whole.add(self.by_side[side][place])
        return whole


@dataclass(frozen=True)
class Claims:
    """Checks the clauses of a sentence against the evidence of its row; every check returns a reason, or nothing."""

    names: Names
    lexicon: Lexicon

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
                continue
            together = (clause.side == "both" and own(_TOGETHER, text)) or own(_SETTLED, text)
            if (together and not _APART.search(text)) or _JOINS.search(normalise(self.names.without(clause.text))):
                return "relation: a disagreement told as what both hold"
        return ""

    def misgiven(self, clauses: Sequence[Clause], evidence: Evidence) -> str:
        """What no consent mends: a number of the other side's alone; a claim told as a question, a doubt or past."""
        a, b = normalise(evidence.row.a.text), normalise(evidence.row.b.text)
        for clause in clauses:
            text = normalise(self.names.without(clause.text))
            own, other = (b, a) if clause.side == "b" else (a, b)
            # "B rejects 10 euros" tells the other's number as the other's.
            apart = evidence.row.relation is Relation.DISAGREE and clause.side != "both"
            held = evidence.b if clause.side == "b" else evidence.a
            denied = any(word.denied for word in content(text, self.lexicon))
            contested = denied and not any(word.denied for word in held)
            if apart and not contested and (number := exchanged(text, own, other, self.lexicon)):
                return f"sides: {number!r} is in the other's statement only"
            weak = _WEAKENED.search(text)
            if weak and not _WEAK.search(own if clause.side != "both" else f"{a} {b}"):
                return f"polarity: {weak.group()!r} is weaker than the statement"
        return ""

    def title(self, title: str, evidence: Evidence) -> bool:
        """Whether a title names the row's matter in its own words and claims nothing of it or of the personas."""
        text, row = normalise(title), evidence.row
        words = content(title, self.lexicon)
        found = read(words, evidence.both, self.lexicon)
        strange = any(word not in self.lexicon.allowed for word in found.unknown)
        denials = any(word.denied for word in words)
        # What the statements deny is a topic ("Trade in organs"); a denial, a demand or a whole clause claims it.
        told = denials or _DEMAND.search(text) or len(text.split()) > _LONGEST_TOPIC
        denied = (told and found.denied) or (denials and row.relation is Relation.DISAGREE)
        claimed = self.names.mentions(title) or _DISPUTE.search(text) or _TOGETHER.search(text)
        return not (strange or found.opposed or denied or claimed or re.search(r"\d", text))

    def claims(self, clauses: Sequence[Clause], evidence: Evidence) -> str:
        """A polarity that is not the statement's, a side that is given the other's view or none, words of its own."""
        told = self.read(clauses, evidence)
        if told.contrary:
            return f"polarity: {told.contrary}"
        if self.swapped(told):
            return "sides: one is given what the other says"
        apart = all(any(r.matched for r in told.by_side[side]) for side in _SIDES[:2])
        # What both are said to hold is a matter of either statement: "agree on everything" in one of them is none.
        joint = evidence.row.relation is Relation.AGREE and all(self._matter(r) for r in told.by_side["both"])
        if not (apart or joint):
            return "sides: both are to be spoken of"
        if unsuited := self.unsuited(told, evidence):
            return f"polarity: {unsuited[0]!r} does not suit the statement"
        doubts = [*self.halved(told, evidence), *self.own_words(told, evidence)]
        return f"words: {doubts[0]!r} is in no cited statement" if doubts else ""

    def read(self, clauses: Sequence[Clause], evidence: Evidence) -> Told:
        """Read every clause in the light of both statements."""
        told = Told()
        for clause in clauses:
            text = self.names.without(clause.text)
            words = content(text, self.lexicon)
            for side, cited, statement, whole in zip(
                _SIDES,
                (evidence.row.a, evidence.row.b),
                (evidence.a, evidence.b),
                told.by_side[clause.side],
                strict=False,
            ):
                reading = settle(read(words, statement, self.lexicon), text, cited.text, self.lexicon)
                whole.add(reading)
                if clause.side == side or (clause.side == "both" and evidence.row.relation is Relation.AGREE):
                    exchanged = not compared(text, cited.text, self.lexicon)
                    why = reading.contrary or ("the sides of a comparison are exchanged" if exchanged else "")
                    told.about.append(reading)
                    told.exchanged += exchanged
                    told.contrary = told.contrary or why
        return told

    def swapped(self, told: Told) -> bool:
        """Whether one side is given what the other says."""
        a, b = told.by_side["a"], told.by_side["b"]
        return _swapped(a[0], a[1], self.lexicon) or _swapped(b[1], b[0], self.lexicon)

    def unsuited(self, told: Told, evidence: Evidence) -> list[str]:
        """Words of its own that speak well of what the statement speaks ill of, or the other way round."""
        tones = self._tones(evidence)
        return [word for side, word in told.strange() if self.lexicon.attitude(word) * tones[side] < 0]

    def own_words(self, told: Told, evidence: Evidence) -> list[str]:
        """Words that claim what no cited statement does, and one for each denial in other words, the heaviest first."""
        tones, doubts = self._tones(evidence), []
        for side, word in told.strange():
            # A denial in other words is doubted once, for the words that it denies.
            if not (any(r.moved for r in told.by_side[side]) and self.lexicon.negative(word)):
                attitude = self.lexicon.attitude(word)
                doubts.append(
                    (int(attitude < 0 and tones[side] == 0) if attitude else self.weight(word, evidence), word)
                )
        doubts += [(1, word) for readings in told.by_side.values() for r in readings for word in r.moved[:1]]
        return [word for weight, word in sorted(doubts, reverse=True) if weight]

    def _matter(self, reading: Reading) -> bool:
        """Whether a word of the statement is told that claims something."""
        return any(word not in self.lexicon.allowed for word in reading.matched)

    def _tones(self, evidence: Evidence) -> dict[Side, int]:
        a, b = self._tone(evidence.row.a.text, evidence.a), self._tone(evidence.row.b.text, evidence.b)
        return {"a": a, "b": b, "both": a + b}

    def _tone(self, text: str, words: Sequence[Word]) -> int:
        """How a statement speaks of its matter: a demand is in favour of it, a denied demand is not."""
        if _DEMAND.search(normalise(text)):
            return -1 if any(word.denied for word in words) else 1
        return self.lexicon.tone(word.text for word in words)

    def halved(self, told: Told, evidence: Evidence) -> list[str]:
        """Where a statement holds two contraries ("revive empty houses") and one is told alone, it is turned round."""
        found = []
        for place, statement in enumerate((evidence.a, evidence.b)):
            said = told.of(place).matched
            for word in said:
                left = [w.text for w in statement if self.lexicon.opposite(word, w.text)]
                if left and not any(self.lexicon.alike(w, s) for w in left for s in said):
                    found.append(word)
        return found

    def weight(self, word: str, evidence: Evidence) -> int:
        """What a word weighs that no cited statement holds: nothing if it claims nothing."""
        if word in self.lexicon.allowed or word in self.lexicon.light:
            return 0
        foreign = any(same_word(word, w) for w in evidence.foreign)
        return HEAVY if foreign or self.lexicon.takes_sides(word) else 1

    def said(self, clauses: Sequence[Clause], side: Side) -> str:
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
