"""Encoded statements on disk: training reads them again and again, and a killed run must not encode twice.

Files of one store: ``embeddings.f16`` (n, d), ``context.f16`` (n, c), ``tokens.f16`` (all tokens, d), ``bounds.i64``
(n + 1 token offsets) and ``store.json`` with the number of texts done. States of whole texts are memory-mapped; those
of tokens, by far the largest, are read row by row, so that a long run does not come to hold the whole file in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jepa_langchain.console import progress_bar
from jepa_langchain.encoder import Encoder

Floats = npt.NDArray[np.float32]
_CHUNK = 1_024
#: Token states of one statement that are kept for training the pair stage.
MOST_TOKENS = 96


class StateStore:
    """The encoded states of a fixed set of distinct texts.

    Args:
        folder: where the files lie; an unfinished store of the same texts and encoder is continued.
        texts: what to encode; sorted and made distinct here.
        encoder: encodes what is still missing.
        with_tokens: keep the token states too (the pair stage needs them).
        progress: show a bar.
    """

    def __init__(
        self,
        folder: Path,
        texts: Sequence[str],
        encoder: Encoder,
        *,
        with_tokens: bool,
        progress: bool = False,
    ) -> None:
        self.texts = sorted(set(texts), key=lambda text: (len(text), text))
        self.where = {text: i for i, text in enumerate(self.texts)}
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        identity = encoder.identity
        digest = hashlib.sha256(json.dumps([str(identity), with_tokens, self.texts]).encode("utf-8", "surrogatepass"))
        self.key = digest.hexdigest()
        n, d, c = len(self.texts), identity.dimension, identity.context
        self.has_tokens = with_tokens and identity.cut_layer is not None
        done = self._done()
        mode = "r+" if done else "w+"
        if not done:
            # An older run's state must not vouch for the files that are about to be overwritten.
            (folder / "store.json").unlink(missing_ok=True)
        self.embeddings = np.memmap(folder / "embeddings.f16", np.float16, mode, shape=(n, d))  # type: ignore[call-overload]
        self.context = np.memmap(folder / "context.f16", np.float16, mode, shape=(n, c))  # type: ignore[call-overload]
        self._bounds = np.memmap(folder / "bounds.i64", np.int64, mode, shape=(n + 1,))  # type: ignore[call-overload]
        for start in progress_bar(range(done, n, _CHUNK), "encoding", show=progress):
            self._write_chunk(start, self.texts[start : start + _CHUNK], encoder)
        self.bounds: npt.NDArray[np.int64] = np.array(self._bounds)
        #: (n,) tokens of each text; zeros where no token states are kept.
        self.lengths = np.diff(self.bounds)
        self._width = d

    def _done(self) -> int:
        state = self.folder / "store.json"
        if state.is_file():
            saved = json.loads(state.read_text())
            if saved["key"] == self.key:
                return int(saved["done"])
        return 0

    def _write_chunk(self, start: int, texts: list[str], encoder: Encoder) -> None:
        encoded = encoder.encode(texts)
        stop = start + len(texts)
        self.embeddings[start:stop], self.context[start:stop] = encoded.embeddings, encoded.context
        if start == 0:
            self._bounds[0] = 0
        states = [t[:MOST_TOKENS].astype(np.float16) for t in encoded.tokens or []] if self.has_tokens else []
        lengths = [len(t) for t in states] or [0] * len(texts)
        first = int(self._bounds[start])
        self._bounds[start + 1 : stop + 1] = first + np.cumsum(lengths)
        path = self.folder / "tokens.f16"
        with path.open("r+b" if path.exists() else "w+b") as handle:
            # A killed run may have left half a chunk behind its last finished one.
            handle.truncate(first * encoder.identity.dimension * 2)
            handle.seek(0, os.SEEK_END)
            for array in states:
                handle.write(array.tobytes())
        for array in (self.embeddings, self.context, self._bounds):
            array.flush()
        beside = self.folder / "store.json.new"
        beside.write_text(json.dumps({"key": self.key, "done": stop}))
        beside.replace(self.folder / "store.json")

    def rows(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Row numbers of texts in the store.

        Raises:
            KeyError: for a text the store was not made with.
        """
        return np.array([self.where[text] for text in texts], dtype=np.int64)

    def token_states(self, row: int) -> Floats:
        """(t, d) token states of one row; t is 0 where none are kept."""
        count, first = int(self.lengths[row]) * self._width, int(self.bounds[row]) * self._width
        if not count:
            return np.zeros((0, self._width), np.float32)
        offset = first * np.dtype(np.float16).itemsize
        states = np.fromfile(self.folder / "tokens.f16", np.float16, count, offset=offset)
        return states.reshape(-1, self._width).astype(np.float32)

    def wide(self, which: npt.NDArray[np.float16], rows: npt.NDArray[np.int64]) -> Floats:
        """Rows of ``embeddings`` or ``context`` as float32."""
        return np.asarray(which[rows], dtype=np.float32)
