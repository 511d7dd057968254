"""How a narrative is to sound; what it may say does not depend on it."""

from __future__ import annotations

from typing import Literal, Self, get_args

from jepa_langchain.errors import InputError
from jepa_langchain.schema import Frozen

Length = Literal["brief", "standard", "detailed"]
Tone = Literal["neutral", "formal", "plain", "friendly"]

_LENGTHS: dict[str, str] = {
    "brief": "one sentence of at most 20 words an item",
    "standard": "one sentence of at most 35 words an item",
    "detailed": "two sentences an item, one a side",
}


class NarrativeStyle(Frozen):
    """Length and tone of a narrative that a language model words."""

    length: Length = "standard"
    tone: Tone = "neutral"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A style from words, as the command line takes it: "brief", "detailed,formal".

        Raises:
            InputError: for a word that is neither a length nor a tone.
        """
        chosen: dict[str, str] = {}
        for word in (part.strip().lower() for part in text.split(",") if part.strip()):
            field = "length" if word in get_args(Length) else "tone" if word in get_args(Tone) else ""
            if not field:
                options = ", ".join((*get_args(Length), *get_args(Tone)))
                raise InputError(f"no such style: {word!r}; there are {options}")
            chosen[field] = word
        return cls.model_validate(chosen)

    def variables(self) -> dict[str, str]:
        """What the prompt is told."""
        return {"length": _LENGTHS[self.length], "tone": self.tone, "language": "English"}
