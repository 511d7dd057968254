"""Train the network that says whether a statement bears out what a narrative tells of it.

``data/tellings.jsonl.gz`` holds rows of ledgers with sentences that tell them, right and wrong. Each sentence is cut
into what it says of either side, as the verifier does, and each side is held against its statement (in an agreement,
against both). It is borne out; contradicted where it was turned round or given the other's view; not said where it was
made up, or stands beside another row. Files of labelled pairs whose *a* entails, contradicts or leaves open *b* are
mixed in where they are given. Run from the repository's root:

    python -m benchmarks.narrative_support [PAIRS...] --work FOLDER

It goes on from FOLDER if it was stopped there, and writes ``chains/support.safetensors`` and
``benchmarks/narrative_support.md``. After it, ``python -m benchmarks.narrative_fit`` weighs the new signals.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.claims import Claims
from jepa_langchain.chains.sides import Names
from jepa_langchain.chains.signals import evidence_of
from jepa_langchain.chains.support import ANSWERS, SHIPPED, SupportPredictor, save_support
from jepa_langchain.chains.words import english
from jepa_langchain.console import log_to_stderr, quiet_libraries
from jepa_langchain.metrics import auroc
from jepa_langchain.pair_predictor import LABELS, PairPredictor
from jepa_langchain.pairs import LabelledPair, PairSource, read_pairs
from jepa_langchain.training.pair import train_pair
from jepa_langchain.training.sampling import PairTraining, Rows
from jepa_langchain.training.states import StateStore

HERE = Path(__file__).parent
TELLINGS = HERE.parent / "data" / "tellings.jsonl.gz"
WHERE = HERE.parent / "chains" / SHIPPED
#: Share of the sentences that are also held against the other side, and against the ledger's row before.
EXCHANGED, BESIDE = 0.4, 0.15
BORNE_OUT, CONTRADICTED, NOT_SAID = LABELS
CONFIG = PairTraining(samples=65_536, fresh_rate=6e-4, flatten=1.0)
#: Longest pair of given files, in characters; sentences of narratives are no longer.
LONGEST, MOST_GIVEN = 300, 6_000
logger = logging.getLogger("jepa_langchain.benchmarks")


def tellings() -> list[dict[str, Any]]:
    """The rows, those of a ledger together."""
    with gzip.open(TELLINGS, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def examples(rows: Sequence[dict[str, Any]], split: str) -> Iterator[LabelledPair]:
    """(told, statement) pairs of a split, their kind that of the sentence."""
    dice, lexicon = np.random.default_rng(0), english()
    before: dict[str, Any] | None = None
    for row in rows:
        ledger = (row["ledger"], row["names"])
        beside = before if before and (before["ledger"], before["names"]) == ledger else None
        before = row
        if row["split"] != split:
            continue
        names = Names(*row["names"])
        claims = Claims(names, lexicon)
        sentences = [(text, "honest", "") for text in row["honest"]]
        sentences += [(wrong["text"], wrong["kind"], wrong["side"]) for wrong in row["wrong"]]
        for text, kind, side in sentences:
            clauses = names.clauses(text)
            told = claims.said(clauses, "a"), claims.said(clauses, "b")
            if all(told):
                yield from _of_sentence(row, told, kind, side)
                if kind == "honest":
                    yield from _made_up(row, beside, told, dice)


def _of_sentence(row: dict[str, Any], told: tuple[str, str], kind: str, side: str) -> Iterator[LabelledPair]:
    wrong = CONTRADICTED if kind == "flipped" else NOT_SAID
    labels = [wrong if side in (name, "both") else BORNE_OUT for name in "ab"]
    if told[0] == told[1] and wrong in labels and side:
        labels = [wrong, wrong]
    evidence = evidence_of(row["a"], row["b"], agree=row["relation"] == "agree")
    for said, statement, label in zip(told, evidence, labels, strict=True):
        yield LabelledPair(said, statement, label, kind=kind)


def _made_up(
    row: dict[str, Any], beside: dict[str, Any] | None, told: tuple[str, str], dice: np.random.Generator
) -> Iterator[LabelledPair]:
    """The same words as told of another statement: the other side's, or the row's before."""
    exchanged, moved = dice.random(2) < (EXCHANGED, BESIDE)
    if exchanged and row["relation"] == "disagree" and told[0] != told[1]:
        yield LabelledPair(told[0], row["b"], CONTRADICTED, kind="exchanged")
        yield LabelledPair(told[1], row["a"], CONTRADICTED, kind="exchanged")
    if moved and beside:
        yield LabelledPair(told[0], beside["a"], NOT_SAID, kind="beside")
        yield LabelledPair(told[1], beside["b"], NOT_SAID, kind="beside")


def given(path: Path) -> PairSource:
    """The shorter pairs of a file's training split, what is told first."""
    source = read_pairs(path)
    pairs = [
        LabelledPair(pair.b, pair.a, pair.label)
        for pair in source.pairs
        if pair.split in (None, "train") and len(pair.a) + len(pair.b) < LONGEST
    ]
    kept = np.sort(np.random.default_rng(0).permutation(len(pairs))[:MOST_GIVEN])
    return source.only([pairs[i] for i in kept])


