"""LangChain's standard suites, unit and integration, for every tool."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from jepa_langchain.tools import alignment_tools as tools
from jepa_langchain.tools.advisor import Advisor
from tests.agents import ANN, EXAMPLES, make_index


class One:
    """The tool that a suite tests."""

    kind: type[tools.AlignmentTool]

    @pytest.fixture(autouse=True)
    def _advisor(self) -> None:
        self.advisor = Advisor(make_index())

    @property
    def tool_constructor(self) -> type[BaseTool]:
        return self.kind

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return {"advisor": self.advisor, "caller": ANN}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return dict(EXAMPLES[self.kind.model_fields["name"].default])


class TestCheckAlignmentUnit(One, ToolsUnitTests):
    kind = tools.CheckAlignment


class TestCheckAlignment(One, ToolsIntegrationTests):
    kind = tools.CheckAlignment


class TestSearchAlignedStatementsUnit(One, ToolsUnitTests):
    kind = tools.SearchAlignedStatements


class TestSearchAlignedStatements(One, ToolsIntegrationTests):
    kind = tools.SearchAlignedStatements


class TestFindPeersUnit(One, ToolsUnitTests):
    kind = tools.FindPeers


class TestFindPeers(One, ToolsIntegrationTests):
    kind = tools.FindPeers


class TestExplainAlignmentUnit(One, ToolsUnitTests):
    kind = tools.ExplainAlignment


class TestExplainAlignment(One, ToolsIntegrationTests):
    kind = tools.ExplainAlignment


class TestComparePersonasUnit(One, ToolsUnitTests):
    kind = tools.ComparePersonas


class TestComparePersonas(One, ToolsIntegrationTests):
    kind = tools.ComparePersonas


class TestProposeCoalitionsUnit(One, ToolsUnitTests):
    kind = tools.ProposeCoalitions


class TestProposeCoalitions(One, ToolsIntegrationTests):
    kind = tools.ProposeCoalitions


class TestRecordStatementUnit(One, ToolsUnitTests):
    kind = tools.RecordStatement


class TestRecordStatement(One, ToolsIntegrationTests):
    kind = tools.RecordStatement


@pytest.mark.parametrize("suite", [ToolsUnitTests, ToolsIntegrationTests])
def test_every_tool_has_its_suites(suite: type) -> None:
    tested = {one.kind for one in One.__subclasses__() if issubclass(one, suite)}
    assert tested == set(tools.TOOLS)
    assert {tool.model_fields["name"].default for tool in tools.TOOLS} == set(EXAMPLES)
