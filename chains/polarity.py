"""Whether a clause says what a statement says, word by word: matched, contrary, or in no statement at all.

A word of the clause is matched with a word of the statement when they are forms of one word, stand-ins or opposites
(:mod:`jepa_langchain.chains.words`). Each of the two may stand under a denial ("not", "never", "without", "denies").
A match is contrary when an odd number of the three is so: clause word denied, statement word denied, opposites.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from jepa_langchain.chains.words import TOKEN, Lexicon, bare, normalise, same_word

_ADVERBS = r"(?: (?:not|never|both|all|also|always|still|\w+ly)){0,2}"
_STANCES = (
    r"argu(?:e|es|ed|ing)|speaks?|speaking|spoke|stands?|standing|stood|votes?|voted|voting|pleads?|pleaded|"
    r"advis(?:e|es|ed|ing)|decid(?:e|es|ed|ing)|c[ao]mes? out|turn(?:s|ed)?|push(?:es|ed)? back|"
    r"arguments?|case|reasons?|stance|position|views?"
)
#: Phrases that one word says as well: the lists know the word.
_PHRASES = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), word)
    for pattern, word in (
        ("(?:far )?too (?:many|much)", "excessive"),
        ("too (?:few|little)", "insufficient"),
        ("(?:is|are|was|were) over", "is ended"),
        ("at once|right away|as soon as possible", "immediately"),
        ("play(?:s|ed|ing)? down", "downplayed"),
        ("slow(?:s|ed|ing)? (?:\\w+ )?down", "slows"),
        ("speed(?:s|ed|ing)? up", "accelerates"),
        ("phas(?:e|es|ed|ing) out", "ended"),
        ("get(?:s|ting)? rid of", "abolish"),
        ("in favou?r of", "favours"),
        # To be, to argue or to have a case against something denies it; to protect or to fight against it does not.
        (rf"((?:is|are|was|were|be|been|being){_ADVERBS}) against", r"\1 opposes"),
        (rf"(?:{_STANCES})(?: \w+ly| out)? against", "opposes"),
        (r"object(?:s|ed|ing|ions?)? to|opposition to|takes? issue with", "opposes"),
        # "Most disputes over noise" is a matter and "disputes the noise" a denial; "contested" may be either.
        (
            r"(?:contest(?:s|ing)?|disput(?:e|es|ing))(?= (?!over|about|between|with|among|and|or|in|is|are|by)\w)",
            "denies",
        ),
        (r"(?:contested|disputed)(?= (?:that|the|whether|any|a|this)\b)", "denies"),
        (r"disagree(?:s|d)?(?: with the \w+)? that", "denies that"),
        (r"(?<!the )questions? (?:that|whether|if)", "doubts whether"),
        (
            r"(?:keep|save|stop)(?:s|d|ed|ing|ping|ped)?(?=(?: \w+){1,5} from\b)|kept(?=(?: \w+){0,5} from\b)",
            "prevents",
        ),
        (r"(?:dismiss|reject|deride|condemn)(?:es|s|d|ed)?(?=(?: \w+){1,5} as\b)", "calls"),
        ("next to nothing|hardly any(?:thing)?|barely any(?:thing)?", "nothing"),
        ("rul(?:e|es|ed|ing) out", "denies"),
        ("instead of|rather than", "without"),
        ("turn(?:s|ed|ing)? (?:\\w+ )?down", "refuses"),
        ("do(?:es)? away with", "abolish"),
        ("(?:go(?:es|ing)?|carr(?:y|ies|ying)) on(?= \\w+ing)", "continues"),
        ("leav(?:e|es|ing)(?=(?: \\w+){1,5} to)", "gives"),
        ("(?:object|complain|worrie|worry|fear|warn|regret|lament|hope|trust|insist)s? that", "says that"),
    )
)
#: A denial that is a word of the claim as well.
_CONTENT_DENIALS = frozenset({"impossible", "unable"})
# A denial ends where another clause begins.
_SCOPE_END = re.compile(r"[;:.!?()]|,|\b(?:but|while|whereas|because|when|if|and|since|(?<!not )yet|although)\b")


@dataclass(frozen=True)
class Word:
    """A content word, whether it stands under an odd number of denials, and whether "less" stands before it.

    "Less rapid" may stand for "not as rapid", and does not oppose "rapid ... has dropped".
    """

    text: str
    denied: bool
    lessened: bool = False


@dataclass
class Reading:
    """What a clause's content words are in the light of a statement.

    Attributes:
        matched: words that stand for a word of the statement, on the same side.
        opposed: words that oppose one, as "clause word/statement word".
        denied: words of the statement that are denied on one side only.
        both_denied: how many matched words are denied on both sides: the statement's own denial is told.
        unknown: words that match nothing.
        moved: words of the statement that only one side's denial covers, where both are negative claims.
    """

    matched: list[str] = field(default_factory=list)
    opposed: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    both_denied: int = 0
    unknown: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def add(self, other: Reading) -> None:
        """Take in the reading of a further clause."""
        for mine, theirs in (
            (self.matched, other.matched),
            (self.opposed, other.opposed),
            (self.denied, other.denied),
            (self.unknown, other.unknown),
            (self.moved, other.moved),
        ):
            mine.extend(theirs)
        self.both_denied += other.both_denied

    @property
    def contrary(self) -> str:
        """Why the clause says the contrary of the statement; empty if it does not."""
        if self.opposed:
            return f"opposes the statement: {self.opposed[0]}"
        stray = len(self.denied)
        if stray and (stray > len(self.matched) or not self.both_denied):
            return f"a denial more or less than the statement's at {self.denied[0]!r}"
        return ""


def negations(text: str, lexicon: Lexicon) -> int:
    """How many words of a text make it a negative claim."""
    return sum(lexicon.negative(bare(raw)) for raw in TOKEN.findall(_plain(text)))


def _plain(text: str) -> str:
    text = normalise(text)
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    return text


def content(text: str, lexicon: Lexicon) -> list[Word]:
    """The content words of a text, in order, with their denials."""
    words: list[Word] = []
    text = _plain(text)
    start = 0
    for stop in [*(m.end() for m in _SCOPE_END.finditer(text)), len(text)]:
        words += _scope([bare(raw) for raw in TOKEN.findall(text[start:stop])], lexicon)
        start = stop
    return words


def _scope(said: list[str], lexicon: Lexicon) -> list[Word]:
    """The content words of one scope. "Nothing ... without x" denies nothing: it demands x."""
    denials = [word for word in said if lexicon.denying(word)]
    demanded = "without" in denials[1:]
    denied = False
    words: list[Word] = []
    for word in said:
        if lexicon.denying(word):
            denied = not denied and not demanded
        elif word not in lexicon.light or word in lexicon.amounts:
            lessened = bool(words) and words[-1].text in ("less", "fewer")
            words.append(Word(word, denied, lessened))
            denied = not denied if word in _CONTENT_DENIALS else denied
    return words


def read(clause: Sequence[Word], statement: Sequence[Word], lexicon: Lexicon) -> Reading:
    """Match a clause's content words with those of the statement that it is to stand for."""
    reading = Reading()
    for word in clause:
        matches = [w for w in statement if same_word(word.text, w.text)]
        matches = matches or [w for w in statement if lexicon.alike(word.text, w.text)]
        against = [w for w in statement if lexicon.opposite(word.text, w.text)]
        if against and matches and not any(same_word(word.text, w.text) for w in matches):
            # A stand-in of one word and the opposite of another: the doubt counts against it, unless the statement
            # itself holds both sides of one opposition.
            inside = any(lexicon.opposite(m.text, w.text) for m in matches for w in against)
            matches, against = (matches, []) if inside else ([], against)
        if any(w.denied == word.denied or word.lessened or w.lessened for w in matches):
            reading.matched.append(word.text)
            reading.both_denied += word.denied or any(w.denied for w in matches)
        elif matches:
            reading.denied.append(word.text)
        elif any(w.denied != word.denied for w in against):
            reading.matched.append(word.text)
            reading.both_denied += 1
        elif against:
            reading.opposed.append(f"{word.text}/{against[0].text}")
        else:
            reading.unknown.append(word.text)
    return reading


