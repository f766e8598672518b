"""Prompts: ``templates/prompts/<name>.jinja`` filled with quoted material, rendered to a system and a user message.

Belongs here: reading a prompt and its version, quoting, rendering. Does not belong here: the texts, asking.

Everything that enters a prompt is material of others. It stands between delimiters whose mark depends on the material
itself, so that no text can close its own quotation; what a person could not see is written as an escape.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, Undefined
from jinja2.exceptions import TemplateNotFound as JinjaNotFound
from jinja2.exceptions import UndefinedError

from greenlang._paths import data
from greenlang.errors import TemplateError, TemplateNotFound
from greenlang.provenance import bytes_digest

_HEADER = re.compile(r"\{#-? prompt: (?P<name>[a-z_]+) \| version: (?P<version>\d+) \| round: (?P<round>yes|no) -?#\}")
_BLOCKS = ("system", "user")
# Letters, marks and separators that show nothing: fillers, joiners, variation selectors, line and paragraph separators.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class Quoted(str):
    """Text that has been quoted, or is ours. Nothing else can be put into a prompt."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """The two messages of a prompt. ``round``: whether asking it uses up a round of the agent."""

    prompt: str  # name@version
    system: str
    user: str
    round: bool

    def messages(self) -> tuple[dict[str, str], ...]:
        """As a provider takes them."""
        return ({"role": "system", "content": self.system}, {"role": "user", "content": self.user})


def visible(text: str) -> str:
    """The text with every character that a reader could not see (control, format, private, filler) as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{{{ord(c):x}}}" if (unicodedata.category(c)[0] == "C" and c not in "\n\t") or _UNSEEN.match(c) else c
        for c in text.replace("\r\n", "\n")
    )


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with a line that tells that the rest is missing."""
    return (
        text
        if len(text) <= most
        else f"{text[:most]}\n[the rest is left out here: the text is too long for a question]"
    )


def quoted(value: object, label: str) -> Quoted:
    """A value between delimiters that it does not contain; mappings and lists as JSON with sorted keys.

    The mark is a digest of the text, taken anew until the text does not hold it: the same text gives the same prompt.
    """
    if isinstance(value, Undefined):
        str(value)  # raises: the prompt's value is missing
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=_plain)
    )
    text = visible(text).strip("\n")
    mark = bytes_digest(f"{label}\n{text}".encode())[:12]
    while mark in text:
        mark = bytes_digest(f"{mark}\n{text}".encode())[:12]
    return Quoted(f"<<<DATA {label} {mark}\n{text}\nDATA {label} {mark}>>>")


def _plain(value: object) -> str:
    """Figures keep their digits; anything else has no one form, and is our mistake."""
    if isinstance(value, Decimal):
        return str(value)
    raise TemplateError(f"a prompt cannot be filled with a {type(value).__name__}")


def _only_quoted(value: object) -> object:
    if not isinstance(value, Quoted):
        raise TemplateError(f"a prompt puts {type(value).__name__} in without quoting it: write `| data(...)`")
    return value


@cache
def _environment() -> Environment:
    environment = Environment(  # nosec: prompts are no HTML; `finalize` lets quoted material in and nothing else
        loader=FileSystemLoader(data() / "templates" / "prompts"),
        undefined=StrictUndefined,
        finalize=_only_quoted,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = quoted
    return environment


@cache
def _load(name: str) -> tuple[Template, str, bool]:
    if not re.fullmatch(r"[a-z][a-z_]*", name):
        raise TemplateNotFound(f"no prompt `{name}`; there are: {', '.join(names())}")
    try:
        template = _environment().get_template(f"{name}.jinja")
    except JinjaNotFound as error:
        raise TemplateNotFound(f"no prompt `{name}`; there are: {', '.join(names())}") from error
    header = _HEADER.match((data() / "templates" / "prompts" / f"{name}.jinja").read_text(encoding="utf-8"))
    if header is None or header["name"] != name or not all(block in template.blocks for block in _BLOCKS):
        raise TemplateError(f"the prompt `{name}` needs its header and the blocks system and user")
    return template, header["version"], header["round"] == "yes"


def names() -> tuple[str, ...]:
    """The prompts that there are."""
    return tuple(sorted(p.stem for p in (data() / "templates" / "prompts").glob("[a-z]*.jinja")))


def render(name: str, values: Mapping[str, Any]) -> Rendered:
    """Fill a prompt.

    Raises TemplateNotFound for a name that there is not, TemplateError where a value is missing or the prompt would put
    one in unquoted.
    """
    template, version, counts = _load(name)
    context = template.new_context(dict(values))
    try:
        system, user = ("".join(template.blocks[block](context)).strip("\n") for block in _BLOCKS)
    except UndefinedError as error:
        raise TemplateError(f"the prompt `{name}` needs a value: {error}") from error
    return Rendered(f"{name}@{version}", system, user, counts)
