"""A narrative's own words, by language: the template's sentences and the headings around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Template

from jepa_langchain.prompts import load_wording

#: Languages that a narrative can be told in.
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}


@dataclass(frozen=True)
class Wordings:
    """The words of one language; ``sentences`` by kind: agreement, disagreement, mixed.

    Attributes:
        sentences: templates of a row.
        headings: of the areas of agreement and disagreement.
        none: what is said of an area without a row.
        further: a template of how many rows are left out.
    """

    sentences: dict[str, str]
    headings: tuple[str, str]
    none: tuple[str, str]
    further: str

    def sentence(self, kind: str, **values: str) -> str:
        """One row told; values are put in once and never read again."""
        return Template(self.sentences[kind]).substitute(values)

    def left_out(self, number: int) -> str:
        """How many rows are not told."""
        return Template(self.further).substitute(number=number)


@cache
def wordings(language: str = "en") -> Wordings:
    """The words of a language of :data:`LANGUAGES`.

    Raises:
        FileNotFoundError: for any other.
    """
    if language == "en":
        return Wordings(
            {kind: load_wording(f"template_{kind}").body for kind in ("agreement", "disagreement", "mixed")},
            ("Areas of agreement", "Areas of disagreement"),
            (
                "No statement of one side was found to agree with one of the other.",
                "No statement of one side was found to contest one of the other.",
            ),
            "$number further rows stand in the ledger.",
        )
    body = dict(line.split(": ", 1) for line in load_wording(f"template_{language}").body.splitlines())
    return Wordings(
        {kind: body[kind] for kind in ("agreement", "disagreement", "mixed")},
        (body["agreements"], body["disagreements"]),
        (body["no_agreement"], body["no_disagreement"]),
        body["further"],
    )
