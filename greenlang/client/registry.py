"""Requests about agents: finding them, what hangs on them, packs in and out, what runs.

Belongs here: these requests. Does not belong here: the life of builds (`lives`), tenants (`governance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang.client.call import REGISTRY, Call, Document, Page, document, entry, given, listed, named

if TYPE_CHECKING:
    from greenlang.registry import RegistryEntry


def agents(
    *, domain: str = "", capability: str = "", state: str = "", cursor: str = "", limit: int = 200
) -> Call[Page[RegistryEntry]]:
    """The latest version of each agent, by id."""
    params = given(domain=domain, capability=capability, state=state, cursor=cursor, limit=limit)
    return Call("GET", f"{REGISTRY}/agents", listed(entry), params)


def search(
    text: str = "",
    *,
    domain: str = "",
    capability: str = "",
    unit: str = "",
    regulation: str = "",
    state: str = "",
    all_versions: bool = False,
    limit: int = 50,
) -> Call[Page[RegistryEntry]]:
    """Agents by words and by what they are, the best first; at most 1,000."""
    filters = given(domain=domain, capability=capability, unit=unit, regulation=regulation, state=state)
    params = given(q=text, all_versions=all_versions, limit=min(limit, 1000)) | filters
    return Call("GET", f"{REGISTRY}/search", listed(entry), params)


def agent(ref: str) -> Call[RegistryEntry]:
    """``id``, ``id@version`` or ``id@version#digest``: one version as the build in force, or that one, is."""
    path, params = named(ref)
    return Call("GET", path, entry, params)


def versions(ref: str) -> Call[Page[RegistryEntry]]:
    """Every version of an agent, the highest first."""
    path, params = named(ref, "/versions")
    return Call("GET", path, listed(entry), params)


def builds(ref: str) -> Call[Page[Document]]:
    """Every build of a version, the one that came last first."""
    path, params = named(ref, "/builds")
    return Call("GET", path, listed(document), params)


def details(ref: str) -> Call[Document]:
    """What hangs on a build: ``needs``, ``pins``, ``yanks``."""
    path, params = named(ref, "/details")
    return Call("GET", path, document, params)


def resolve(agent_id: str, constraint: str = "*") -> Call[Page[RegistryEntry]]:
    """An agent and all that it needs, in versions that fit together, by id."""
    return Call("GET", f"{REGISTRY}/resolve", listed(entry), {"agent": agent_id, "versions": constraint})


def form(ref: str, name: str, *, url: str = "", binding: str = "JSONRPC") -> Call[bytes]:
    """The build in force as ``mcp``, ``a2a``, ``vsa`` or ``sbom``."""
    path, params = named(ref, f"/forms/{name}")
    return Call("GET", path, bytes, {**params, **given(url=url, binding=binding)}, binary=True)


def publish(pack: Path) -> Call[RegistryEntry]:
    """Publish a finished pack, with the signature beside it. Raises PackError where it is not as it was certified."""
    from greenlang.registry.packs import certified

    return Call("POST", f"{REGISTRY}/agents", entry, content=certified(pack.absolute()).zip())


def pack(ref: str) -> Call[bytes]:
    """The pack of the build that is in force, or of that with the digest, as `publish` takes it: a zip.

    `greenlang.registry.pack_exchange.unpack` makes a folder of it, if it is what was registered.
    """
    path, params = named(ref, "/pack")
    return Call("GET", path, bytes, params, binary=True)


def yank(ref: str, reason: str, *, yanked: bool = True, dry_run: bool = False) -> Call[bool]:
    """Take a build out of what is chosen, or put it back; whether that changed, or would change, anything."""
    path, params = named(ref, "/yank")
    body = {"reason": reason, "yanked": yanked, "dry_run": dry_run}
    return Call("POST", path, lambda told: bool(told["changed"]), params, body)


def discover(
    capabilities: Sequence[str], *, min_health: float = 0.8, version: str = "", location: str = "", limit: int = 10
) -> Call[Page[Document]]:
    """Agents with any of the capabilities that run and are well, the best first, with their instances."""
    body = {
        "capabilities": list(capabilities),
        "min_health_score": min_health,
        "version_constraint": version,
        "location_preference": location,
        "max_results": limit,
    }
    return Call("POST", f"{REGISTRY}/discover", listed(document), body=body)


def health(ref: str) -> Call[Document]:
    """How well an agent version does, and its instances."""
    path, params = named(ref, below=f"{REGISTRY}/health")
    return Call("GET", path, document, params)


def heartbeat(
    ref: str, instance: str, *, endpoint: str = "", location: str = "", metrics: Mapping[str, float] | None = None
) -> Call[Document]:
    """Report that an instance runs, and how well since the last report."""
    path, params = named(ref, below=f"{REGISTRY}/health")
    body = {"instance": instance, "endpoint": endpoint, "location": location, "metrics": dict(metrics or {})}
    return Call("POST", path, document, params, body)
