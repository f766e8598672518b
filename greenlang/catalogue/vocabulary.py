"""The words of the agent catalogue: domains, subdomains, sectors, categories, regions; and the shared sets of changes.

Belongs here: reading ``templates/specs/catalogue.yaml`` and ``regions.yaml``, finding a word that somebody typed. Does
not belong here: templates, rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from greenlang import _paths
from greenlang.catalogue.schema import SharedSet
from greenlang.errors import TemplateError
from greenlang.specs.source import parse


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain of the catalogue. ``folder`` is the name of its folder under ``templates/specs``."""

    name: str
    folder: str
    subdomains: tuple[str, ...]
    sectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a template may name. ``regions`` maps each region to its meaning."""

    domains: dict[str, Domain]
    categories: tuple[str, ...]
    regions: dict[str, str]


def folder() -> Path:
    """The folder of the templates that come with GreenLang."""
    return _paths.data() / "templates" / "specs"


@cache
def vocabulary() -> Vocabulary:
    """The catalogue's words, read once a process."""
    found = _read(folder() / "catalogue.yaml")
    domains = {
        name: Domain(name, d["folder"], tuple(d["subdomains"]), tuple(d["sectors"]))
        for name, d in found["domains"].items()
    }
    return Vocabulary(domains, tuple(found["categories"]), dict(found["regions"]))


@cache
def shared_sets() -> dict[str, SharedSet]:
    """The sets of changes by region that templates share, by name."""
    found = _read(folder() / "regions.yaml")
    return {name: SharedSet.model_validate(content) for name, content in found.items()}


def word(what: str, given: str, known: Iterable[str]) -> str:
    """A word of the catalogue as it is spelled there, whatever the case. Raises TemplateError with the nearest."""
    spelled = {k.casefold(): k for k in known}
    if given.casefold() in spelled:
        return spelled[given.casefold()]
    near = get_close_matches(given.casefold(), spelled, n=1)
    near += [k for k in spelled if given.casefold() in k and k not in near]
    meant = f"did you mean {', '.join(f'`{spelled[k]}`' for k in near)}?" if near else ""
    raise TemplateError(f"the catalogue has no {what} `{given}`; {meant or 'there are ' + ', '.join(spelled.values())}")


def _read(path: Path) -> dict[str, Any]:
    document = parse(path.read_bytes())
    if not isinstance(document.value, dict) or document.diagnostics:
        raise TemplateError(f"{path.name}: {document.diagnostics[0].message}")
    return document.value
