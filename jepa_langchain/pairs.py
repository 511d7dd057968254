"""Labelled pairs for training and evaluation: JSONL or JSONL.gz, one ``{"a", "b", "label"}`` a line.

``kind``, ``topic`` and ``split`` are optional. Topics decide what is held out, so that no topic stands on both sides.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jepa_langchain.errors import InputError
from jepa_langchain.schema import Relation
from jepa_langchain.statements import DEFAULT_LIMITS, Limits, as_unicode, clean_text
from jepa_langchain.weights import sha256_of


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Statement a, statement b, and how b stands to a."""

    a: str
    b: str
    label: Relation
    kind: str = ""
    topic: str | None = None
    split: str | None = None

    @property
    def group(self) -> str:
        """What must not be divided between fitting and holding out: the topic, else the first statement."""
        return self.topic or self.a


@dataclass(frozen=True)
class PairSource:
    """The pairs of one file (or of one rule that made them), and the file's hash."""

    name: str
    pairs: tuple[LabelledPair, ...]
    sha256: str = ""
    path: str = ""
    removed: int = field(default=0, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of how the file was read."""
        return (f"{self.path}: {self.removed} invisible characters stripped",) if self.removed else ()

    def only(self, pairs: Sequence[LabelledPair]) -> PairSource:
        """The same source with other rows."""
        return PairSource(self.name, tuple(pairs), self.sha256, self.path, self.removed)


#: A pair of statements at their longest, escaped, with its other fields, is far below this.
_LINE_CHARACTERS = 100_000
#: The most a pairs file may have, unpacked: a compressed bomb ends here.
_FILE_CHARACTERS, _FILE_LINES = 1_000_000_000, 5_000_000
#: Topics that a source keeps to be trained on, whatever is held out.
_FEWEST_TOPICS = 3


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as handle:
            number = characters = 0
            while line := handle.readline(_LINE_CHARACTERS):
                number += 1
                characters += len(line)
                if number > _FILE_LINES or characters > _FILE_CHARACTERS:
                    most = f"{_FILE_LINES:,} lines or {_FILE_CHARACTERS:,} characters"
                    raise InputError(f"{path}, line {number}: over {most}, the most a pairs file may have")
                if len(line) == _LINE_CHARACTERS:
                    raise InputError(f"{path}, line {number}: over {_LINE_CHARACTERS:,} characters")
                yield number, line
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def _pair(row: Any, where: str, limits: Limits) -> tuple[LabelledPair, int]:  # noqa: ANN401
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object")
    texts, removed = [], 0
    for side in ("a", "b"):
        if not isinstance(row.get(side), str):
            raise InputError(f'{where}: field "{side}" is missing or not a text')
        cleaned = clean_text(row[side], where=f'{where}, field "{side}"', limits=limits)
        texts.append(cleaned.text)
        removed += cleaned.removed
    try:
        label = Relation(str(row.get("label")))
    except ValueError:
        allowed = ", ".join(r.value for r in Relation)
        raise InputError(f'{where}: field "label" is {row.get("label")!r}, not one of {allowed}') from None
    for name in ("kind", "topic", "split"):
        if not isinstance(row.get(name), str | None):
            raise InputError(f'{where}: field "{name}" is not a text')
        if row.get(name):
            row[name] = clean_text(row[name], where=f'{where}, field "{name}"', limits=limits).text
    pair = LabelledPair(texts[0], texts[1], label, row.get("kind") or "", row.get("topic"), row.get("split"))
    return pair, removed


def read_pairs(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> PairSource:
    """Read one pairs file.

    Raises:
        InputError: naming the file, the line and the field that cannot be used, or an empty file.
    """
    pairs, removed = [], 0
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON ({error})") from None
        pair, stripped = _pair(row, where, limits)
        pairs.append(pair)
        removed += stripped
    if not pairs:
        raise InputError(f"{path}: no pairs in it")
    name = as_unicode(path.name.removesuffix(".gz").removesuffix(".jsonl"))
    return PairSource(name, tuple(pairs), sha256_of(path), as_unicode(str(path)), removed)


def for_training(source: PairSource) -> PairSource:
    """The rows of a source that training may see: split "train", or no split at all."""
    return source.only([p for p in source.pairs if p.split in (None, "train")])


def for_evaluation(source: PairSource, split: str) -> PairSource:
    """The rows that count in an evaluation: the split asked for, and rows without one."""
    return source.only([p for p in source.pairs if p.split in (None, split)])


def known_topics(sources: Iterable[PairSource]) -> set[str]:
    """The topics (else first statements) of the rows of some sources that training may see."""
    return {pair.group for source in sources for pair in for_training(source).pairs}


def hold_out(source: PairSource, *, share: float, seed: int) -> tuple[PairSource, PairSource]:
    """Split a source by topic into (fit, held out); the same seed always holds out the same topics.

    A source of a few large topics holds out one of them at least, unless that would leave it fewer than three.
    """
    place = {group: _place(group, seed) for group in sorted({pair.group for pair in source.pairs})}
    chosen = {group for group, at in place.items() if at < share}
    if share and not chosen and len(place) > _FEWEST_TOPICS:
        chosen = {min(place, key=place.__getitem__)}
    kept = [pair for pair in source.pairs if pair.group not in chosen]
    return source.only(kept), source.only([pair for pair in source.pairs if pair.group in chosen])


def _place(group: str, seed: int) -> float:
    """A topic's fixed place in [0, 1)."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{group}".encode()).digest()[:4], "big") / 2**32
