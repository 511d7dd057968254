"""Untrusted text in, clean statements out: limits, Unicode hygiene, and what was refused or removed.

A statement is data. It is normalised to NFC, characters that hide or reorder text are stripped and counted,
control characters are refused, and everything over a limit is refused by name. Nothing here interprets a
statement, and nothing is cut silently.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from jepa_langchain.errors import InputError


@dataclass(frozen=True)
class Limits:
    """How much is read at the most; raise them where your agents talk more."""

    statement_characters: int = 2_000
    file_bytes: int = 10_000_000
    statements: int = 500
    id_characters: int = 200


DEFAULT_LIMITS = Limits()

# Characters that carry no text of their own but hide, reorder or smuggle it: soft hyphen, zero-width, word joiner,
# bidi marks, embeddings, overrides and isolates, fillers, the byte-order mark, interlinear marks, the
# Unicode tags and variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_LAYOUT = "\t\n\r"
#: A word as people count it, inner apostrophes and hyphens included.
WORD = re.compile(r"\w+(?:['’\-]\w+)*")
_SPACE = re.compile(r"\s+")


def as_unicode(name: str) -> str:
    """A file's name, or an argument, as text that JSON can hold: bytes in it that are no UTF-8 are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class CleanText:
    """A text fit to be a statement, and how many invisible characters were stripped from it."""

    text: str
    removed: int


def clean_text(raw: str, *, where: str, limits: Limits = DEFAULT_LIMITS) -> CleanText:
    """Normalise one statement's text.

    Args:
        raw: anything a file or a message holds.
        where: how an error names the place, e.g. ``"a.jsonl, line 3"``.
        limits: see :class:`Limits`.

    Raises:
        InputError: if the text is empty, too long, or holds NUL, a control character or a lone surrogate.
    """
    if len(raw) > limits.statement_characters * 4:
        # Refused before any work is done on it: normalisation of a huge text is not free.
        raise InputError(f"{where}: {len(raw):,} characters; a statement may have {limits.statement_characters:,}")
    for position, character in enumerate(raw, start=1):
        if character not in _LAYOUT and unicodedata.category(character) in ("Cc", "Cs"):
            raise InputError(f"{where}: control character U+{ord(character):04X} at character {position}")
    text, removed = _INVISIBLE.subn("", raw)
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if not text:
        raise InputError(f"{where}: empty text")
    if len(text) > limits.statement_characters:
        raise InputError(f"{where}: {len(text):,} characters; a statement may have {limits.statement_characters:,}")
    return CleanText(text, removed)
