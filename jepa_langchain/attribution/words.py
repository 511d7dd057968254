"""Words of a text and the tokens they are made of: spans in the text, whatever script it is written in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jepa_langchain.schema import WordWeight

Doubles = npt.NDArray[np.float64]
#: (word, start, end): text[start:end] == word.
Word = tuple[str, int, int]
#: Stands last among the words of a text and holds what is no word: special tokens and punctuation.
NO_WORD: Word = ("", 0, 0)
_JOINERS = "'’-"


def _in_word(character: str) -> bool:
    # Marks belong to the letter before them: vowel signs of Indic scripts, decomposed accents.
    return unicodedata.category(character)[0] in "LNM" or character == "_"


def words_of(text: str) -> list[Word]:
    """Runs of letters, marks and digits, inner apostrophes and hyphens included, then :data:`NO_WORD`."""
    inside = [_in_word(c) for c in text]
    for i in range(1, len(text) - 1):
        inside[i] = inside[i] or (text[i] in _JOINERS and _in_word(text[i - 1]) and _in_word(text[i + 1]))
    edges = np.flatnonzero(np.diff(np.array([False, *inside, False]).astype(np.int8)))
    spans = edges.reshape(-1, 2).tolist()
    return [*((text[start:end], start, end) for start, end in spans), NO_WORD]


def word_of_token(words: Sequence[Word], offsets: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """(t,) index of the word that each token shares most characters with; the last index (no word) if none.

    Args:
        words: as :func:`words_of` gives them.
        offsets: t character ranges [start, end) in the same text.
    """
    place = np.full(len(offsets), len(words) - 1, dtype=np.int64)
    for token, (start, end) in enumerate(offsets):
        shared = [min(end, stop) - max(start, first) for _, first, stop in words[:-1]]
        if shared and max(shared) > 0:
            place[token] = int(np.argmax(shared))
    return place


def merged(shares: Doubles, place: npt.NDArray[np.int64], words: int) -> Doubles:
    """(t, ...) shares of tokens to (words, ...) shares of their words; the sum is kept."""
    out = np.zeros((words, *shares.shape[1:]))
    np.add.at(out, place, shares)
    return out


def weighted(words: Sequence[Word], values: Doubles) -> tuple[WordWeight, ...]:
    """Words with their values, rounded, in reading order, without the last entry (what is no word)."""
    return tuple(
        WordWeight(word=word, span=(start, end), weight=round(value, 6) + 0.0)
        for (word, start, end), value in zip(words[:-1], values[:-1].tolist(), strict=True)
    )
