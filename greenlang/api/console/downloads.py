"""What one can take home of a build: its pack, its certificate, and the forms of `greenlang.registry.emit`.

Belongs here: bytes, names and types of downloads. Does not belong here: the forms themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from greenlang.api.console.agent import AgentView
from greenlang.api.problems import Problem
from greenlang.provenance import CERTIFICATE
from greenlang.registry import Registry
from greenlang.registry.emit import agent_card, sbom, server_json, verification_summary
from greenlang.registry.packs import RegisteredPack


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the person at the browser."""

    name: str
    kind: str
    data: bytes


FORMS: Mapping[str, str] = {
    "pack": "the pack as a zip: code, tests, documents, wheels, certificate, signature",
    "certificate": "the certificate: every file, plan, factor and score",
    "sbom": "the bill of materials (CycloneDX 1.6)",
    "mcp": "server.json for an MCP registry",
    "vsa": "the verification summary (in-toto, DSSE), of a certified build",
}
"""What a page offers with a link. An agent card is beside these: it needs an address."""


def download(registry: Registry, shown: AgentView, form: str, url: str = "") -> Download:
    """One form of a build. Raises Problem 404 (unknown form, no pack), PackNotHere, NotEmitted, UrlNeeded."""
    if form == "a2a":
        return Download(f"{_stem(shown)}.agent-card.json", "application/json", agent_card(shown.entry, url=url))
    if form not in FORMS:
        raise Problem(404, f"there is no {form!r} to download")
    if shown.pack is None:
        raise Problem(404, shown.lacking)
    if form in ("mcp", "vsa") and not shown.in_force:
        raise Problem(404, "that is emitted of the build in force alone")
    makers: Mapping[str, Callable[[RegisteredPack], tuple[str, str, bytes]]] = {
        "pack": lambda pack: ("zip", "application/zip", pack.zip()),
        "certificate": lambda pack: ("certificate.json", "application/json", _certificate(pack)),
        "sbom": lambda pack: ("sbom.cdx.json", "application/vnd.cyclonedx+json", sbom(pack)),
        "mcp": lambda pack: ("server.json", "application/json", server_json(shown.entry, pack, url=url)),
        "vsa": lambda pack: ("vsa.dsse.json", "application/json", verification_summary(registry, shown.entry, pack)),
    }
    suffix, kind, data = makers[form](shown.pack)
    return Download(f"{_stem(shown)}.{suffix}", kind, data)


def _stem(shown: AgentView) -> str:
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "." for c in shown.entry.agent_id)
    return f"{name}-{shown.entry.version}"


def _certificate(pack: RegisteredPack) -> bytes:
    return (pack.folder / CERTIFICATE).read_bytes()
