"""What a person sees while waiting: progress on stderr, so that stdout stays a clean document."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def progress_bar(items: Sequence[Item], label: str, *, show: bool) -> Iterable[Item]:
    """Iterate over ``items`` behind a rich progress bar on stderr; silent when not shown or not a terminal."""
    if not show or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description=label, console=Console(stderr=True), transient=True)


def log_to_stderr() -> None:
    """Show this package's own log lines on stderr."""
    logger = logging.getLogger("jepa_langchain")
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.INFO)


def quiet_libraries() -> None:
    """Keep the progress bars and advice of transformers and the hub off the user's terminal."""
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
