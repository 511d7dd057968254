"""Which torch device the networks run on."""

from __future__ import annotations

from jepa_langchain.errors import ModelError


def chosen_device(asked: str | None) -> str:
    """The device that was asked for; without one CUDA where there is a GPU, else the CPU.

    Raises:
        ModelError: if torch has no such device here.
    """
    import torch

    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=asked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {asked!r}: torch has none such here ({reason})") from error
    return asked
