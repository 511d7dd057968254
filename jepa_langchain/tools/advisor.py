"""The advisor: what the tools, the graph and the MCP server answer with, from one index and one model.

It encodes no known statement twice: the index's kept states are handed to a remembering encoder, the pair stage
remembers the pairs it has read, and whole ledgers are kept by what the two personas said. All of that is bounded, and
none of it can change an answer, as everything is kept under the very texts that it was made from, and a text that was
just encoded is rounded to the half precision that the index keeps.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from jepa_langchain.attribution.word_map import top_words, word_map
from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.namespaces import namespace_of
from jepa_langchain.ledger import Ledger, build_ledger
from jepa_langchain.personas import clean_persona
from jepa_langchain.remembering import Remembering
from jepa_langchain.schema import AlignmentReport, Persona, Relation, Statement
from jepa_langchain.statements import clean_text
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.ledger_advice import check_of
from jepa_langchain.tools.results import (
    AlignmentCheck,
    FoundStatement,
    PairExplanation,
    Quote,
    RecordedStatement,
    SearchedRelation,
    StatementMatches,
)
from jepa_langchain.tools.roster import IncomparableError, Roster

if TYPE_CHECKING:
    from langchain_core.documents import Document


#: Comparisons and tenants' views that are remembered.
MOST_COMPARISONS, MOST_ROSTERS = 512, 256
_ID_DIGITS = 16


class Advisor:
    """Answers for callers over one index.

    It may be called from several threads.

    Args:
        index: the statements, with the model that compares them. A tenant's view is taken of it for each caller that
            names a tenant; a caller that names none sees an index without tenants, and is refused by one that has some.
            A tenant's view answers callers of that tenant, and those that name none, as they can mean no other.
    """

    def __init__(self, index: JointIndex) -> None:
        self.model = index.model.remembering(halves=True)
        # The original is held, too: a temporary index lasts as long as it.
        self.index, self._whole = index, JointIndex(index.store, self.model)
        self._rosters: Remembering[str | None, Roster] = Remembering(MOST_ROSTERS)
        self._ledgers: Remembering[tuple[Persona, Persona], Ledger] = Remembering(MOST_COMPARISONS)
        self._reports: Remembering[tuple[Persona, Persona], AlignmentReport] = Remembering(MOST_COMPARISONS)

    def roster(self, caller: Caller) -> Roster:
        """What a caller may see.

        Raises:
            InputError: if the index has tenants and the caller names none, or it is the view of another tenant.
        """
        tenant = caller.tenant
        view = self._rosters.get(tenant, lambda: Roster(self._view(tenant)))
        if tenant is None and view.has_tenants():
            raise InputError("this index has tenants and the run does not say which; its context or config must")
        return view

    def _view(self, tenant: str | None) -> JointIndex:
        if tenant is None or self._whole.store.namespace == namespace_of(tenant):
            return self._whole
        return self._whole.namespace(tenant)

    def ledger(self, a: Persona, b: Persona) -> Ledger:
        """The ledger of two personas.

        Raises:
            IncomparableError: if one has more statements than a comparison takes, or one that is too long.
        """
        return self._ledgers.get((a, b), lambda: self._ledger(a, b))

    def _ledger(self, a: Persona, b: Persona) -> Ledger:
        try:
            cleaned = [clean_persona(persona).persona for persona in (a, b)]
        except InputError as error:
            raise IncomparableError(str(error)) from None
        return build_ledger(self.model.stages, *cleaned)

    def report(self, a: Persona, b: Persona) -> AlignmentReport:
        """The report of two personas: the ledger with the words that carry its rows, which costs a pass a statement.

        Raises:
            InputError: where :meth:`ledger` raises.
        """
        return self._reports.get((a, b), lambda: self.model.compare(a, b))

    def check_alignment(
        self, caller: Caller, peer: str, topic: str | None = None, min_confidence: float = 0.0
    ) -> AlignmentCheck:
        """Whether the caller and a peer align; see :class:`AlignmentCheck`.

        Raises:
            InputError: if either has said nothing here, or the caller is the peer.
        """
        roster = self.roster(caller)
        name = roster.own(caller)
        if name == peer:
            raise InputError(f"peer {peer!r} is yourself")
        mine, theirs = roster.persona(name, topic), roster.persona(peer, topic)
        ledger = self.ledger(mine.persona, theirs.persona)
        return check_of(ledger, mine, theirs, topic=topic, min_confidence=min_confidence)

    def search(
        self, caller: Caller, text: str, relation: SearchedRelation, k: int, personas: list[str] | None = None
    ) -> StatementMatches:
        """Statements that stand in a relation to a text; of others than the caller unless personas are named.

        Raises:
            InputError: if the text or a persona cannot be used.
        """
        roster = self.roster(caller)
        words, own = roster.text_of(text)
        for name in personas or ():
            roster.require(name)
        where = {"persona": {"$in": personas}} if personas else {"persona": {"$exists": True}}
        others = [roster.own(caller)] if caller.persona and not personas else []
        # One more is asked for, as the statement whose id was given is no answer to itself.
        found = roster.index.search(words, relation, k + (own is not None), where, others)
        matches = tuple(found_statement(document) for document in found if document.id != own)
        return StatementMatches(text=words, relation=relation, matches=matches[:k])

    def explain(self, caller: Caller, statement_a: str, statement_b: str) -> PairExplanation:
        """How two statements stand to each other, and which words carry it.

        Raises:
            InputError: if one cannot be used.
        """
        roster = self.roster(caller)
        quotes = []
        for name, given in (("statement_a", statement_a), ("statement_b", statement_b)):
            text, id_ = roster.text_of(given)
            quotes.append(Quote(id=id_, text=clean_text(text, where=name).text))
        estimate = self.model.relate(quotes[0].text, quotes[1].text)
        contexts = [self.model.stages.encoder.token_context(quote.text) for quote in quotes]
        mapped = word_map(self.model.stages.linear, *contexts)
        words = top_words(mapped)
        shares = estimate.probabilities
        return PairExplanation(
            a=quotes[0],
            b=quotes[1],
            relation=estimate.relation,
            agree=None if shares is None else shares.agree,
            disagree=None if shares is None else shares.disagree,
            margin=estimate.margin,
            decided_by=estimate.decided_by,
            words_a=words.a,
            words_b=words.b,
            linear_margin=None if mapped is None else round(mapped.margin, 6),
            completeness_error=None if mapped is None else mapped.completeness_error,
        )

    def record(self, caller: Caller, text: str, topic: str | None = None) -> RecordedStatement:
        """Put a statement of the caller's own into the index; the same text again changes nothing but its topic.

        Raises:
            InputError: if the text cannot be kept.
            StoreError: if the index cannot be written.
        """
        roster = self.roster(caller)
        name = roster.own(caller)
        cleaned = clean_text(text, where="text").text
        id_ = f"r{hashlib.sha256(cleaned.encode()).hexdigest()[:_ID_DIGITS]}"
        persona = Persona(id=name, statements=(Statement(id=id_, text=cleaned),))
        ref = roster.ref(name, id_)
        known = roster.index.get_by_ids([ref])
        label = clean_text(topic, where="topic").text if topic else None
        before = known[0].metadata if known else {}
        if not known or (label and before.get("topic") != label):
            roster.index.add_persona(persona, metadata={**before, "topic": label} if label else None)
        return RecordedStatement(id=ref, persona=name, topic=label or before.get("topic"), new=not known)


def found_statement(document: Document) -> FoundStatement:
    """A search's document in the words of the tools."""
    found = document.metadata
    probability, verdict, persona = found.get("probability"), found.get("verdict"), found.get("persona")
    return FoundStatement(
        id=str(document.id),
        persona=persona if isinstance(persona, str) else None,
        text=document.page_content,
        p=None if probability is None else round(probability, 4),
        verdict=None if verdict is None else Relation(verdict),
        similarity=round(found["similarity"], 4),
    )
