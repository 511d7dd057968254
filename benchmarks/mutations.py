"""Damaged inputs for fuzzing: bytes flipped, cut, doubled; JSON values replaced by what nobody expects."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

#: Values that parsers trip over.
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202eevil",
    "\U000e0041tag",
    "../../etc/passwd",
    "/dev/zero",
    "a" * 5_000,
    [],
    {},
    [[]],
    {"a": {"a": {}}},
)
_ODD_BYTES = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"[" * 3_000,
    b'{"a":' * 2_000,
    b'"' * 50,
    b"\r",
    b"\x1b[31m",
    b"9" * 400,
    b"1e999",
    b"\\ud800",
    b",,,,",
    b"\n\n",
)


def mutate_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four changes: a bit, a cut, a doubled slice, an odd insertion."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, len(out) + 1))
        match int(rng.integers(0, 5)):
            case 0 if out:
                out[min(at, len(out) - 1)] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del out[at : at + int(rng.integers(1, 40))]
            case 2:
                out[at:at] = out[at : at + int(rng.integers(1, 200))]
            case 3:
                out[at:at] = _ODD_BYTES[int(rng.integers(len(_ODD_BYTES)))]
            case _:
                del out[at:]
    return bytes(out)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


def mutate_json(document: Any, rng: np.random.Generator) -> Any:  # noqa: ANN401
    """A copy with one value replaced, removed or renamed."""
    out = copy.deepcopy(document)
    places = _places(out)
    place = places[int(rng.integers(len(places)))]
    odd = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    if not place:
        return odd
    parent = out
    for key in place[:-1]:
        parent = parent[key]
    match int(rng.integers(0, 4)):
        case 0:
            del parent[place[-1]]
        case 1 if isinstance(parent, dict):
            parent[str(odd)[:50]] = parent.pop(place[-1])
        case _:
            parent[place[-1]] = odd
    return out


def dump(document: Any) -> bytes:  # noqa: ANN401
    """JSON as bytes, NaN and lone surrogates included."""
    return json.dumps(document).encode("utf-8", "surrogatepass")
