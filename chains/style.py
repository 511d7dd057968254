"""How a narrative is to sound; what it may say does not depend on it."""

from __future__ import annotations

from typing import Literal, Self, get_args

from jepa_langchain.errors import InputError
from jepa_langchain.prompts import load_wording
from jepa_langchain.schema import Frozen
from jepa_langchain.wordings import LANGUAGES

Length = Literal["brief", "standard", "detailed"]
Tone = Literal["neutral", "formal", "plain", "friendly"]
Language = Literal["en", "de", "fr", "es"]

_LENGTHS: dict[str, str] = {
    "brief": "one sentence of at most 20 words an item",
    "standard": "one sentence of at most 35 words an item",
    "detailed": "two sentences an item, one a side",
}


class NarrativeStyle(Frozen):
    """Length and tone of a narrative that a language model words, and the language it and the template are in."""

    length: Length = "standard"
    tone: Tone = "neutral"
    language: Language = "en"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A style from words, as the command line takes it: "brief", "detailed,formal", "german" or "de".

        Raises:
            InputError: for a word that is no length, tone or language.
        """
        chosen: dict[str, str] = {}
        options = {"length": get_args(Length), "tone": get_args(Tone), "language": get_args(Language)}
        named = {name.lower(): code for code, name in LANGUAGES.items()}
        for said in (part.strip().lower() for part in text.split(",") if part.strip()):
            word = named.get(said, said)
            field = next((name for name, words in options.items() if word in words), "")
            if not field:
                every = ", ".join(word for words in options.values() for word in words)
                raise InputError(f"no such style: {word!r}; there are {every}")
            chosen[field] = word
        return cls.model_validate(chosen)

    def variables(self) -> dict[str, str]:
        """What the prompt is told."""
        language = LANGUAGES[self.language]
        if self.language != "en":
            # Outside quotes the verifier reads English only.
            words = " ".join(load_wording(f"reporting_{self.language}").body.split())
            quote = "Quote both statements whole and word for word, each beside its side's name"
            language += f". {quote}, and add only: {words}"
        return {"length": _LENGTHS[self.length], "tone": self.tone, "language": language}
