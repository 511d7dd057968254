"""How often a stated probability was right on pairs that the model never saw, and how sure that is.

The metrics of a model hold, for every held-out file, how often pairs with a stated probability p of agreement or
disagreement were labelled so (``jepa_langchain.metrics.reliability``). Over files k with n_k such pairs, observed

    o = Σ_k √n_k o_k / Σ_k √n_k

so that a large file does not drown a small one, as when a calibrator is fitted. Its interval is a 95 % bootstrap of
two levels: files are drawn again with replacement, and within a file the number of pairs that were right.

Sources: Niculescu-Mizil & Caruana (2005) for reliability diagrams; Davison & Hinkley (1997), §3.8, for two levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from jepa_langchain.metrics import RELIABILITY_BINS
from jepa_langchain.schema import Probability

_DRAWS = 2_000
#: Pairs from which a bin is shown: fewer say nothing.
_FEWEST = 20


@dataclass(frozen=True)
class ReliabilityBin:
    """Held-out pairs with about the same stated probability of agreement or disagreement.

    Attributes:
        low: the lowest probability of the bin.
        high: the highest.
        stated: their mean stated probability.
        observed: the share of them that was labelled with the relation.
        least: lower end of the 95 % interval of ``observed``.
        most: its upper end.
        pairs: how many there are.
        files: in how many held-out files.
    """

    low: float
    high: float
    stated: float
    observed: float
    least: float
    most: float
    pairs: int
    files: int


class _Row(BaseModel):
    bin: int = Field(ge=0, lt=RELIABILITY_BINS)
    n: int = Field(ge=1, lt=2**31)
    stated: Probability
    observed: Probability


class _File(BaseModel):
    reliability: tuple[_Row, ...] = ()


class _Metrics(BaseModel):
    files: dict[str, _File] = {}


def check_metrics(metrics: Mapping[str, Any]) -> None:
    """Refuse metrics that no curve could be drawn from; those without one are fine.

    Raises:
        pydantic.ValidationError: naming what is none.
    """
    _Metrics.model_validate(metrics)


def reliability_curve(metrics: Mapping[str, Any]) -> tuple[ReliabilityBin, ...]:
    """The bins of a model's metrics, or of the document of ``evaluate --json``; empty if they hold none.

    The same metrics give the same intervals.
    """
    rows: dict[int, list[Mapping[str, float]]] = {}
    for _, file in sorted(metrics.get("files", {}).items()):
        for row in file.get("reliability", ()):
            rows.setdefault(int(row["bin"]), []).append(row)
    return tuple(_bin(b, found) for b, found in sorted(rows.items()) if sum(row["n"] for row in found) >= _FEWEST)


def bin_of(curve: Sequence[ReliabilityBin], probability: float) -> ReliabilityBin | None:
    """The bin of a stated probability; None if it was not measured."""
    return next((b for b in reversed(curve) if b.low <= probability <= b.high), None)


def _bin(index: int, rows: Sequence[Mapping[str, float]]) -> ReliabilityBin:
    n = np.array([row["n"] for row in rows], dtype=np.int64)
    stated, observed = (np.array([row[name] for row in rows]) for name in ("stated", "observed"))
    weight = np.sqrt(n)
    rng = np.random.default_rng(index)
    drawn = rng.integers(len(n), size=(_DRAWS, len(n)))
    shares = rng.binomial(n[drawn], observed[drawn]) / n[drawn]
    least, most = np.percentile((shares * weight[drawn]).sum(1) / weight[drawn].sum(1), [2.5, 97.5])
    return ReliabilityBin(
        low=index / RELIABILITY_BINS,
        high=(index + 1) / RELIABILITY_BINS,
        stated=float(stated @ weight / weight.sum()),
        observed=float(observed @ weight / weight.sum()),
        least=float(least),
        most=float(most),
        pairs=int(n.sum()),
        files=len(n),
    )
