"""The log of a training run: one JSON row a line, kept beside the model."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from jepa_langchain import distributed

logger = logging.getLogger(__name__)


class TrainingLog:
    """Appends one JSON row a line; a person can plot ``loss`` and ``held_out_auroc`` over ``block``."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path, self.start = path, time.monotonic()
        if not resume and distributed.is_main():
            path.unlink(missing_ok=True)

    def __call__(self, row: Mapping[str, float | str | None]) -> None:
        """Write one row, with the seconds since this run began, and tell the logger of it; the main process alone."""
        if not distributed.is_main():
            return
        timed = {"seconds": round(time.monotonic() - self.start, 1), **row}
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(timed) + "\n")
        logger.info(
            " ".join(
                f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in timed.items()
            )
        )


def peak_memory() -> int | None:
    """MiB that this process held at the most, mapped files included; None where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))
