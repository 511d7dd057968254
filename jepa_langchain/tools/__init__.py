"""What an agent asks: LangChain tools over one index, and the toolkit that hands them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.tools.alignment_tools import TOOLS
    from jepa_langchain.tools.callers import Caller
    from jepa_langchain.tools.toolkit import AlignmentToolkit

__all__ = ["TOOLS", "AlignmentToolkit", "Caller"]
__getattr__ = exports(__name__, {"AlignmentToolkit": "toolkit", "Caller": "callers", "TOOLS": "alignment_tools"})
