"""What a person sees of an index: results of a search, and what an index holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from jepa_langchain.errors import StoreError
from jepa_langchain.index.filters import NAMESPACE
from jepa_langchain.index.segment_files import open_statements, read_dead
from jepa_langchain.index.storage import MANIFEST, RETRIES, check_file, committed, read_manifest


def results_view(query: str, relation: str, results: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Results, best first; p is empty where a search gives none."""
    if not results:
        return Text("nothing found")
    table = Table(title=_shown(f"{relation}: {query}"), title_justify="left", expand=True)
    for heading in ("persona", "id"):
        table.add_column(heading, no_wrap=True)
    table.add_column("statement", ratio=1)
    for heading in ("p", "cosine"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in results:
        p = "–" if row["p"] is None else f"{row['p']:.2f}"
        table.add_row(
            _shown(row["persona"] or ""), _shown(row["id"]), _shown(row["text"]), p, f"{row['similarity']:.2f}"
        )
    return table


def _shown(value: object) -> Text:
    """A value of an index as a terminal may have it: ids and metadata are kept as they come, escape codes and all."""
    return Text("".join(c if c.isprintable() else " " for c in str(value)))


def describe(folder: Path) -> dict[str, Any]:
    """What an index holds, from its manifest and statements.

    Raises:
        StoreError: naming the file that is missing or damaged.
    """
    for _ in range(RETRIES):
        seen = committed(folder)
        try:
            return _described(folder)
        except (StoreError, FileNotFoundError):
            # A writer may have merged files away meanwhile; then there is a newer state to describe.
            if committed(folder) == seen:
                raise
    return _described(folder)


def _described(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder / MANIFEST)
    personas, tenants = Counter[str](), Counter[str]()
    for segment in manifest.segments:
        dead = set(read_dead(folder, segment).tolist())
        connection = open_statements(check_file(folder, segment.files["statements"]), segment.count)
        for name, counted in (("persona", personas), (NAMESPACE, tenants)):
            rows = connection.execute("SELECT value, pos FROM fields WHERE name = ?", (name,)).fetchall()
            counted.update(str(value) for value, pos in rows if pos not in dead)
        connection.close()
    return {
        "format": manifest.format,
        "statements": manifest.count,
        "personas": dict(personas.most_common()),
        "namespaces": {unquote(name): count for name, count in tenants.most_common()},
        "dimension": manifest.dimension,
        "metric": manifest.metric,
        "kind": manifest.kind,
        "keep_states": manifest.keep_states,
        "segments": [{"statements": s.count - s.dead, "deleted": s.dead, "kind": s.kind} for s in manifest.segments],
        "bytes": sum(file.bytes for s in manifest.segments for file in s.files.values()),
        "generation": manifest.generation,
        "model": manifest.model.model_dump(),
    }


def info_view(folder: Path, found: Mapping[str, Any]) -> RenderableType:
    """The same for people."""
    table = Table(show_header=False, box=None)
    kinds = Counter(segment["kind"] for segment in found["segments"])
    rows = {
        "index": str(folder),
        "statements": f"{found['statements']:,}",
        "personas": _counted(found["personas"]),
        "kind": f"{found['kind']}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()),
        "size": f"{found['bytes'] / 2**20:,.1f} MiB on disk, {found['dimension']} numbers a vector",
        "model": f"{found['model']['name']}, encoder {found['model']['encoder']}",
    }
    if found["namespaces"]:
        rows["namespaces"] = _counted(found["namespaces"])
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), _shown(value))
    return table


def _counted(counts: Mapping[str, int]) -> str:
    """The ten with most statements, by name."""
    shown = list(counts.items())
    return ", ".join(f"{name} ({n:,})" for name, n in shown[:10]) + (" …" if shown[10:] else "")