def answers(model: PairPredictor, rows: Rows, store: StateStore) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, 3) log-probabilities of ANSWERS for rows of a store."""
    used, places = np.unique(np.stack([rows.x, rows.y], axis=1), return_inverse=True)
    tokens = [store.token_states(int(row)) for row in used]
    started = model if isinstance(model, SupportPredictor) else SupportPredictor.from_pair(model)
    return started.answers(tokens, places.reshape(-1, 2))


def table(pairs: Sequence[LabelledPair], ways: dict[str, np.ndarray[Any, np.dtype[np.float64]]]) -> str:
    """How well P(borne out) parts what is from what is not, by kind of sentence, as Markdown."""
    rows = [f"| told wrongly | pairs | {' | '.join(ways)} |", "|---" * (2 + len(ways)) + "|"]
    right = np.array([pair.label is BORNE_OUT for pair in pairs])
    kinds = np.array([pair.kind for pair in pairs])
    for kind in ("flipped", "exchanged", "invented", "unsupported", "beside"):
        wrong = (kinds == kind) & ~right
        found = [auroc(right[right | wrong], answers[right | wrong, 0]) for answers in ways.values()]
        cells = ["–" if value is None else f"{value:.3f}" for value in found]
        rows.append(f"| {kind} | {int(wrong.sum()):,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="*", type=Path, help="files of (premise, hypothesis) pairs")
    parser.add_argument("--work", type=Path, required=True, help="folder of encoded states and checkpoints")
    asked = parser.parse_args()
    quiet_libraries()
    log_to_stderr()
    stages = AlignmentModel.load().stages
    if stages.pair is None:
        raise TypeError("the shipped model has no pair stage to start from")
    rows = tellings()
    dev = list(examples(rows, "dev"))
    sources = [PairSource("tellings", tuple(examples(rows, "train"))), *map(given, asked.pairs)]
    every = [*dev, *(pair for source in sources for pair in source.pairs)]
    store = StateStore(
        asked.work, [text for pair in every for text in (pair.a, pair.b)], stages.encoder, with_tokens=True
    )
    held = Rows.of(PairSource("dev", tuple(dev)), store)
    right = np.array([pair.label is BORNE_OUT for pair in dev])
    trained = train_pair(
        SupportPredictor.from_pair(stages.pair),
        [Rows.of(source, store) for source in sources],
        store,
        asked.work,
        config=CONFIG,
        evaluate=lambda model: auroc(right, answers(model, held, store)[:, 0]),
        log=lambda row: logger.info("%s", row),
        resume=True,
    )
    if not isinstance(trained, SupportPredictor):
        raise TypeError("training returned another network")
    save_support(WHERE, trained)
    ways = {"pair stage": answers(stages.pair, held, store), "trained": answers(trained, held, store)}
    counts = ", ".join(f"{len(source.pairs):,} pairs of {source.name}" for source in sources)
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.narrative_support PAIRS... --work FOLDER`."
    what = (
        f"{counts}; {CONFIG.samples:,} samples. AUROC of P({ANSWERS[0]}), what is told rightly against what is told "
        f"wrongly, on {len({(r['ledger'], *r['names']) for r in rows if r['split'] == 'dev'})} ledgers that training "
        "left out."
    )
    write_table("narrative_support.md", f"# Training the narrative's verifier\n\n{head} {what}\n\n{table(dev, ways)}\n")


if __name__ == "__main__":
    main()
