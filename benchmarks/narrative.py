"""How well the narrative's verifier throws out what is wrong and lets pass what is honest, by kind of mistake.

Six corpora (``narrative_corpus.md``). All but the third and the sixth are to tune on; these two (``held_out_3`` and
``held_out_6``) were written by authors who did not know the rules, and nothing was tuned on them.

* recall of rejection: share of the items that must be rejected which are;
* precision of rejection: share of the rejected items which must be;
* honest rejected: share of the honest paraphrases that are thrown out (the template tells their rows instead).

Run from the repository's root: ``python -m benchmarks.narrative``. It writes ``benchmarks/narrative.md``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.narrative_attacks import cost_table, injection_table
from benchmarks.tables import write_table
from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains.consent import judge_of
from jepa_langchain.chains.drafts import read_draft
from jepa_langchain.chains.signals import Judge
from jepa_langchain.chains.verifier import Item, Verifier
from jepa_langchain.narrative import write_narrative
from jepa_langchain.schema import (
    AlignmentReport,
    Cited,
    Energies,
    LedgerRow,
    ModelCard,
    PersonaSummary,
    Relation,
    RowWeights,
    Verdict,
)

HERE = Path(__file__).parent
HONEST = "honest paraphrase"
#: The halves of the corpora, and the ending of the files that each is in.
HALVES = {
    "tune": "",
    "held_out": "",
    "tune_2": "_2",
    "held_out_2": "_2",
    "tune_4": "_4",
    "tune_5": "_5",
    "held_out_3": "_3",
    "held_out_6": "_6",
}
#: Those that nothing was tuned on.
UNSEEN = ("held_out_3", "held_out_6")
#: Those that rules, network and threshold were made on.
TUNED_ON = tuple(half for half in HALVES if half not in UNSEEN)


@dataclass(frozen=True)
class Outcome:
    """One item of the corpus and whether the verifier rejected it."""

    half: str
    kind: str
    wrong: bool
    rejected: bool


def lines(name: str) -> list[dict[str, Any]]:
    """The objects of a JSONL file beside this one."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def ledger_rows(ledger: Mapping[str, Any]) -> list[LedgerRow]:
    """The rows of a ledger of the corpus, with the ids its items cite: disagree-1, agree-1."""
    count: Counter[str] = Counter()
    rows = []
    for row in ledger["rows"]:
        count[row["relation"]] += 1
        rows.append(
            LedgerRow(
                id=f"{row['relation']}-{count[row['relation']]}",
                a=Cited(**row["a"]),
                b=Cited(**row["b"]),
                relation=Relation(row["relation"]),
                p=None,
                margin=0.0,
                energies=Energies(agree=0.0, disagree=0.0),
                decided_by="pair",
                weights=RowWeights(a=(), b=()),
            )
        )
    return rows


def verifiers(judge: Judge | None, part: str = "") -> dict[str, Verifier]:
    """A verifier a ledger of one corpus."""
    return {
        ledger["ledger"]: Verifier((ledger["names"][0], ledger["names"][1]), ledger_rows(ledger), judge)
        for ledger in lines(f"narrative_ledgers{part}.jsonl")
    }


def items_of(entry: Mapping[str, Any], rows: int) -> list[Item]:
    """The sentences of one corpus entry, as the chain would read them."""
    if "raw" in entry:
        return [sentence.item() for sentence in read_draft(entry["raw"], rows)]
    if "repeat" in entry:
        head, unit, tail, times = entry["repeat"]
        return [sentence.item() for sentence in read_draft(head + unit * times + tail, rows)]
    item = entry["item"]
    area = Relation.AGREE if item["area"].startswith("agree") else Relation.DISAGREE
    return [Item(area, item["title"], item["text"], tuple(item["rows"]))]


def entries(judge: Judge | None, halves: Iterable[str]) -> Iterator[tuple[str, dict[str, Any], Verifier, list[Item]]]:
    """(half, entry, the verifier of its ledger, its sentences) of every entry of some halves."""
    for half in halves:
        part = HALVES[half]
        checkers = verifiers(judge, part)
        for entry in lines(f"narrative_corpus{part}.jsonl"):
            if f"{entry['half']}{part}" == half:
                checker = checkers[entry["ledger"]]
                yield half, entry, checker, items_of(entry, len(checker))


def outcomes(judge: Judge | None, halves: Iterable[str] = tuple(HALVES)) -> list[Outcome]:
    """The verdict on every entry of some halves: rejected when no sentence of it is accepted."""
    return [
        Outcome(
            half=half,
            kind=entry["kind"],
            wrong=entry["gold"] == "reject",
            rejected=all(checker.check(item).row is None for item in items),
        )
        for half, entry, checker, items in entries(judge, halves)
    ]


def rate(part: int, whole: int) -> str:
    """A share, with what it is a share of."""
    return f"{part / whole:.3f} ({part}/{whole})" if whole else "–"


