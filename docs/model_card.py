"""Write jepa_langchain/shipped/default/MODEL_CARD.md from the shipped model's manifest and the benchmarks' tables.

Hashes, metrics and the training are read from ``manifest.json``, which ``jepa-langchain train`` wrote, with the time
from its log; what words a verdict hangs on and minimal pairs from ``benchmarks/*.md``, with a remark where a table is
of another pair stage. What no file holds, as the time of encoding, stands in ``model_card.md.txt``. Run it from the
repository's root after a new model or a new table: ``python docs/model_card.py``.
"""

import json
import re
from pathlib import Path
from typing import Any

from jepa_langchain.calibration import DEFAULT_RISK

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "jepa_langchain" / "shipped" / "default"
SOURCES = {
    "argkp": ("arguments and key points of 31 motions (KPA-2021)", "CDLA-Sharing-1.0", "IBM/KPA_2021_shared_task"),
    "conjnli": ("sentences with conjunctions, small edits", "MIT", "swarnaHub/ConjNLI"),
    "explagraphs": ("belief and argument, support or counter", "MIT", "swarnaHub/ExplaGraphs"),
    "mnli_dev": ("natural language inference, official dev files re-split", "OANC and CC", "nyu-mll/multiNLI"),
    "opinions": ("this project's own, written by a language model", "Apache-2.0", "data/opinions.jsonl"),
    "persona_evals": ("statements of 45 personas, written by a language model", "CC BY 4.0", "anthropics/evals"),
    "perspectrum": ("claims, and perspectives that support or undermine them", "CC BY-SA 4.0", "CogComp/perspectrum"),
    "polar": ("this project's own, word lists and frames", "Apache-2.0", "data/polar.jsonl"),
    "snli_dev": ("natural language inference, official dev files re-split", "CC BY-SA 4.0", "stanfordnlp/snli"),
    "stances": ("this project's own, written by a language model", "Apache-2.0", "data/stances.jsonl.gz"),
    "valueeval": ("conclusion and premise, in favour or against (Touché23)", "CC BY 4.0", "webis/Touche23-ValueEval"),
}
COLUMNS = {
    "auroc_agree_vs_disagree": "AUROC agree / disagree",
    "auroc_related": "AUROC related / unrelated",
    "macro_f1": "macro-F1",
    "ece": "ECE",
    "brier": "Brier",
    "aurc": "AURC",
    "coverage": "coverage",
    "accuracy_at_coverage": "accuracy when decided",
}


def number(value: float | None) -> str:
    """Three digits, or a dash for what could not be computed."""
    return "–" if value is None else f"{value:.3f}"


def by_file(metrics: dict[str, Any]) -> str:
    """The model's numbers, file by file and averaged."""
    lines = ["| dev split of | pairs | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, row in {**metrics["files"], "**mean over files**": metrics}.items():
        numbers = " | ".join(number(row[key]) for key in COLUMNS)
        lines.append(f"| {name.split('.')[0]} | {row['n']:,} | {numbers} |")
    return "\n".join(lines)


def beside_peers(metrics: dict[str, Any]) -> str:
    """The averages beside those of the peers fitted on the same data."""
    rows = {
        "this model": metrics,
        "pair-feature MLP": metrics["baselines"]["pair_features"],
        "cosine": metrics["baselines"]["cosine"],
    }
    keys = ("auroc_agree_vs_disagree", "auroc_related", "macro_f1", "ece")
    lines = ["| mean over files | " + " | ".join(COLUMNS[key] for key in keys) + " |", "|---" * (len(keys) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(number(row[key]) for key in keys) + " |" for name, row in rows.items()]
    return "\n".join(lines)


def minutes() -> int:
    """How long the training took, from its log."""
    last = (MODEL / "train_log.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return round(json.loads(last)["seconds"] / 60)


def measured(name: str) -> tuple[str, list[list[str]]]:
    """(the text of a benchmark's table, the cells of its rows)."""
    text = (ROOT / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return text, [[cell.strip() for cell in row] for row in rows[2:]]


def of_another(text: str, manifest: dict[str, Any]) -> str:
    """What is to be said of a table that does not name the shipped pair stage."""
    return "" if manifest["files"]["pair.safetensors"][:16] in text else ", of the pair stage before this one"


def card() -> str:
    """The whole card."""
    manifest = json.loads((MODEL / "manifest.json").read_text(encoding="utf-8"))
    training, encoder = manifest["training"], manifest["encoder"]
    rows = ((s["name"], f"{s['pairs']:,}", *SOURCES[s["name"]], f"`{s['sha256']}`") for s in training["sources"])
    data = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    files = "\n".join(f"| {name} | `{digest}` |" for name, digest in manifest["files"].items())
    attribution, attributions = measured("attribution")
    minimal, kinds = measured("minimal_pairs")
    quality, methods = measured("quality")
    new = [cell.split()[0] for cell in [row for row in methods if row[0] == "**two stages**"][-1][1:5]]
    (_, triples, _, _, turned, _) = next(row for row in kinds if row[0] == "all")
    values = {
        "new_pairs": re.findall(r"([\d,]+) of [\d,]+ pairs", quality)[0],
        **dict(zip(("new_agree", "new_related", "new_f1", "new_ece"), new, strict=True)),
        "risk": f"{DEFAULT_RISK:.0%}".replace("%", " %"),
        "faithful_pairs": re.findall(r"(\d+) dev pairs", attribution)[0],
        "faithful_of": of_another(attribution, manifest),
        "faithfulness": "\n".join(f"| {row[0]} | {row[-1]} |" for row in attributions),
        "minimal_pairs": triples,
        "minimal_turned": f"{float(turned):.0%}".replace("%", " %"),
        "minimal_of": of_another(minimal, manifest),
        "encoder": f"{encoder['name']}, weights SHA-256 `{encoder['sha256']}`",
        "layers": ", ".join(map(str, encoder["context_layers"])),
        "cut": str(encoder["cut_layer"]),
        "data": data,
        "files": files,
        "command": training["command"],
        "minutes": f"{minutes()} minutes",
        "calibrated_on": training["calibrated_on"],
        "by_kind": ", ".join(
            f"{k.replace('_', ' ')} {number(v)}" for k, v in manifest["metrics"]["related_to"].items()
        ),
        "by_file": by_file(manifest["metrics"]),
        "beside_peers": beside_peers(manifest["metrics"]),
    }
    text = (ROOT / "docs" / "model_card.md.txt").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"<<{name}>>", value)
    return text


if __name__ == "__main__":
    (MODEL / "MODEL_CARD.md").write_text(card(), encoding="utf-8")
