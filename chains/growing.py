"""A Runnable whose answer grows: sync, async and batch, and streamed with each further part that passed its check."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun

In = TypeVar("In")
Out = TypeVar("Out")


class GrowingRunnable(Runnable[In, Out]):
    """What the chains have in common. A chain says how it answers at once, and how its answer grows.

    ``stream`` yields whole answers, each with more in it than the one before; the last one is complete.
    """

    @abstractmethod
    def run(self, given: In, config: RunnableConfig) -> Out:
        """The answer."""

    @abstractmethod
    async def arun(self, given: In, config: RunnableConfig) -> Out:
        """The answer."""

    @abstractmethod
    def grow(self, given: In, config: RunnableConfig) -> Iterator[Out]:
        """The answer as it grows."""

    @abstractmethod
    def agrow(self, given: In, config: RunnableConfig) -> AsyncIterator[Out]:
        """The answer as it grows."""

    def invoke(self, input: In, config: RunnableConfig | None = None, **_: Any) -> Out:  # noqa: A002, ANN401
        """The answer, traced."""
        return self._call_with_config(self._run, input, config, run_type="chain")

    async def ainvoke(self, input: In, config: RunnableConfig | None = None, **_: Any) -> Out:  # noqa: A002, ANN401
        """The answer, traced."""
        return await self._acall_with_config(self._arun, input, config, run_type="chain")

    def stream(self, input: In, config: RunnableConfig | None = None, **_: Any) -> Iterator[Out]:  # noqa: A002, ANN401
        """The answer as it grows: one with each further part that passed, the last one complete."""
        yield from self._transform_stream_with_config(iter([input]), self._grow, config, run_type="chain")

    async def astream(
        self,
        input: In,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **_: Any,  # noqa: ANN401
    ) -> AsyncIterator[Out]:
        """As :meth:`stream`."""

        async def one() -> AsyncIterator[In]:
            yield input

        async for answer in self._atransform_stream_with_config(one(), self._agrow, config, run_type="chain"):
            yield answer

    def _run(self, given: In, run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> Out:
        del run_manager
        return self.run(given, config)

    async def _arun(self, given: In, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig) -> Out:
        del run_manager
        return await self.arun(given, config)

    def _grow(
        self, every: Iterator[In], run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Iterator[Out]:
        del run_manager
        for given in every:
            yield from self.grow(given, config)

    async def _agrow(
        self, every: AsyncIterator[In], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncIterator[Out]:
        del run_manager
        async for given in every:
            async for answer in self.agrow(given, config):
                yield answer
