"""A pair stage that reads no pair twice: energies of pairs it has seen are kept, up to a bound.

An agent that says one new thing and asks again about a peer changes one row of their table; the others stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jepa_langchain.remembering import Remembering

if TYPE_CHECKING:
    from jepa_langchain.pair_predictor import PairPredictor

Floats = npt.NDArray[np.float32]
#: Pairs kept when nothing else is asked for: some 100 bytes each.
MOST_PAIRS = 500_000
_Key = tuple[bytes, bytes]


class CachingPairs:
    """A pair predictor whose :meth:`score` remembers; everything else is the wrapped predictor's.

    It may be called from several threads.

    Args:
        pair: what scores a pair that is not known yet.
        most: pairs kept at most; the least recently used are forgotten first.
    """

    def __init__(self, pair: PairPredictor, *, most: int = MOST_PAIRS) -> None:
        self.pair = pair
        self._known: Remembering[_Key, Floats] = Remembering(most)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.pair, name)

    def score(self, tokens: Sequence[Floats], pairs: npt.NDArray[np.int64]) -> Floats:
        """As :meth:`PairPredictor.score`; only pairs that are not known are read."""
        # A text is known by its states, all that the pair stage reads of it.
        marks = {int(i): _mark(tokens[int(i)]) for i in np.unique(pairs)}
        keys = [(marks[int(x)], marks[int(y)]) for x, y in pairs]
        found = self._known.known(keys)
        missing = [i for i, key in enumerate(keys) if key not in found]
        if missing:
            new = self.pair.score(tokens, pairs[missing])
            found |= self._known.keep({keys[i]: energies for i, energies in zip(missing, new, strict=True)})
        return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(pairs), 2)


def _mark(tokens: Floats) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tokens).data, digest_size=16).digest()