def settle(reading: Reading, text: str, statement: str, lexicon: Lexicon) -> Reading:
    """Count words under one side's denial as matched where both texts are negative claims, said in different ways.

    "Should not be allowed" and "have no place" deny different words of one claim: an odd number of negative words on
    either side stands for that. The predictor has to consent.
    """
    counts = [negations(t, lexicon) for t in (text, statement)]
    if reading.contrary and not reading.opposed and all(n % 2 for n in counts):
        reading.moved += reading.denied
        reading.matched += reading.denied
        reading.denied.clear()
    return reading


# Words between two things that are not to be exchanged, by their stems.
_BETWEEN = ("than", "outliv", "outlast", "replac", "exceed", "surpass", "outperform", "beat", "preced")
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\b.*\bby\b")


def compared(text: str, statement: str, lexicon: Lexicon) -> bool:
    """Whether what stands before and after "than" or a word like "outlives" stands where the statement has it."""
    told, said = normalise(text), normalise(statement)
    return _PASSIVE.search(told) is not None or all(_in_order(told, said, stem, lexicon) for stem in _BETWEEN)


def _in_order(text: str, statement: str, stem: str, lexicon: Lexicon) -> bool:
    halves = [re.split(rf"\b{stem}\w*\b", part) for part in (text, statement)]
    if any(len(parts) != len(("x", "y")) for parts in halves):
        return True
    (x, y), (sx, sy) = ([content(part, lexicon) for part in parts] for parts in halves)
    right = len(read(x, sx, lexicon).matched) + len(read(y, sy, lexicon).matched)
    crossed = (
        read(x, [w for w in sy if w not in sx], lexicon).matched,
        read(y, [w for w in sx if w not in sy], lexicon).matched,
    )
    return right >= len(crossed[0]) + len(crossed[1]) and not all(crossed)
