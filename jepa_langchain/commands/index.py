"""The command line of an index: ``jepa-langchain index add | search | info | verify | rebuild | retrain``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jepa_langchain.commands.options import AsJson, ModelDir, load_model, warn
from jepa_langchain.errors import InputError, StoreError

if TYPE_CHECKING:
    from jepa_langchain.index.batches import Row
    from jepa_langchain.index.joint_index import JointIndex

app = typer.Typer(help="An index of statements, searched by relation.", no_args_is_help=True)

IndexDir = Annotated[Path, typer.Argument(metavar="DIR", help="The index directory.")]
KindName = Literal["auto", "flat", "ivf", "sq8"]
Tenant = Annotated[
    str | None, typer.Option("--namespace", metavar="TENANT", help="One tenant's statements, and no others.")
]
_SHOWN = ("document", "id", "persona", "text", "relation", "p", "energy", "similarity", "verdict", "metadata")


@app.command()
def add(
    folder: IndexDir,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Persona files; a file is a persona.")],
    *,
    model: ModelDir = None,
    namespace: Tenant = None,
    fields: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Metadata of all.")] = None,
    kind: Annotated[KindName, typer.Option(help="Of a new index; auto decides by size.")] = "auto",
    keep_states: Annotated[
        bool, typer.Option(help="Of a new index: keep what re-scoring reads, some 14 kB a statement.")
    ] = True,
) -> None:
    """Add what personas said; what is there already is replaced. Starts and resumes under torchrun, too."""
    from jepa_langchain.distributed import is_main, main_first, process_group
    from jepa_langchain.index.building import add_in_bulk
    from jepa_langchain.index.joint_index import JointIndex

    shared = _fields(fields or [])
    with process_group():
        rows = _read(files, shared, tell=is_main())
        loaded = load_model(model)
        with main_first():
            index = _view(JointIndex.open(folder, model=loaded, kind=kind, keep_states=keep_states), namespace)
        done = add_in_bulk(index, rows, progress=True)
        if is_main():
            typer.echo(
                f"{folder}: {done.written:,} statements written, {done.unchanged:,} unchanged, {len(index):,} in all",
                err=True,
            )


def _view(index: JointIndex, tenant: str | None) -> JointIndex:
    return index if tenant is None else index.namespace(tenant)


def _fields(pairs: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InputError(f"--set {pair}: not KEY=VALUE")
        try:
            out[key] = json.loads(value)
        except (ValueError, RecursionError):
            out[key] = value
    return out


def _read(files: Sequence[Path], shared: Mapping[str, Any], *, tell: bool) -> list[Row]:
    from jepa_langchain.index.rows import INDEX_LIMITS, persona_rows
    from jepa_langchain.personas import load_persona

    rows: dict[str, Row] = {}
    for path in files:
        loaded = load_persona(path, limits=INDEX_LIMITS)
        warn(loaded.warnings if tell else ())
        new = {row.id: row for row in persona_rows(loaded.persona, metadata=shared, statements=loaded.metadata)}
        if twice := rows.keys() & new.keys():
            raise InputError(f"{path}: persona {loaded.persona.id!r} has {min(twice)!r} in an earlier file, too")
        rows |= new
    return list(rows.values())


@app.command()
def search(
    folder: IndexDir,
    text: str,
    *,
    relation: Annotated[Literal["agree", "disagree", "similar"], typer.Option(help="What is asked.")] = "similar",
    k: Annotated[int, typer.Option("-k", help="Results at the most.", min=1)] = 10,
    as_json: AsJson = False,
    model: ModelDir = None,
    namespace: Tenant = None,
    where: Annotated[str | None, typer.Option("--filter", help='JSON, e.g. {"topic": "rents"}.')] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="A persona to leave out.")] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="Leave out what is less probable.", min=0, max=1)
    ] = None,
    candidates: Annotated[int, typer.Option(help="Statements the pair stage reads.", min=1)] = 30,
) -> None:
    """Statements that agree or disagree with TEXT, or are similar to it."""
    from jepa_langchain.index.joint_index import JointIndex

    index = _view(JointIndex.open(folder, model=load_model(model), read_only=True), namespace)
    found = index.search(text, relation, k, _filter(where), exclude or (), min_probability, candidates=candidates)
    results = [_row(doc.id or "", doc.page_content, doc.metadata) for doc in found]
    if as_json:
        document = {"query": text, "relation": relation, "k": k, "statements": len(index), "results": results}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from jepa_langchain.commands.index_view import results_view
        from jepa_langchain.commands.render import stdout

        stdout().print(results_view(text, relation, results))


def _filter(where: str | None) -> dict[str, Any] | None:
    if where is None:
        return None
    try:
        wanted = json.loads(where)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--filter: not JSON ({error})") from None
    if not isinstance(wanted, dict):
        raise InputError("--filter: not a JSON object")
    return wanted


def _row(document: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    own = {k: v for k, v in metadata.items() if k not in _FOUND}
    row = {
        "document": document,
        "id": own.pop("statement_id", document),
        "persona": own.pop("persona", None),
        "text": text,
        "p": metadata.get("probability"),
        **{key: metadata.get(key) for key in ("relation", "energy", "energies", "similarity", "verdict")},
        "metadata": own,
    }
    return {key: row[key] for key in (*_SHOWN, "energies")}


#: What a search adds to a document's metadata.
_FOUND = frozenset(
    ("relation", "probability", "energy", "energies", "probabilities", "verdict", "decided_by", "similarity")
)


@app.command()
def info(folder: IndexDir, *, as_json: AsJson = False) -> None:
    """What an index holds, which model made it, how large it is. Reads no vector and loads no model."""
    from jepa_langchain.commands.index_view import describe, info_view
    from jepa_langchain.commands.render import stdout

    found = describe(folder)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        stdout().print(info_view(folder, found))


@app.command()
def verify(folder: IndexDir) -> None:
    """Check every file of an index; exit with 3 and name what is wrong."""
    from jepa_langchain.index.repair import verify as run

    problems = run(folder)
    for line in problems[1:]:
        typer.echo(f"error: {line}", err=True)
    if problems:
        raise StoreError(problems[0])
    typer.echo(f"{folder}: intact", err=True)


@app.command()
def rebuild(folder: IndexDir, *, model: ModelDir = None) -> None:
    """Encode all stored statements anew and replace every vector: after damage, or for another model."""
    from jepa_langchain.index.repair import rebuild as run

    count = run(folder, load_model(model), progress=True)
    typer.echo(f"{folder}: {count:,} statements encoded anew", err=True)


@app.command()
def retrain(
    folder: IndexDir, *, kind: Annotated[KindName | None, typer.Option(help="Another kind; kept when left out.")] = None
) -> None:
    """Join an index into one segment and train its structure on all of it."""
    from jepa_langchain.index.store import IndexStore

    store = IndexStore(folder, gpu=False)
    store.rewrite(kind=kind)
    kinds = ", ".join(segment.kind for segment in store.snapshot.manifest.segments) or "empty"
    typer.echo(f"{folder}: {store.snapshot.manifest.count:,} statements, {kinds}", err=True)
