"""Sealing of results that are put together from many rows: a digest for each section, and one digest over these.

Scope 2 and spends are such results: every section can be looked up or computed again, so they need no chain, but a
section that was changed after it was sealed is named by its own digest. Canonical JSON (RFC 8785), SHA-256.

Belongs here: sealing, and what does not fit its seal. Does not belong here: computing again (``verify_accounting``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.errors import CanonicalError

from greenlang.calc.mistakes import Mistake
from greenlang.calc.verify import Finding

OUTER = ("success", "links", "digest")  # entries that are no sections


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A result with its seal. ``content`` holds plain JSON values by section."""
    links = {name: digest(section) for name, section in content.items()}
    return {"success": True, **content, "links": links, "digest": digest(links)}


def seal_findings(content: Mapping[str, Any], expected: str = "") -> list[Finding]:
    """What does not fit: sections and their digests, these and the one over them, that one and ``expected``."""
    out: list[Finding] = []
    links, stated = content.get("links"), content.get("digest")
    if content.get("success") is not True:
        out.append(Finding("success", "success", "a result that was sealed is a success", repr(content.get("success"))))
    if not isinstance(links, Mapping):
        out.append(Finding("links", "links", "the digests of the sections are missing"))
        links = {}
    for name in sorted({*links, *content} - set(OUTER)):
        own = _digest(content[name]) if name in content else ""
        if name not in links:
            out.append(Finding(name, name, f"`{name}` has no digest: it was not there when the result was sealed"))
        elif not own:
            out.append(Finding(name, name, f"`{name}` is missing, or has no canonical form"))
        elif own != links[name]:
            message = f"`{name}` was changed after the result was sealed"
            out.append(Finding(name, name, message, str(links[name]), own))
    if stated != (own := _digest(links)):
        out.append(Finding("digest", "digest", "the digest is not that of the sections", str(stated), own))
    if expected and expected != stated:
        message = "the digest is not the one that was kept: this is another result"
        out.append(Finding("digest", "digest", message, str(stated), expected))
    return out


def mistake_findings(mistakes: tuple[Mistake, ...] | list[Mistake], sections: Mapping[str, str]) -> list[Finding]:
    """Mistakes of a calculation that was done again. ``sections`` maps the first word of a place to a section."""
    out = []
    for mistake in mistakes:
        head = mistake.place.partition(".")[0].partition("[")[0]
        link = sections.get(mistake.place) or sections.get(head, "request")
        out.append(Finding(link, mistake.place, f"it cannot be computed again: {mistake.message}"))
    return out


def _digest(value: object) -> str:
    """The digest, or nothing where there is no canonical form."""
    try:
        return digest(value)
    except (CanonicalError, RecursionError, TypeError, ValueError):
        return ""
