"""Metadata filters: a small language of dictionaries, answered by SQLite as the set of statements that match.

    {"persona": "ann", "year": {"$gte": 2020}}           both hold
    {"$or": [{"topic": "rents"}, {"topic": "homes"}]}    one holds
    {"persona": {"$nin": ["ann", "bob"]}}                none of these; also where the field is missing

Operators: $eq $ne $in $nin $gt $gte $lt $lte $exists, and $and $or $not over filters. A list in a statement's metadata
matches where one of its elements does; a dictionary's fields are named ``outer.inner``. Texts are compared
with texts and numbers with numbers, so that ISO dates compare as times.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from jepa_langchain.errors import InputError

Filter = Mapping[str, Any]
Mask = npt.NDArray[np.bool_]
_ORDER = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_CHUNK = 500
#: Raised of values that JSON or SQLite cannot hold: objects, NaN, numbers beyond a double, endless nesting.
_UNFIT = (TypeError, ValueError, OverflowError, RecursionError)
#: Levels of lists and dictionaries that metadata may have. Python reads a thousand from where it starts, and fewer from
#: inside an agent's calls, so that one document with more would end every search that finds it.
DEEPEST = 100
#: The field of a statement's namespace: no filter can name it and no metadata can set it.
NAMESPACE = "$namespace"
_write_json = json.JSONEncoder(ensure_ascii=False).encode


def fields_of(metadata: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | int | float]]:
    """(name, value) of everything in a statement's metadata that a filter can ask for; empty values are left out.

    So are names with a dollar sign in front, which are operators to a filter.
    """
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if name.startswith("$"):
            continue
        if isinstance(value, Mapping):
            yield from fields_of(value, f"{name}.")
        else:
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, bool | int | float | str):
                    yield name, _stored(one)


def encode_metadata(metadata: Mapping[str, Any], where: str) -> str:
    """Metadata as JSON.

    Raises:
        InputError: naming the field that JSON cannot hold.
    """
    try:
        return _encode(metadata)
    except _UNFIT:
        bad = next((key for key, value in metadata.items() if not _fits(value)), "?")
        kind = type(metadata.get(bad)).__name__
        raise InputError(
            f"{where}: metadata field {bad!r}: a {kind} cannot be kept as JSON; give a text, a number under 1e308, or "
            f"lists and dictionaries of these, {DEEPEST} levels at the most"
        ) from None


def _encode(metadata: Mapping[str, Any]) -> str:
    # What a filter could not be asked for is refused now, not while a segment is written.
    _check_depth(metadata, DEEPEST)
    deque(fields_of(metadata), maxlen=0)
    return json.dumps(metadata, ensure_ascii=False, allow_nan=False)


def _check_depth(value: object, left: int) -> None:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    if inner and not left:
        raise ValueError
    for one in inner:
        _check_depth(one, left - 1)


def _fits(value: object) -> bool:
    try:
        _encode({"": value})
    except _UNFIT:
        return False
    return True


def filter_key(wanted: Filter) -> str:
    """One text for filters that say the same in the same order.

    Raises:
        InputError: if a value is no text, number or truth value, or a text is no Unicode.
    """
    try:
        key = _write_json(wanted)
        key.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"filter: {error}; compare with texts, numbers or lists of them") from None
    return key


def of_namespace(namespace: str, connection: sqlite3.Connection, count: int) -> Mask:
    """Which of a segment's statements a tenant owns: (count,) truth values by position."""
    sql = "SELECT pos FROM fields WHERE name = ? AND value = ?"
    return _mask(connection.execute(sql, (NAMESPACE, namespace)), count)


def matching(wanted: Filter, connection: sqlite3.Connection, count: int) -> Mask:
    """Which of a segment's statements match: (count,) truth values by position.

    Raises:
        InputError: naming what in the filter cannot be understood.
    """
    if not isinstance(wanted, Mapping):
        raise InputError(f"filter: {type(wanted).__name__} given where a dictionary is needed")
    out = np.ones(count, dtype=bool)
    for key, value in wanted.items():
        if key in ("$and", "$or"):
            if not isinstance(value, Sequence) or isinstance(value, str) or not value:
                raise InputError(f"filter: {key} takes a list of filters")
            parts = [matching(one, connection, count) for one in value]
            out &= np.logical_and.reduce(parts) if key == "$and" else np.logical_or.reduce(parts)
        elif key == "$not":
            out &= ~matching(value, connection, count)
        elif str(key).startswith("$"):
            raise InputError(f"filter: unknown operator {key}")
        else:
            conditions = value if isinstance(value, Mapping) else {"$eq": value}
            if not conditions:
                raise InputError(f"filter: field {str(key)!r}: an empty condition; leave the field out to keep all")
            for operator, operand in conditions.items():
                out &= _condition(str(key), operator, operand, connection, count)
    return out


def _condition(name: str, operator: str, operand: object, connection: sqlite3.Connection, count: int) -> Mask:
    if operator in ("$ne", "$nin"):
        return ~_condition(name, "$eq" if operator == "$ne" else "$in", operand, connection, count)
    if operator == "$exists":
        found = _mask(connection.execute("SELECT pos FROM fields WHERE name = ?", (name,)), count)
        return found if operand else ~found
    if operator == "$in":
        if not isinstance(operand, Sequence) or isinstance(operand, str):
            raise InputError(f"filter: field {name!r}: $in and $nin take a list")
        values = [_value(name, one) for one in operand]
        out = np.zeros(count, dtype=bool)
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            out |= _mask(
                connection.execute(f"SELECT pos FROM fields WHERE name = ? AND value IN ({marks})", (name, *chunk)),  # noqa: S608
                count,
            )
        return out
    value = _value(name, operand)
    if operator == "$eq":
        return _mask(connection.execute("SELECT pos FROM fields WHERE name = ? AND value = ?", (name, value)), count)
    if operator in _ORDER:
        kinds = "'text'" if isinstance(value, str) else "'integer', 'real'"
        sql = f"SELECT pos FROM fields WHERE name = ? AND value {_ORDER[operator]} ? AND typeof(value) IN ({kinds})"  # noqa: S608
        return _mask(connection.execute(sql, (name, value)), count)
    raise InputError(f"filter: field {name!r}: unknown operator {operator}")


def _value(name: str, operand: object) -> str | int | float:
    if not isinstance(operand, bool | int | float | str):
        raise InputError(f"filter: field {name!r}: compares with a text, a number or a truth value, not {operand!r}")
    try:
        return _stored(operand)
    except OverflowError:
        raise InputError(f"filter: field {name!r}: compares with numbers under 1e308") from None


def _stored(value: str | float) -> str | int | float:
    # SQLite holds integers of 64 bits.
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def _mask(rows: sqlite3.Cursor, count: int) -> Mask:
    out = np.zeros(count, dtype=bool)
    found = rows.fetchall()
    if found:
        out[np.fromiter((row[0] for row in found), np.int64, len(found))] = True
    return out
