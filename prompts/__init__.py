"""Prompt and wording templates, as text with variables; each file states its version, purpose and variables.

A file has a header of ``key: value`` lines, a line ``---``, and the body. Variables are ``$name``: values are put in
once and never read again, so braces, dollars or template syntax inside a statement stay inert.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from string import Template

__all__ = ["Wording", "load_wording"]


@dataclass(frozen=True)
class Wording:
    """One template file.

    Attributes:
        name: the file's name without its ending.
        version: raised whenever the body changes.
        purpose: what it is for, one line.
        variables: the names the body may use.
        body: the text.
    """

    name: str
    version: int
    purpose: str
    variables: tuple[str, ...]
    body: str

    def fill(self, **values: str) -> str:
        """Put values in.

        Raises:
            KeyError: if a variable of the body has no value.
        """
        return Template(self.body).substitute(values)


def load_wording(name: str) -> Wording:
    """Read ``prompts/<name>.txt``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if its header is incomplete or its body uses a variable that the header does not declare.
    """
    text = files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    head, found, body = text.partition("\n---\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines() if line)
    if not found or not {"version", "purpose", "variables"} <= fields.keys():
        raise ValueError(f"prompts/{name}.txt: needs version, purpose and variables, then a line ---")
    variables = tuple(v.strip() for v in fields["variables"].split(","))
    undeclared = set(Template(body).get_identifiers()) - set(variables)
    if undeclared:
        raise ValueError(f"prompts/{name}.txt: undeclared variable ${min(undeclared)}")
    return Wording(name, int(fields["version"]), fields["purpose"], variables, body.strip())
