"""An encoder that encodes no statement twice: what is known is kept in memory, up to a bound.

A comparison of many agents, and an agent that asks again and again about the same peers, meet the same statements
over and over; encoding is most of what a comparison costs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jepa_langchain.encoder import Encoded, Encoder, EncoderIdentity, Floats, TokenContext
from jepa_langchain.remembering import Remembering

Halves = npt.NDArray[np.float16]
#: Bytes of states kept when nothing else is asked for.
DEFAULT_BYTES = 512 * 2**20
_SHOWN = 1_024


@dataclass(frozen=True)
class _Known:
    """What is kept of one text: its rows of an :class:`Encoded`."""

    embedding: Floats
    context: Floats | Halves
    tokens: Floats | Halves | None
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
        halves: keep context and token states in half precision, as an index does. Whether a text was encoded here or
            taken over from an index then makes no difference to any answer; against full precision a margin moves by
            some 2e-5.

    Attributes:
        identity: the wrapped encoder's.
        encoded: how many texts the wrapped encoder was given so far.
    """

    def __init__(self, encoder: Encoder, *, most_bytes: int = DEFAULT_BYTES, halves: bool = False) -> None:
        # Wrapping twice would only keep everything twice.
        self.encoder: Encoder = encoder.encoder if isinstance(encoder, CachingEncoder) else encoder
        self.identity: EncoderIdentity = encoder.identity
        self.encoded = 0
        self._kind: np.dtype[Any] = np.dtype("float16" if halves else "float32")
        self._known: Remembering[str, _Known] = Remembering(most_bytes, lambda known: known.size)
        self._shown: Remembering[str, TokenContext | None] = Remembering(_SHOWN)
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> Encoded:
        """As the wrapped encoder's ``encode``; only texts that are not known are given to it."""
        found = self._known.known(texts)
        missing = sorted(set(texts) - found.keys())
        if missing:
            found |= self._learn(missing, progress=progress)
        if not texts:
            return self.encoder.encode(texts)
        rows = [found[text] for text in texts]
        tokens = [row.tokens.astype(np.float32, copy=False) for row in rows if row.tokens is not None]
        return Encoded(
            embeddings=np.stack([row.embedding for row in rows]),
            context=np.stack([row.context for row in rows]).astype(np.float32, copy=False),
            tokens=tokens if len(tokens) == len(rows) else None,
            truncated=tuple(i for i, row in enumerate(rows) if row.truncated),
        )

    def knows(self, text: str) -> bool:
        """Whether a text is known already."""
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
                new.context[i].astype(self._kind),
                None if new.tokens is None else new.tokens[i].astype(self._kind),
                i in cut,
            )
            for i, text in enumerate(texts)
        }
        return self._known.keep(learnt)

    def token_context(self, text: str) -> TokenContext | None:
        """As the wrapped encoder's; the last 1,024 texts are kept."""
        return self._shown.get(text, lambda: self.encoder.token_context(text))
