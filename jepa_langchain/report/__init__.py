"""One offline page of a comparison or of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jepa_langchain.lazy import exports

if TYPE_CHECKING:
    from jepa_langchain.report.group_page import write_group_report
    from jepa_langchain.report.page import write_page, write_report

__all__ = ["write_group_report", "write_page", "write_report"]
__getattr__ = exports(__name__, {"write_group_report": "group_page", "write_page": "page", "write_report": "page"})
