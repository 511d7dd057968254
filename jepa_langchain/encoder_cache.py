"""An encoder that encodes no statement twice: what is known is kept in memory, up to a bound.

A comparison of many agents, and an agent that asks again and again about the same peers, meet the same statements
over and over; encoding is most of what a comparison costs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jepa_langchain.encoder import Encoded, Encoder, EncoderIdentity, Floats, TokenContext

#: Bytes of states kept when nothing else is asked for.
DEFAULT_BYTES = 512 * 2**20


@dataclass(frozen=True)
class _Known:
    """What is kept of one text: its rows of an :class:`Encoded`."""

    embedding: Floats
    context: Floats
    tokens: Floats | None
    truncated: bool

    @property
    def size(self) -> int:
        return sum(array.nbytes for array in (self.embedding, self.context, self.tokens) if array is not None)


class CachingEncoder:
    """Any encoder, remembering what it encoded; least recently used texts are forgotten first.

    It may be called from several threads.

    Args:
        encoder: what encodes a text that is not known yet.
        most_bytes: bytes of states kept at most.

    Attributes:
        identity: the wrapped encoder's.
        encoded: how many texts the wrapped encoder was given so far.
    """

    def __init__(self, encoder: Encoder, *, most_bytes: int = DEFAULT_BYTES) -> None:
        # Wrapping twice would only keep everything twice.
        self.encoder: Encoder = encoder.encoder if isinstance(encoder, CachingEncoder) else encoder
        self.identity: EncoderIdentity = encoder.identity
        self.most_bytes = most_bytes
        self.encoded = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._shown: OrderedDict[str, TokenContext | None] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        """As the wrapped encoder's ``encode``; only texts that are not known are given to it."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        missing = sorted(set(texts) - found.keys())
        if missing:
            found |= self._learn(missing, progress=progress)
        if not texts:
            return self.encoder.encode(texts)
        rows = [found[text] for text in texts]
        tokens = [row.tokens for row in rows if row.tokens is not None]
        return Encoded(
            embeddings=np.stack([row.embedding for row in rows]),
            context=np.stack([row.context for row in rows]),
            tokens=tokens if len(tokens) == len(rows) else None,
            truncated=tuple(i for i, row in enumerate(rows) if row.truncated),
        )

    def knows(self, text: str) -> bool:
        """Whether a text is known already."""
        with self._lock:
            return text in self._known

    def know(self, texts: Sequence[str], encoded: Encoded) -> None:
        """Take over what was encoded before, for example what an index keeps; what is known already stays."""
        self._keep(texts, encoded)

    def _learn(self, texts: list[str], *, progress: bool) -> dict[str, _Known]:
        new = self.encoder.encode(texts, progress=progress)
        with self._lock:
            self.encoded += len(texts)
        return self._keep(texts, new)

    def _keep(self, texts: Sequence[str], new: Encoded) -> dict[str, _Known]:
        cut = set(new.truncated)
        learnt = {
            text: _Known(
                new.embeddings[i].copy(),
                new.context[i].copy(),
                None if new.tokens is None else new.tokens[i].copy(),
                i in cut,
            )
            for i, text in enumerate(texts)
        }
        with self._lock:
            for text, known in learnt.items():
                if text not in self._known:
                    self._known[text] = known
                    self._bytes += known.size
            while self._bytes > self.most_bytes and self._known:
                _, forgotten = self._known.popitem(last=False)
                self._bytes -= forgotten.size
        return learnt

    def token_context(self, text: str) -> TokenContext | None:
        """As the wrapped encoder's; the last 1,024 texts are kept."""
        with self._lock:
            if text in self._shown:
                self._shown.move_to_end(text)
                return self._shown[text]
        shown = self.encoder.token_context(text)
        with self._lock:
            self._shown[text] = shown
            while len(self._shown) > _SHOWN:
                self._shown.popitem(last=False)
        return shown


_SHOWN = 1_024
