"""From labelled pairs or bare statements to a model directory; :func:`train` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.training.trainer import TrainingOptions, train

__all__ = ["TrainingOptions", "train"]
__getattr__ = exports(__name__, {"TrainingOptions": "trainer", "train": "trainer"})
