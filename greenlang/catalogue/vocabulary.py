"""The words of the agent catalogue: domains, subdomains, sectors, categories, regions; and the shared sets of changes.

Belongs here: reading ``templates/specs/catalogue.yaml`` and ``regions.yaml``. Does not belong here: templates, rows.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def _read(path: Path) -> dict[str, Any]:
    document = parse(path.read_bytes())
    if not isinstance(document.value, dict) or document.diagnostics:
        raise TemplateError(f"{path.name}: {document.diagnostics[0].message}")
    return document.value
