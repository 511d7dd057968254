"""Comparison of answers that were computed in other batches: what was encoded together moves the last digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

#: Far above what batches move (float32) and what an index that keeps half precision moves, far below a verdict.
WITHIN = 1e-3


def differences(left: Any, right: Any, *, within: float = WITHIN, at: str = "") -> list[str]:
    """Where two answers differ, one line a place: floats by more than ``within``, everything else at all."""
    left, right = _plain(left), _plain(right)
    if isinstance(left, Mapping) and isinstance(right, Mapping) and left.keys() == right.keys():
        return [d for key in left for d in differences(left[key], right[key], within=within, at=f"{at}.{key}")]
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        places = enumerate(zip(left, right, strict=True))
        return [d for n, (a, b) in places for d in differences(a, b, within=within, at=f"{at}[{n}]")]
    floats = isinstance(left, float) and isinstance(right, float)
    same = math.isclose(left, right, rel_tol=0, abs_tol=within) if floats else bool(left == right)
    return [] if same else [f"{at or 'value'}: {left!r} is not {right!r}"]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value
