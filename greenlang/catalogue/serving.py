"""Which template serves a row of the catalogue, or why none does.

The rule. A template may serve a row if it names the row's subdomain and category and refuses neither its region nor its
sector. Of several, those that name the sector come first; among these the one with the highest SHA-256 of
``<row id> <template name>``. So rows spread evenly, whatever the order of the file, and a new template takes over its
own share only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from greenlang.catalogue.rows import Row
from greenlang.catalogue.template import Template

Why = Literal["row", "template", "category", "region", "sector"]


@dataclass(frozen=True, slots=True)
class Served:
    """The template of a row, and the names of all that could serve it."""

    row: Row
    template: Template
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotServed:
    """A row without a template. ``why`` is what is missing: a usable row, a template of the subdomain, or one that
    serves the category, the region, the sector; ``refused`` are the templates that would have served but for that."""

    row: Row
    why: Why
    reason: str
    refused: tuple[str, ...] = ()


class Serving:
    """The templates, ready to be asked row by row."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._of: dict[tuple[str, str], list[Template]] = defaultdict(list)
        for template in sorted(templates, key=lambda t: t.name):
            for subdomain in template.declared.subdomains:
                self._of[template.domain, subdomain].append(template)

    def serve(self, row: Row) -> Served | NotServed:
        """The template of a row, by the rule above."""
        there = self._of.get((row.domain, row.subdomain), [])
        if not there:
            return NotServed(row, "template", f"no template of {row.subdomain}")
        willing = [t for t in there if row.category in t.declared.serves]
        if not willing:
            article = "an" if row.category[0] in "AEIOU" else "a"
            return NotServed(
                row, "category", f"no template of {row.subdomain} gives what {article} {row.category} needs"
            )
        here = [t for t in willing if not t.region(row.region).refuse]
        if not here:
            return _refused(row, "region", willing, [t.region(row.region).refuse for t in willing])
        fit = [t for t in here if not t.sector(row.sector).refuse]
        if not fit:
            return _refused(row, "sector", here, [t.sector(row.sector).refuse for t in here])
        named = [t for t in fit if row.sector in t.declared.sectors] or fit
        return Served(row, max(named, key=lambda t: _lot(row, t)), tuple(t.name for t in fit))


def _lot(row: Row, template: Template) -> bytes:
    return hashlib.sha256(f"{row.row} {template.name}".encode()).digest()


def _refused(row: Row, why: Why, templates: list[Template], reasons: list[str]) -> NotServed:
    """Each reason once, in the order of the templates."""
    return NotServed(row, why, " ".join(dict.fromkeys(reasons)), tuple(t.name for t in templates))
