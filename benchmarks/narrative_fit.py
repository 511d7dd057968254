"""Fit the network that the narrative's verifier weighs its signals with, and say what to expect of it.

The items of the corpora that are to tune on, with their signals (:mod:`jepa_langchain.chains.signals`), are parted ten
ways by ledger; every item is judged by networks that saw no sentence about its ledger. The threshold is the lowest that
throws out ``RECALL`` of all wrong items that way; the network that ships is then fitted on all of them. Run from the
repository's root: ``python -m benchmarks.narrative_fit``. It writes ``chains/consent.json`` and
``benchmarks/narrative_fit.md``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.narrative import HALVES, HONEST, TUNED_ON, entries, rate
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.consent import Consent, measures_of
from jepa_langchain.chains.signals import Judge
from jepa_langchain.console import quiet_libraries

#: Share of the wrong items that are to be thrown out.
RECALL = 0.98
MEMBERS, HIDDEN, PENALTY, EPOCHS, FOLDS = 5, 32, 1.0, 300, 10
#: Most rows of a batch.
BATCH = 200
#: What a sentence of turned polarity counts for while fitting: it is the worst that can pass.
FLIPPED = 3.0
WHERE = Path(__file__).parent.parent / "chains" / "consent.json"
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """An item of a corpus: its signals, or None where a check before them throws it out."""

    ledger: str
    half: str
    kind: str
    signals: dict[str, float] | None

    @property
    def honest(self) -> bool:
        """Whether it should pass."""
        return self.kind == HONEST


def examples(judge: Judge) -> list[Example]:
    """Every item that is to tune on."""
    found = []
    for half, entry, checker, items in entries(judge, TUNED_ON):
        signals = [s for item in items if (s := checker.signals(item))]
        ledger = f"{entry['ledger']}{HALVES[half]}"
        found.append(Example(ledger, half, entry["kind"], signals[-1] if signals else None))
    return found


def fit(rows: Doubles, honest: npt.NDArray[np.bool_], weights: Doubles, names: Sequence[str]) -> Consent:
    """Fit the members on standardised signals (n, s); weight decay keeps them small."""
    from sklearn.neural_network import MLPClassifier

    mean, scale = rows.mean(0), rows.std(0) + 1e-6
    # The penalty is shared out over a batch's rows: a small last batch would be penalised many times as much.
    size = math.ceil(len(rows) / math.ceil(len(rows) / BATCH))
    members: list[Any] = []
    with warnings.catch_warnings():
        # The number of epochs is a choice, not a failure to converge.
        warnings.simplefilter("ignore")
        for seed in range(MEMBERS):
            member = MLPClassifier((HIDDEN,), alpha=PENALTY, batch_size=size, max_iter=EPOCHS, random_state=seed)
            members.append(member.fit((rows - mean) / scale, honest, sample_weight=weights))
    return Consent(
        encoder="",
        signals=tuple(names),
        mean=mean,
        scale=scale,
        hidden=np.stack([m.coefs_[0] for m in members]),
        hidden_bias=np.stack([m.intercepts_[0] for m in members]),
        out=np.stack([m.coefs_[1][:, 0] for m in members]),
        out_bias=np.array([m.intercepts_[1][0] for m in members]),
        threshold=1.0,
    )


def held_out(found: Sequence[Example], rows: Doubles, names: Sequence[str]) -> Doubles:
    """(n,) probabilities of examples with signals, each by networks that saw no item of its ledger."""
    from sklearn.model_selection import GroupKFold

    honest, weights = _gold(found)
    groups = [example.ledger for example in found]
    out = np.zeros(len(found))
    for train, test in GroupKFold(FOLDS).split(rows, groups=groups):
        consent = fit(rows[train], honest[train], weights[train], names)
        out[test] = [consent.probability(found[i].signals or {}) for i in test]
    return out


def _gold(found: Sequence[Example]) -> tuple[npt.NDArray[np.bool_], Doubles]:
    honest = np.array([example.honest for example in found])
    return honest, np.array([FLIPPED if example.kind == "flipped polarity" else 1.0 for example in found])


def table(found: Sequence[Example], passed: Sequence[bool]) -> str:
    """What cross-validation lets pass, by half and by kind, as Markdown."""
    rows = ["| half | recall of rejection | honest rejected |", "|---" * 3 + "|"]
    for half in (*TUNED_ON, "all"):
        mine = [(e, p) for e, p in zip(found, passed, strict=True) if half in (e.half, "all")]
        wrong, honest = [p for e, p in mine if not e.honest], [p for e, p in mine if e.honest]
        rows.append(f"| {half} | {rate(wrong.count(False), len(wrong))} | {rate(honest.count(False), len(honest))} |")
    rows += ["", "| kind | rejected |", "|---" * 2 + "|"]
    for kind in sorted({example.kind for example in found}):
        mine_of = [p for e, p in zip(found, passed, strict=True) if e.kind == kind]
        rows.append(f"| {kind} | {mine_of.count(False)}/{len(mine_of)} |")
    return "\n".join(rows)


def main() -> None:
    """Fit, measure and write."""
    quiet_libraries()
    model = AlignmentModel.load()
    found = examples(measures_of(model))
    seen = [example for example in found if example.signals]
    names = list(seen[0].signals or {})
    rows = np.array([[(example.signals or {})[name] for name in names] for example in seen])
    probabilities = dict(zip(map(id, seen), held_out(seen, rows, names), strict=True))
    wrong = sorted((probabilities.get(id(example), 0.0) for example in found if not example.honest), reverse=True)
    threshold = round(float(np.nextafter(wrong[int((1 - RECALL) * len(wrong))], 1.0)) + 5e-5, 4)
    fitted = replace(fit(rows, *_gold(seen), names), encoder=model.stages.encoder.identity.sha256, threshold=threshold)
    WHERE.write_text(fitted.as_json(), encoding="utf-8")
    body = table(found, [probabilities.get(id(example), 0.0) >= threshold for example in found])
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.narrative_fit`."
    what = (
        f"{len(names)} signals, threshold {threshold}. Every item is judged by networks that saw nothing of its ledger."
    )
    write_table("narrative_fit.md", f"# Fitting the narrative's verifier\n\n{head} {what}\n\n{body}\n")


if __name__ == "__main__":
    main()
