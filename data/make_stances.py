"""Write ``stances.jsonl.gz``, labelled pairs, from ``propositions.jsonl``, the statements they are made of.

A proposition holds one claim and texts whose relation to it is known: the same position in other words, the contrary
position, hedged and partial objections, each with a restatement, concessions with their clauses, and
statements beside the point. Labels follow from that structure. Both sides get agreeing pairs (an objection and its
restatement), so that the wording of an objection alone does not tell the label.

Run from the repository's root: ``python data/make_stances.py``. It writes the same bytes each time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEV_SHARE = 0.12
Row = dict[str, str]
Pair = tuple[str, str]


def _some(rng: random.Random, pairs: Sequence[Pair], most: int) -> list[Pair]:
    return rng.sample(pairs, min(most, len(pairs)))


def _pairs(p: dict[str, Any], others: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str, Pair]]:
    """(label, kind, pair) of one proposition; ``others`` are statements of other topics."""
    claim, same, short = p["claim"], p["same"], p["short"]
    holders = [claim, *same, *short, *p["concede_same"]]
    plain = [claim, *same, *short]
    against = [text for item in p["against"] for text in item]
    hedges = [text for item in p["hedge"] for text in item]
    yield from (("agree", "same-position", q) for q in _some(rng, list(combinations(plain, 2)), 9))
    yield from (("agree", "concession-that-agrees", (c, h)) for c in p["concede_same"] for h in rng.sample(plain, 2))
    yield from (("agree", "same-objection", tuple(item)) for item in p["against"])
    yield from (("agree", "same-hedge", tuple(item)) for item in p["hedge"])
    yield from (("agree", "same-objection", q) for q in _some(rng, list(product(p["short_against"], against)), 4))
    yield "agree", "same-objection", tuple(p["short_against"])
    for item in p["yes_but"]:
        yield "agree", "conceded-premise", (claim, item["premise"])
        yield "agree", "same-objection", (item["contest"], item["again"])
        yield "agree", "same-objection", (item["text"], item["again"])
        yield "disagree", "yes-but", (claim, item["text"])
        yield "disagree", "yes-but", (rng.choice(plain), item["text"])
        yield "disagree", "contesting-clause", (claim, item["contest"])
        yield "disagree", "contesting-clause", (rng.choice(holders), rng.choice((item["contest"], item["again"])))
    yield from (("disagree", "opposition", (claim, rng.choice(item))) for item in p["against"])
    yield from (("disagree", "opposition", q) for q in _some(rng, list(product(holders, against)), 6))
    yield from (("disagree", "opposition", (s, rng.choice(plain))) for s in p["short_against"] for _ in range(2))
    yield from (("disagree", "hedge", (claim, rng.choice(item))) for item in p["hedge"])
    yield from (("disagree", "hedge", q) for q in _some(rng, list(product(holders, hedges)), 5))
    objections = [*against, *hedges, *p["short_against"]]
    yield from (("unrelated", "same-topic", (claim, text)) for text in p["beside"])
    yield from (("unrelated", "same-topic", q) for q in _some(rng, list(product(same, p["beside"])), 2))
    yield from (("unrelated", "same-topic", q) for q in _some(rng, list(product(objections, p["beside"])), 3))
    mine = [*holders, *objections, *p["beside"]]
    yield from (("unrelated", "other-topic", (rng.choice(mine), rng.choice(others))) for _ in range(5))


def texts_of(p: dict[str, Any]) -> list[str]:
    """Every statement of a proposition."""
    clauses = [item[key] for item in p["yes_but"] for key in ("text", "premise", "contest", "again")]
    paired = [text for item in (*p["against"], *p["hedge"]) for text in item]
    return [
        p["claim"],
        *p["same"],
        *p["short"],
        *p["concede_same"],
        *paired,
        *p["short_against"],
        *clauses,
        *p["beside"],
    ]


def _split(topic: str) -> str:
    share = int.from_bytes(hashlib.sha256(topic.encode()).digest()[:4], "big") / 2**32
    return "dev" if share < DEV_SHARE else "train"


def rows(propositions: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[Row]:
    """The labelled pairs of all propositions, without repetitions; partners of other topics are of the same split."""
    seen: set[frozenset[str]] = set()
    for p in propositions:
        topic, split = p["topic"], _split(p["topic"])
        others = [q for q in propositions if q["topic"] != topic and _split(q["topic"]) == split]
        strangers = [rng.choice(texts_of(rng.choice(others))) for _ in range(5)]
        for label, kind, pair in _pairs(p, strangers, rng):
            if len(set(pair)) == 1 or frozenset(pair) in seen:
                continue
            seen.add(frozenset(pair))
            a, b = rng.sample(pair, 2)
            yield {"a": a, "b": b, "label": label, "kind": kind, "topic": topic, "split": split}


def main() -> None:
    """Write the file; gzip without a time stamp, so that equal content is equal bytes."""
    lines = (HERE / "propositions.jsonl").read_text(encoding="utf-8").splitlines()
    made = rows([json.loads(line) for line in lines], random.Random(11))  # noqa: S311
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
    (HERE / "stances.jsonl.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
