"""A registered agent in the forms that others read: MCP `server.json`, A2A agent card, verification summary, SBOM.

Belongs here: what of an entry and its pack goes into which field. Does not belong here: making packs, publishing
anywhere. What is emitted is true of the build that is in force, and says nothing of servers that nobody named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from greenlang.registry.emit.a2a import BINDINGS, agent_card
from greenlang.registry.emit.forms import NotEmitted, UrlNeeded
from greenlang.registry.emit.mcp import server_json
from greenlang.registry.emit.vsa import verification_summary
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.packs import RegisteredPack, pack_of
from greenlang.registry.store import Registry

__all__ = [
    "BINDINGS",
    "FILES",
    "Form",
    "NotEmitted",
    "UrlNeeded",
    "agent_card",
    "emit",
    "sbom",
    "server_json",
    "verification_summary",
]

Form = Literal["mcp", "a2a", "vsa", "sbom"]
FILES: Mapping[Form, str] = {
    "mcp": "server.json",
    "a2a": "agent-card.json",
    "vsa": "vsa.dsse.json",
    "sbom": "sbom.cdx.json",
}
"""Form -> the name that its file usually has."""


def sbom(pack: RegisteredPack) -> bytes:
    """The pack's own CycloneDX bill, byte for byte. Raises PackNotHere where it is not as the certificate says."""
    return pack.read("sbom.cdx.json")


def emit(
    registry: Registry,
    entry: RegistryEntry,
    var: Path | Sequence[Path],
    form: Form,
    *,
    url: str = "",
    binding: str = BINDINGS[0],
) -> bytes:
    """One form of an entry whose pack lies below ``var`` (see `packs.homes`). The same entry gives the same bytes.

    ``url``: where the agent is served in the protocol of that form; ``binding``: A2A's, of that address. Raises
    NotEmitted, PackNotHere, UrlNeeded, PackError.
    """
    if form == "a2a":
        return agent_card(entry, url=url, binding=binding)
    pack = pack_of(entry, var)
    match form:
        case "mcp":
            return server_json(entry, pack, url=url)
        case "vsa":
            return verification_summary(registry, entry, pack)
        case "sbom":
            return sbom(pack)
