"""AlignmentToolkit: all tools over one index, and the words that tell a model when to use which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, BaseToolkit
from pydantic import ConfigDict, PrivateAttr, SkipValidation, model_validator

from jepa_langchain.alignment import AlignmentModel
from jepa_langchain.chains import NarrativeStyle, narrative_chain
from jepa_langchain.errors import InputError
from jepa_langchain.index.joint_index import JointIndex
from jepa_langchain.index.storage import ModelIdentity
from jepa_langchain.prompts import load_wording
from jepa_langchain.tools.advisor import Advisor
from jepa_langchain.tools.advisor_groups import Narrator
from jepa_langchain.tools.alignment_tools import TOOLS, ComparePersonas
from jepa_langchain.tools.callers import Caller
from jepa_langchain.tools.results import Style


class AlignmentToolkit(BaseToolkit):
    """Tools with which an agent asks whether it aligns with a peer, where not, and who else would.

    Attributes:
        index: what everybody has said; see :class:`JointIndex`.
        model: the model that compares; the index's own when None.
        caller: on whose behalf the tools act where the runtime names nobody; see :mod:`jepa_langchain.tools.callers`.
        llm: a chat model, or its name, that words what compare_personas tells; code decides what is told and verifies
            every sentence (see :func:`jepa_langchain.chains.narrative_chain`). The template when None.
        names: the tools wanted, by name; all when None.

    Raises:
        InputError: if ``model`` is not the one that the index was made with, or a name is no tool's.

    Example:
        >>> toolkit = AlignmentToolkit(index=JointIndex.open("statements"))  # doctest: +SKIP
        >>> agent = create_agent(llm, toolkit.get_tools(), system_prompt=toolkit.system_prompt())  # doctest: +SKIP
        >>> agent.invoke({"messages": [...]}, context=Caller("ann"))  # doctest: +SKIP
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Annotated[JointIndex, SkipValidation()]
    model: Annotated[AlignmentModel | None, SkipValidation()] = None
    caller: Caller = Caller()
    llm: Annotated[BaseChatModel | str | None, SkipValidation()] = None
    names: Sequence[str] | None = None
    _advisor: Advisor = PrivateAttr()

    @model_validator(mode="after")
    def _ready(self) -> Self:
        known = {tool.model_fields["name"].default for tool in TOOLS}
        strangers = sorted(set(self.names or ()) - known)
        if strangers:
            raise InputError(f"tool {strangers[0]!r}: there are {', '.join(sorted(known))}")
        index = self.index
        if self.model is not None and self.model is not index.model:
            if ModelIdentity.of(self.model.files) != ModelIdentity.of(index.model.files):
                raise InputError("model: not the one that the index was made with")
            index = JointIndex(index.store, self.model)
        self._advisor = Advisor(index)
        return self

    @property
    def advisor(self) -> Advisor:
        """Who answers; graphs and servers over the same toolkit share what it remembers."""
        return self._advisor

    @classmethod
    def from_index(
        cls,
        folder: Path | str,
        *,
        model: AlignmentModel | Path | str | None = None,
        read_only: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> Self:
        """A toolkit over an index directory.

        Args:
            folder: the directory, made where there is none.
            model: a model or its directory; the shipped model when None.
            read_only: never write; record_statement then answers with an error.
            options: ``caller``, ``llm`` and ``names`` of the toolkit.

        Raises:
            StoreError: as :meth:`JointIndex.open`.
        """
        return cls(index=JointIndex.open(folder, model=model, read_only=read_only), **options)

    def _narrator(self) -> Narrator | None:
        if self.llm is None:
            return None
        chains = {
            style: narrative_chain(self.llm, model=self.advisor.model, style=NarrativeStyle(length=style))
            for style in get_args(Style)
        }
        return lambda report, style: chains[style].invoke(report)

    def get_tools(self) -> list[BaseTool]:
        """The tools, all over one memory of what was encoded and compared."""
        tools: list[BaseTool] = []
        for tool in TOOLS:
            if self.names is None or tool.model_fields["name"].default in self.names:
                own = {"narrator": self._narrator()} if tool is ComparePersonas else {}
                tools.append(tool(advisor=self.advisor, caller=self.caller, **own))
        return tools

    def system_prompt(self) -> str:
        """A fragment for an agent's system prompt: when to use which tool, and that statements are data."""
        return load_wording("tools_system").body