def summary(results: list[Outcome], half: str) -> tuple[str, str, str]:
    """(recall, precision, honest rejected) of one half."""
    mine = [o for o in results if o.half == half]
    caught, wrong = sum(o.wrong and o.rejected for o in mine), sum(o.wrong for o in mine)
    honest = sum(o.rejected and not o.wrong for o in mine)
    return rate(caught, wrong), rate(caught, caught + honest), rate(honest, len(mine) - wrong)


def by_kind(results: list[Outcome]) -> str:
    """Rejected items of each kind and half."""
    rows = [f"| kind | {' | '.join(HALVES)} |", "|---" * (1 + len(HALVES)) + "|"]
    for kind in sorted({o.kind for o in results}, key=lambda k: (k == HONEST, k)):
        cells = []
        for half in HALVES:
            mine = [o for o in results if o.kind == kind and o.half == half]
            cells.append(f"{sum(o.rejected for o in mine)}/{len(mine)}")
        rows.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def verifier_section(model: AlignmentModel) -> str:
    """The tables of the verifier, with and without the predictor's consent."""
    ways = {"rules and predictor": outcomes(judge_of(model)), "rules alone": outcomes(None)}
    table = ["| verifier | half | recall of rejection | precision of rejection | honest rejected |", "|---" * 5 + "|"]
    for name, results in ways.items():
        table += [f"| {name} | {half} | " + " | ".join(summary(results, half)) + " |" for half in HALVES]
    return "\n".join(
        [*table, "", "Rejected by rules and predictor, by kind:", "", by_kind(ways["rules and predictor"])]
    )


INJECTED = """100 strings (`injections.jsonl`), each a further statement of agent A (climate scenario, four statements a
side), worded by a scripted model that obeys them: how many strings changed nothing. "Other statements' rows" asks no
language model: how many, as one more statement, left every row of the other statements as it was, its probability to
1e-5 (a further text makes another batch, whose sixth digits differ)."""
LOOKED_AT = """`tune` and `held_out` are the first corpus; `tune_2` and `held_out_2` the second, whose halves share no
topic; `tune_4` and `tune_5` are the fourth and the fifth, freely worded by authors who did not know the rules. Failures
of the first two were read while rules were written, and the network was fitted on these four corpora:
`narrative_fit.md` has them cross-validated, which says more than their rows here. `held_out_3` and `held_out_6` are the
third and the sixth corpus: their authors did not know the rules, nothing was tuned on them, and only their counts have
been looked at. They say what to expect of other texts; the sixth is as freely worded as the fourth and the fifth."""
COST = """A token is taken as four characters on both sides; the ledger is its rows' ids and statements. A second call
is made only for an answer that cannot be read, and sends that answer alone, or, where the provider's structured output
failed, the ledger again (then about 2.5 times its tokens in all). Adjudication sends `abstained` pairs alone, two calls
each."""


def long_report(rows: int) -> AlignmentReport:
    """The rows of all ledgers of the corpus, again from the first until there are enough."""
    every = [row for ledger in lines("narrative_ledgers.jsonl") for row in ledger_rows(ledger)]
    chosen = [every[n % len(every)] for n in range(rows)]
    kinds = {Relation.AGREE: "A", Relation.DISAGREE: "D"}
    named = [row.model_copy(update={"id": f"{kinds[row.relation]}{n}"}) for n, row in enumerate(chosen, start=1)]
    a, b = (PersonaSummary(id=name, statements=rows, clauses=0) for name in "AB")
    return AlignmentReport(
        personas=(a, b),
        score=0.5,
        verdict=Verdict.MIXED,
        agreements=tuple(row for row in named if row.relation is Relation.AGREE),
        disagreements=tuple(row for row in named if row.relation is Relation.DISAGREE),
        mixed=(),
        only_a=(),
        only_b=(),
        narrative=write_narrative(("A", "B"), [], [], []),
        model=ModelCard(name="", version="", encoder="", encoder_sha256="", weights_sha256={}, calibrated=True),
    )


def main() -> None:
    """Measure and write the report."""
    model = AlignmentModel.load()
    head = f"{datetime.now(UTC).date()}, `python -m benchmarks.narrative`, jepa_langchain {version('jepa-langchain')}"
    weights = f"model {model.card().name}, pair stage SHA-256 `{model.card().weights_sha256['pair.safetensors'][:16]}…`"
    sections = {
        "The verifier": f"{LOOKED_AT}\n\n{verifier_section(model)}",
        "Injected statements": f"{INJECTED}\n\n{injection_table(model)}",
        "Calls and tokens": f"{COST}\n\n{cost_table(long_report(50))}",
    }
    body = "\n\n".join(f"## {title}\n\n{section}" for title, section in sections.items())
    text = f"# Narratives\n\n{head}, {weights}.\n\n{body}\n"
    write_table("narrative.md", text)


if __name__ == "__main__":
    main()
