"""LangGraph: the alignment gate, coalitions of several agents, a middleware that checks what a peer says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.graph.coalitions import coalition_graph
    from jepa_langchain.graph.gate import alignment_gate

__all__ = ["alignment_gate", "coalition_graph"]
__getattr__ = exports(__name__, {"alignment_gate": "gate", "coalition_graph": "coalitions"})
