"""The filter language against a plain reading of it in Python."""

from __future__ import annotations

import json
import operator as op
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jepa_langchain.errors import InputError
from jepa_langchain.index.filters import DEEPEST, encode_metadata, fields_of, matching

ROWS: list[dict[str, Any]] = [
    {"persona": "ann", "year": 2019, "tags": ["tax", "rent"], "where": {"town": "Ulm"}},
    {"persona": "bob", "year": 2020, "tags": [], "score": 0.5},
    {"persona": "cy", "year": "2020", "done": True},
    {"persona": "ann", "year": 2021.5, "none": None},
    {},
]


@pytest.fixture(scope="module")
def connection() -> sqlite3.Connection:
    out = sqlite3.connect(":memory:")
    out.execute("CREATE TABLE fields (name, value, pos)")
    for pos, row in enumerate(ROWS):
        out.executemany("INSERT INTO fields VALUES (?, ?, ?)", [(*field, pos) for field in fields_of(row)])
    return out


def places(wanted: dict[str, Any], connection: sqlite3.Connection) -> list[int]:
    return np.flatnonzero(matching(wanted, connection, len(ROWS))).tolist()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"persona": "ann"}, [0, 3]),
        ({"persona": "ann", "year": 2019}, [0]),
        ({"persona": {"$in": ["bob", "cy", "nobody"]}}, [1, 2]),
        ({"persona": {"$in": []}}, []),
        ({"persona": {"$nin": ["ann"]}}, [1, 2, 4]),
        ({"persona": {"$ne": "ann"}}, [1, 2, 4]),
        ({"year": {"$gte": 2020}}, [1, 3]),
        ({"year": {"$gt": 2019, "$lt": 2021}}, [1]),
        ({"year": {"$lte": "2020"}}, [2]),
        ({"tags": "rent"}, [0]),
        ({"where.town": "Ulm"}, [0]),
        ({"done": True}, [2]),
        ({"none": {"$exists": False}}, [0, 1, 2, 3, 4]),
        ({"score": {"$exists": True}}, [1]),
        ({"$or": [{"persona": "cy"}, {"year": 2019}]}, [0, 2]),
        ({"$and": [{"persona": "ann"}, {"$not": {"year": 2019}}]}, [3]),
    ],
)
def test_what_filters_keep(wanted: dict[str, Any], expected: list[int], connection: sqlite3.Connection) -> None:
    assert places(wanted, connection) == expected


numbers = st.integers(-5, 5) | st.floats(-5, 5, allow_nan=False)


@given(
    values=st.lists(numbers | st.sampled_from(["a", "b", "3"]), min_size=1, max_size=8),
    bound=numbers,
    operator=st.sampled_from(["$eq", "$gt", "$gte", "$lt", "$lte"]),
)
def test_numbers_compare_with_numbers(values: list[Any], bound: float, operator: str) -> None:
    compare = {"$eq": op.eq, "$gt": op.gt, "$gte": op.ge, "$lt": op.lt, "$lte": op.le}[operator]
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE fields (name, value, pos)")
    connection.executemany("INSERT INTO fields VALUES ('f', ?, ?)", [(v, i) for i, v in enumerate(values)])
    found = np.flatnonzero(matching({"f": {operator: bound}}, connection, len(values))).tolist()
    assert found == [i for i, v in enumerate(values) if not isinstance(v, str) and compare(v, bound)]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"$nor": []}, r"unknown operator \$nor"),
        ({"year": {"$near": 3}}, r"field 'year': unknown operator \$near"),
        ({"year": {"$in": "2020"}}, r"\$in and \$nin take a list"),
        ({"year": [2020]}, "compares with a text, a number"),
        ({"$or": {"a": 1}}, r"\$or takes a list of filters"),
        ({"persona": {}}, "field 'persona': an empty condition"),
        ({"$not": {"persona": {}}}, "field 'persona': an empty condition"),
        ({"year": 10**400}, "field 'year': compares with numbers under 1e308"),
        ({"year": {"$in": [10**400]}}, "field 'year': compares with numbers under 1e308"),
        ("year = 3", "str given where a dictionary is needed"),
    ],
)
def test_bad_filters_are_named(wanted: Any, message: str, connection: sqlite3.Connection) -> None:
    with pytest.raises(InputError, match=message):
        matching(wanted, connection, len(ROWS))


def test_metadata_that_json_cannot_hold_is_named() -> None:
    assert json.loads(encode_metadata({"a": [1, {"b": None}]}, "document 'x'")) == {"a": [1, {"b": None}]}
    with pytest.raises(InputError, match="document 'x': metadata field 'when': a datetime cannot be kept"):
        encode_metadata({"a": 1, "when": datetime.now(UTC)}, "document 'x'")
    with pytest.raises(InputError, match="field 'p': a PosixPath"):
        encode_metadata({"p": Path()}, "d")
    with pytest.raises(InputError, match=r"field 'n': a int cannot be kept as JSON; .* under 1e308"):
        encode_metadata({"a": 2**70, "n": 10**400}, "d")
    with pytest.raises(InputError, match="field 'n': a dict"):
        encode_metadata({"n": {"deep": [10**400]}}, "d")


def test_metadata_that_could_not_be_read_from_inside_other_calls_is_refused() -> None:
    deep: Any = "a"
    for level in range(DEEPEST - 1):
        deep = [deep] if level % 2 else {"in": deep}
    assert json.loads(encode_metadata({"n": deep}, "d")) == {"n": deep}
    with pytest.raises(InputError, match=r"field 'n': a list .* 100 levels at the most"):
        encode_metadata({"ok": 1, "n": [deep]}, "d")
