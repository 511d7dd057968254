"""Chat prompts from files: a header, then a system and a human part.

    name: narrative
    version: 1
    purpose: one line
    variables: length, ledger
    untrusted: ledger
    output: what is expected back
    --- system
    ... $length ...
    --- human
    ... $ledger ...

Variables are ``$name``. Everything else is literal, braces included, and a value is put in once and never read as a
template. A variable that ``untrusted`` names may stand in the human part only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from jepa_langchain.errors import InputError

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

_PARTS = re.compile(r"\A(?P<head>.*?)^--- system\n(?P<system>.*?)^--- human\n(?P<human>.*)\Z", re.DOTALL | re.MULTILINE)
_FIELDS = ("name", "version", "purpose", "variables", "output")


@dataclass(frozen=True)
class ChatPrompt:
    """A prompt file.

    Attributes:
        name: the file's name without its ending.
        version: raised whenever a part changes.
        purpose: what it is for, one line.
        variables: the names its parts may use.
        untrusted: those of them that hold other people's words.
        output: what is expected back.
        system: the system part.
        human: the human part.
    """

    name: str
    version: int
    purpose: str
    variables: tuple[str, ...]
    untrusted: tuple[str, ...]
    output: str
    system: str
    human: str

    def template(self) -> ChatPromptTemplate:
        """The prompt as LangChain takes it; traced with its name and version."""
        from langchain_core.prompts import ChatPromptTemplate

        prompt = ChatPromptTemplate.from_messages([("system", _braced(self.system)), ("human", _braced(self.human))])
        prompt.name = f"prompt_{self.name}"
        prompt.metadata = {"prompt": self.name, "prompt_version": self.version}
        return prompt


def _braced(text: str) -> str:
    """``$name`` to LangChain's ``{name}``; braces of the text itself stay literal."""
    template = Template(text.replace("{", "{{").replace("}", "}}"))
    return template.substitute({name: f"{{{name}}}" for name in template.get_identifiers()})


def load_chat_prompt(name: str, folder: Path | str | None = None) -> ChatPrompt:
    """Read ``<folder>/<name>.txt`` if there is one, else the package's.

    Raises:
        InputError: if the folder does not exist, or the file is not UTF-8, lacks a field or a part, uses a variable
            that it does not declare or that the package's prompt does not have, or an untrusted one in its system part.
    """
    own = _parse(files("jepa_langchain.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8"), f"{name}.txt")
    if folder is None:
        return own
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder of prompts")
    path = Path(folder) / f"{name}.txt"
    if not path.is_file():
        return own
    try:
        theirs = _parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    unknown = set(theirs.variables) - set(own.variables)
    if unknown:
        raise InputError(f"{path}: the chain has no variable ${min(unknown)}; it has {', '.join(own.variables)}")
    _refuse_untrusted(theirs, own.untrusted, str(path))
    return theirs


def _parse(text: str, where: str) -> ChatPrompt:
    found = _PARTS.match(text.replace("\r\n", "\n"))
    if not found:
        raise InputError(f"{where}: needs a header, a line '--- system' and a line '--- human'")
    head = dict(line.split(": ", 1) for line in found["head"].splitlines() if ": " in line)
    missing = [field for field in _FIELDS if field not in head]
    if missing or not head.get("version", "").isdigit():
        raise InputError(f"{where}: field {missing[0] if missing else 'version'} is missing or wrong in its header")
    names = {
        key: tuple(v.strip() for v in head.get(key, "").split(",") if v.strip()) for key in ("variables", "untrusted")
    }
    system, human = found["system"].strip(), found["human"].strip()
    if not (Template(system).is_valid() and Template(human).is_valid()):
        raise InputError(f"{where}: a $ that begins no variable; write $$ for a dollar sign")
    used = {*Template(system).get_identifiers(), *Template(human).get_identifiers()}
    undeclared = used - set(names["variables"])
    if undeclared:
        raise InputError(f"{where}: undeclared variable ${min(undeclared)}")
    prompt = ChatPrompt(
        head["name"],
        int(head["version"]),
        head["purpose"],
        names["variables"],
        names["untrusted"],
        head["output"],
        system,
        human,
    )
    _refuse_untrusted(prompt, prompt.untrusted, where)
    return prompt


def _refuse_untrusted(prompt: ChatPrompt, untrusted: tuple[str, ...], where: str) -> None:
    """Other people's words never stand in the system part."""
    wrong = set(Template(prompt.system).get_identifiers()) & set(untrusted)
    if wrong:
        raise InputError(f"{where}: ${min(wrong)} holds other people's words and may stand in the human part only")
