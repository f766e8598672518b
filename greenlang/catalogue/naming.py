"""The head of a spec made from a template: id, name, summary, tags, and where it comes from.

Belongs here: names and the whole text of a spec. Does not belong here: what is computed (``filling``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from greenlang.catalogue.filling import Filled
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.specs import yamltext

OWNERS = ["@greenlang/templates"]
_WORD = re.compile(r"[^a-z0-9]+")
_WORD_ID = re.compile(r"[^a-z0-9_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Head:
    """What tells one agent of a template from another."""

    agent_id: str
    name: str
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()


def slug(text: str) -> str:
    """Words joined by -: ``PulpPaper`` is pulp-paper, ``Steam & Boilers`` steam-boilers."""
    return _WORD.sub("-", _CAMEL.sub("-", text).lower()).strip("-")


def head(filled: Filled, name: str = "") -> Head:
    """The head of a single spec. ``name`` is what a person calls the agent."""
    declared = filled.template.declared
    domain = vocabulary().domains.get(declared.domain)
    folder = domain.folder if domain else slug(declared.domain)
    last = name or "_".join([declared.name, *(slug(w) for w in (filled.region, filled.sector) if w)])
    own = last if "/" in last else f"{folder}/{_WORD_ID.sub('-', last.lower()).strip('-_')}"
    title = name if name and "/" not in name and name != name.lower() else declared.title
    where = ", ".join(w for w in (filled.sector, filled.region) if w)
    return Head(own, f"{title} ({where})" if where else title)


def spec_text(filled: Filled, head: Head) -> str:
    """The whole spec as YAML, ending with a line break. The same arguments always give the same text."""
    declared = filled.template.declared
    asked = " and ".join(
        f"the {what} {word}" for what, word in (("region", filled.region), ("sector", filled.sector)) if word
    )
    comment = f"# Made from the template {declared.name} {declared.version}{f' for {asked}' if asked else ''}.\n"
    tags = [*filled.body.get("tags", ()), *(slug(w) for w in (filled.region, filled.sector) if w), *head.tags]
    top = {
        "schema_version": "2.0.0",
        "id": head.agent_id,
        "name": head.name,
        "version": declared.version,
        "summary": " ".join([filled.body["summary"].rstrip(), *filled.notes]),
        "tags": list(dict.fromkeys(tags)),
        "owners": OWNERS,
        "license": "Apache-2.0",
    }
    origin: dict[str, Any] = {
        "template": {"name": declared.name, "version": declared.version},
        "for_whom": declared.for_whom,
        **({"region": filled.region} if filled.region else {}),
        **({"sector": filled.sector} if filled.sector else {}),
        **dict(head.metadata),
        **({"golden_cases_left_out": list(filled.left_out)} if filled.left_out else {}),
        "sources": list(filled.sources),
    }
    return comment + yamltext.block(top) + filled.text + yamltext.block({"metadata": origin})
