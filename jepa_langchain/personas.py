"""Personas from outside: JSONL, CSV or plain text files, and LangChain message histories."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jepa_langchain.errors import InputError
from jepa_langchain.schema import Persona, Statement
from jepa_langchain.statements import DEFAULT_LIMITS, Limits, clean_text

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


# Not str.splitlines: it also breaks at control characters, which must be refused, and at U+2028, which JSON allows.
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class LoadedPersona:
    """A persona, and how many invisible characters were stripped from its statements.

    ``metadata`` holds a file's other fields (a topic, a time), by statement id; an index keeps them for filters.
    """

    persona: Persona
    removed: int
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of how the text was read."""
        if not self.removed:
            return ()
        noun = "character" if self.removed == 1 else "characters"
        return (f"{self.persona.id}: {self.removed} invisible {noun} (zero-width, bidi or tag) stripped",)


@dataclass(frozen=True)
class _Row:
    where: str
    text: str
    id: str | None
    others: dict[str, Any] = field(default_factory=dict)


def _json_rows(path: Path, text: str) -> Iterator[_Row]:
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON ({error})") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InputError(f'{where}: not an object with a "text" field')
        identity = row.get("id")
        if identity is not None and not isinstance(identity, str | int):
            raise InputError(f'{where}: field "id" is not a text')
        others = {key: value for key, value in row.items() if key not in ("id", "text")}
        yield _Row(where, row["text"], None if identity is None else str(identity), others)


def _csv_rows(path: Path, text: str, limits: Limits) -> Iterator[_Row]:
    csv.field_size_limit(limits.file_bytes)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if "text" not in (reader.fieldnames or ()):
            raise InputError(f'{path}, line 1: no column named "text"')
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or row["text"] is None:
                raise InputError(f"{where}: not as many fields as the header has")
            others = {key: value for key, value in row.items() if key not in ("id", "text") and value}
            yield _Row(where, row["text"], row.get("id") or None, others)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({error})") from None


def _text_rows(path: Path, text: str) -> Iterator[_Row]:
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if line.strip():
            yield _Row(f"{path}, line {number}", line, None)


_CHUNK = 1 << 20


def _read(path: Path, limits: Limits) -> str:
    try:
        with path.open("rb") as handle:
            # A device or a pipe may never end; no text holds a NUL, so one that does is not read on.
            data = bytearray()
            while chunk := handle.read(_CHUNK):
                data += chunk
                if len(data) > limits.file_bytes:
                    raise InputError(f"{path}: over {limits.file_bytes:,} bytes, the most a persona file may have")
                if b"\0\0" in chunk:
                    raise InputError(f"{path}: not UTF-8 text (NUL bytes)")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder, not a persona file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start:,})") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def _name(raw: str, where: str, limits: Limits) -> str:
    return _short(clean_text(raw, where=where, limits=limits).text, where, limits)


def _short(name: str, where: str, limits: Limits) -> str:
    if len(name) > limits.id_characters:
        raise InputError(f"{where}: an id of {len(name):,} characters; it may have {limits.id_characters:,}")
    return name


def _build(identity: str, rows: Iterator[_Row], source: str, limits: Limits) -> LoadedPersona:
    statements: dict[str, Statement] = {}
    metadata: dict[str, dict[str, Any]] = {}
    removed = 0
    for number, row in enumerate(rows, start=1):
        if number > limits.statements:
            raise InputError(
                f"{row.where}: more than {limits.statements:,} statements; raise the limit or split the file"
            )
        text = clean_text(row.text, where=row.where, limits=limits)
        if row.id is not None:
            name = _name(row.id, f'{row.where}, field "id"', limits)
        else:
            name = _short(f"{identity}{number}", f"{row.where}, the persona's id and a number", limits)
        if name in statements:
            raise InputError(f"{row.where}: duplicate id {name!r}")
        statements[name] = Statement(id=name, text=text.text)
        if row.others:
            metadata[name] = row.others
        removed += text.removed
    if not statements:
        raise InputError(f"{source}: no statements in it")
    return LoadedPersona(Persona(id=identity, statements=tuple(statements.values())), removed, metadata)


def clean_persona(persona: Persona, *, limits: Limits = DEFAULT_LIMITS) -> LoadedPersona:
    """A persona made in code, held to the same limits and hygiene as one from a file; ids are kept.

    Raises:
        InputError: naming the statement that cannot be used.
    """
    rows = (_Row(f"persona {persona.id!r}, statement {s.id!r}", s.text, s.id) for s in persona.statements)
    return _build(_name(persona.id, f"persona {persona.id!r}, id", limits), rows, f"persona {persona.id!r}", limits)


def load_persona(path: Path | str, *, persona_id: str | None = None, limits: Limits = DEFAULT_LIMITS) -> LoadedPersona:
    """Read a persona file.

    ``.jsonl``/``.ndjson``/``.json`` hold ``{"id": …, "text": …}`` lines (id optional), ``.csv`` has a ``text`` column
    (and optionally ``id``), anything else is plain text, one statement a line. Statements without an id get
    the persona's id and their number.

    Args:
        path: the file.
        persona_id: the persona's id; the file's name without its ending when None.
        limits: see :class:`jepa_langchain.statements.Limits`.

    Raises:
        InputError: one line naming the file, the line and the field.
    """
    path = Path(path)
    text = _read(path, limits)
    identity = _name(persona_id or path.stem, f"{path}, persona id", limits)
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        rows = _json_rows(path, text)
    elif suffix == ".csv":
        rows = _csv_rows(path, text, limits)
    else:
        rows = _text_rows(path, text)
    return _build(identity, rows, str(path), limits)


_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))\s+(?=[\"'(\[]?[A-Z0-9])")


def persona_from_messages(
    messages: Sequence[BaseMessage],
    *,
    persona_id: str,
    speaker: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> LoadedPersona:
    """What one speaker said in a LangChain message history, a sentence a statement.

    Args:
        messages: the history, in order.
        persona_id: the persona's id.
        speaker: messages whose ``name`` (or, if they have none, whose ``type``: "ai", "human") is this; all AI
            messages when None, whatever their name. Statement ids are ``m<message number>.<sentence number>``.
        limits: see :class:`jepa_langchain.statements.Limits`.

    Raises:
        InputError: if that speaker said nothing, or a sentence is over a limit.
    """
    from langchain_core.messages import AIMessage

    def rows() -> Iterator[_Row]:
        for number, message in enumerate(messages, start=1):
            heard = isinstance(message, AIMessage) if speaker is None else (message.name or message.type) == speaker
            if not heard:
                continue
            for count, sentence in enumerate(_SENTENCE_END.split(str(message.text)), start=1):
                if sentence.strip():
                    yield _Row(f"message {number}, sentence {count}", sentence, f"m{number}.{count}")

    return _build(_name(persona_id, "persona id", limits), rows(), f"messages of {speaker or 'ai'!r}", limits)
