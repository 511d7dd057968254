"""Who calls a tool: the persona and the tenant on whose behalf it acts, from the runtime and never from a model.

A language model fills a tool's arguments, and a peer's text can talk it into anything; so identity is no argument. It
comes from what the program around the agent sets: the run's context, or the ``configurable`` part of its config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jepa_langchain.errors import InputError

#: Where a context or a config keeps the two names.
PERSONA, TENANT = "persona", "tenant"


@dataclass(frozen=True)
class Caller:
    """On whose behalf a tool acts.

    As a dataclass it can be an agent's ``context_schema``: ``agent.invoke(..., context=Caller("ann", "acme"))``.

    Attributes:
        persona: id of the agent's own persona in the index; None where a tool needs none.
        tenant: namespace of the index that it may read and write; None for an index without tenants.
    """

    persona: str | None = None
    tenant: str | None = None

    @classmethod
    def of(cls, runtime: object, config: Mapping[str, Any] | None, default: Caller) -> Caller:
        """The caller of one call: the runtime's context counts before the config, and that before the default.

        Args:
            runtime: LangChain's ``ToolRuntime``; anything that JSON can express has no context and is passed over,
                so that a model cannot forge one.
            config: the run's config; its ``configurable`` may name ``persona`` and ``tenant``.
            default: for what neither names.

        Raises:
            InputError: if a name is no text.
        """
        context = getattr(runtime, "context", None)
        places = (context, (config or {}).get("configurable"), default)
        persona, tenant = (
            next((v for p in places if (v := _named(p, n)) is not None), None) for n in (PERSONA, TENANT)
        )
        return cls(persona, tenant)

    def own(self) -> str:
        """The caller's persona, for what only somebody can ask.

        Raises:
            InputError: if the runtime did not name one.
        """
        if self.persona is None:
            raise InputError("the run does not say which persona is asking; its context or config must name one")
        return self.persona


def _named(place: object, name: str) -> str | None:
    value = place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
    if value is not None and (not isinstance(value, str) or not value):
        raise InputError(f"the run's {name} is no name")
    return value
