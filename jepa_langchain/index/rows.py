"""Texts and personas to the rows of an index, and rows with what an encoder makes of them to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from jepa_langchain.console import progress_bar
from jepa_langchain.encoder import Encoded, Encoder
from jepa_langchain.errors import InputError
from jepa_langchain.index.batches import MARK, TEXT_LIMITS, Batch, Row, States, join
from jepa_langchain.index.filters import encode_metadata
from jepa_langchain.personas import clean_persona
from jepa_langchain.schema import Persona
from jepa_langchain.statements import Limits, clean_text

#: Statements an index takes from one persona.
INDEX_LIMITS = Limits(statements=10_000_000, file_bytes=1 << 30)
_PART = 2_048


def make_row(id_: str, text: str, metadata: Mapping[str, Any] | None) -> Row:
    """A row of a document, its text cleaned as a persona's statement is; see :func:`.statements.clean_text`.

    Raises:
        InputError: naming the document whose text, id or metadata cannot be kept.
    """
    where = f"document {id_!r}"
    if not isinstance(text, str) or not id_:
        raise InputError(f"{where}: {'empty id' if isinstance(text, str) else 'its text is no text'}")
    if MARK in id_:
        raise InputError(f"{where}: U+001F in an id marks a namespace; give it to JointIndex.namespace instead")
    cleaned = clean_text(text, where=where, limits=TEXT_LIMITS).text
    if not isinstance(metadata, Mapping | None):
        raise InputError(f"{where}: its metadata is a {type(metadata).__name__}, no dictionary")
    encoded = encode_metadata(metadata or {}, where)
    try:
        for part in (id_, encoded):
            part.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: holds a lone surrogate, which is no text") from None
    return Row(id_, cleaned, encoded)


def document_id(persona: str, statement: str) -> str:
    """``persona/statement``; a slash in the persona's id is written %2F, so that no two pairs share one."""
    return f"{quote(persona, safe=' ')}/{statement}"


def persona_rows(
    persona: Persona,
    *,
    metadata: Mapping[str, Any] | None = None,
    statements: Mapping[str, Mapping[str, Any]] | None = None,
    limits: Limits = INDEX_LIMITS,
) -> list[Row]:
    """Rows of a persona's statements, with ``persona`` and ``statement_id`` in their metadata.

    Raises:
        InputError: naming the statement or the field that cannot be used.
    """
    cleaned = clean_persona(persona, limits=limits).persona
    strangers = set(statements or {}) - {s.id for s in cleaned.statements}
    if strangers:
        raise InputError(f"persona {persona.id!r}: metadata of {min(strangers)!r}, which is none of its statements")
    rows = []
    for statement in cleaned.statements:
        own = {**(metadata or {}), **((statements or {}).get(statement.id, {}))}
        named = {**own, "persona": cleaned.id, "statement_id": statement.id}
        rows.append(make_row(document_id(cleaned.id, statement.id), statement.text, named))
    return rows


def encode_batch(encoder: Encoder, rows: Sequence[Row], *, keep: bool, progress: bool = False) -> Batch:
    """A batch of at least one row, encoded in parts: only half-precision states are held of all of them."""
    parts = []
    for start in progress_bar(range(0, len(rows), _PART), "encoding", show=progress):
        part = rows[start : start + _PART]
        parts.append(make_batch(part, encoder.encode([row.text for row in part]), keep=keep))
    return join(parts) if len(parts) > 1 else parts[0]


def make_batch(rows: Sequence[Row], encoded: Encoded, *, keep: bool) -> Batch:
    """A batch of n rows and their n encoded texts; with their states if an index keeps them."""
    states = States.of(encoded.context, encoded.tokens) if keep and encoded.tokens is not None else None
    return Batch(list(rows), encoded.embeddings, states)
