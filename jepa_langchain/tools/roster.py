"""The personas that an index holds, as one tenant sees them, with the states that it keeps of their statements."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from jepa_langchain.encoder import Encoded
from jepa_langchain.encoder_cache import CachingEncoder
from jepa_langchain.errors import InputError
from jepa_langchain.index.filters import NAMESPACE
from jepa_langchain.index.rows import document_id
from jepa_langchain.schema import Persona
from jepa_langchain.statements import clean_text

if TYPE_CHECKING:
    from jepa_langchain.index.batches import Row
    from jepa_langchain.index.joint_index import JointIndex
    from jepa_langchain.index.segments import Segment
    from jepa_langchain.index.store import Snapshot
    from jepa_langchain.tools.callers import Caller

#: Statements of one persona that a topic keeps where no statement carries it as its label.
NEAREST_TO_TOPIC = 10
_NAMED = 10


class IncomparableError(InputError):
    """A persona that cannot be compared, for what it said or did not say."""


class UnknownPersonaError(IncomparableError):
    """A persona of whom the index holds no statement."""


@dataclass(frozen=True)
class Chosen:
    """A persona cut down to a topic; ``by`` says how its statements were chosen: "label", "nearest", or "all"."""

    persona: Persona
    by: str


class Roster:
    """Personas of an index, or of one tenant's view of it.

    Args:
        index: the view; its model's encoder remembers, and is told what the index keeps.
    """

    def __init__(self, index: JointIndex) -> None:
        self.index = index
        self._seen: tuple[Snapshot, dict[str, int]] | None = None
        self._tenants: tuple[Snapshot, bool] | None = None

    def counts(self) -> dict[str, int]:
        """How many statements each persona has, in the order of their names."""
        snapshot = self.index.store.snapshot
        if self._seen is None or self._seen[0] is not snapshot:
            found: Counter[str] = Counter()
            for segment in snapshot.segments:
                # What is no text is nobody's name, and no search by name finds it.
                found.update(name for name in segment.values("persona") if isinstance(name, str))
            self._seen = snapshot, dict(sorted(found.items()))
        return self._seen[1]

    def persona(self, name: str, topic: str | None = None) -> Chosen:
        """A persona's statements, those about a topic if one is given.

        They are all documents with its name as their ``persona``, also those that came without a statement's id; these
        go by the document's.

        A topic keeps the statements that carry it as their ``topic``; where none does, the
        :data:`NEAREST_TO_TOPIC` whose embeddings are nearest to it.

        Raises:
            UnknownPersonaError: if there is none of that name here.
            IncomparableError: if a document of that name can be no statement.
        """
        rows = sorted(self._rows(name), key=lambda row: row.id)
        if not rows:
            raise self._unknown(name)
        by = "all"
        if topic is not None:
            wanted = clean_text(topic, where="topic").text.casefold()
            labelled = [row for row in rows if wanted in _topics(row)]
            by, rows = ("label", labelled) if labelled else ("nearest", self._nearest(name, topic, rows))
        said = [{"id": row.id.removeprefix(self.ref(name, "")), "text": row.text} for row in rows]
        try:
            return Chosen(Persona.model_validate({"id": name, "statements": said}), by)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise IncomparableError(
                f"persona {name!r}: not all of its documents are statements; {where}: {fault['msg']}"
            ) from None

    def own(self, caller: Caller) -> str:
        """The name under which the caller's statements stand here: an index cleans the names of personas put into it.

        Raises:
            InputError: if the runtime named no persona, or its name could be none.
        """
        name = caller.own()
        cleaned = clean_text(name, where="the run's persona").text
        return cleaned if cleaned != name and name not in self.counts() else name

    def require(self, name: str) -> None:
        """Make sure that somebody of that name has said something here.

        Raises:
            UnknownPersonaError: if not.
        """
        if name not in self.counts():
            raise self._unknown(name)

    def has_tenants(self) -> bool:
        """Whether statements of tenants are among what is seen here: only where this is a whole index."""
        if self.index.store.namespace is not None:
            return False
        snapshot = self.index.store.snapshot
        if self._tenants is None or self._tenants[0] is not snapshot:
            self._tenants = snapshot, any(segment.values(NAMESPACE) for segment in snapshot.segments)
        return self._tenants[1]

    def ref(self, persona: str, statement: str) -> str:
        """How the tools name a statement: the id that the index stores it under."""
        return document_id(persona, statement)

    def _unknown(self, name: str) -> UnknownPersonaError:
        names = list(self.counts())
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        # Names are untrusted: each stands in quotes of its own.
        known = f"here are {', '.join(map(repr, names[:_NAMED]))}{more}" if names else "nobody has said anything yet"
        return UnknownPersonaError(f"persona {name!r}: no statement of it here; {known}")

    def _rows(self, name: str) -> list[Row]:
        out: list[Row] = []
        for segment in self.index.store.snapshot.segments:
            kept = segment.selection({"persona": name})
            places = [] if kept is None else kept.positions.tolist()
            if places:
                rows = segment.rows(places)
                self._tell(segment, places, rows)
                out += rows
        return out

    def _row(self, id_: str) -> Row | None:
        for segment in self.index.store.snapshot.segments:
            places = list(segment.positions([id_]).values())
            if places:
                rows = segment.rows(places)
                self._tell(segment, places, rows)
                return rows[0]
        return None

    def _tell(self, segment: Segment, places: list[int], rows: Sequence[Row]) -> None:
        """Give the encoder what the index keeps, so that no known statement is encoded again."""
        encoder = self.index.model.stages.encoder
        if not isinstance(encoder, CachingEncoder):
            return
        new = [n for n, row in enumerate(rows) if not encoder.knows(row.text)]
        states = segment.states([places[n] for n in new]) if new else None
        if states is None:
            return
        vectors = segment.structure.vectors[np.array([places[n] for n in new])]
        tokens = [states.tokens[a:b].astype(np.float32) for a, b in zip(states.bounds, states.bounds[1:], strict=False)]
        # As many tokens as the encoder reads: it found the text too long when the index was made, and said so.
        longest = getattr(encoder.encoder, "longest", None)
        cut = tuple(i for i, kept in enumerate(tokens) if longest and len(kept) >= longest)
        encoder.know([rows[n].text for n in new], Encoded(vectors, states.context.astype(np.float32), tokens, cut))

    def _nearest(self, name: str, topic: str, rows: Sequence[Row]) -> list[Row]:
        found = self.index.search(topic, "similar", NEAREST_TO_TOPIC, {"persona": name})
        kept = {document.id for document in found}
        return [row for row in rows if row.id in kept]

    def text_of(self, given: str) -> tuple[str, str | None]:
        """The text that a model means: (text, its id) of a statement here, or (text, None) of words of its own.

        Raises:
            InputError: if it looks like an id and is none of this index.
        """
        row = self._row(given)
        if row is None and "/" in given:
            # A document that came without a statement's id is named by its persona and its own.
            own = self._row(given.partition("/")[2])
            if own is not None and self.ref(str(json.loads(own.metadata).get("persona")), own.id) == given:
                row = own
        if row is not None:
            return row.text, row.id
        if "/" in given and not any(c.isspace() for c in given.strip()):
            raise InputError("no statement of that id here; give an id as the tools print it (persona/statement)")
        return given, None


def _topics(row: Row) -> set[str]:
    """The topics that a statement carries, one or a list of them, as they are compared."""
    found = json.loads(row.metadata).get("topic")
    return {str(one).casefold() for one in (found if isinstance(found, list) else [found]) if one is not None}
