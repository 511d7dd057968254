"""What commands draw: the report and the pictures of a comparison, and ``plot``, the pictures of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepa_langchain.commands.options import ModelDir, load_model, warn

if TYPE_CHECKING:
    from jepa_langchain.alignment import AlignmentModel
    from jepa_langchain.schema import AlignmentReport, Persona
    from jepa_langchain.statements import Limits


def check_places(*, page: Path | None = None, plots: Path | None = None) -> None:
    """Refuse, before any work is done, a page or pictures that could not be written afterwards.

    Raises:
        InputError: for a place that cannot be written to, or if matplotlib is needed and not installed.
    """
    from jepa_langchain.writing import check_file, check_folder

    if page is not None:
        check_file(page)
    if plots is not None:
        from jepa_langchain.plots.canvas import require_matplotlib

        require_matplotlib()
        check_folder(plots)


def show_evidence(
    model: AlignmentModel,
    a: Persona,
    b: Persona,
    report: AlignmentReport,
    *,
    limits: Limits,
    page: Path | None,
    plots: Path | None,
) -> None:
    """Write the page of a comparison, its pictures, or both, from the same evidence."""
    from jepa_langchain.report.evidence import gather_evidence
    from jepa_langchain.report.page import write_report

    evidence = gather_evidence(model, a, b, report, limits=limits)
    if page is not None:
        write_report(evidence, page)
    if plots is not None:
        from jepa_langchain.plots import write_comparison_plots

        _tell(write_comparison_plots(evidence, plots))


def plot(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.")], *, model: ModelDir = None
) -> None:
    """Draw a model: its training curves and its calibration on held-out pairs (PNG)."""
    from jepa_langchain.alignment import SHIPPED
    from jepa_langchain.errors import ModelError
    from jepa_langchain.plots import write_model_plots

    written, missing = write_model_plots(load_model(model), model or SHIPPED, out)
    if not written:
        raise ModelError("; ".join(missing))
    warn(missing)
    _tell(written)


def _tell(paths: list[Path]) -> None:
    for path in paths:
        typer.echo(str(path), err=True)
