"""`server.json` of the MCP registry, schema of 2025-12-11.

An agent's pack is no MCP server: without an address the file describes the agent and offers neither a package nor a
remote. With one it names that address, which whoever gave it answers for.
"""

from __future__ import annotations

from typing import Any

from greenlang.registry.emit.forms import address, line, pretty
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.packs import RegisteredPack

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
NAMESPACE = "io.greenlang"
_PROVIDED = "io.modelcontextprotocol.registry/publisher-provided"
_TEXT = 100  # characters of a title or description that the schema allows


def server_json(entry: RegistryEntry, pack: RegisteredPack, *, url: str = "", namespace: str = NAMESPACE) -> bytes:
    """The bytes of ``server.json``. ``namespace`` is the reverse domain name that its publisher owns.

    ``url``: where somebody serves the agent over MCP's Streamable HTTP. Raises UrlNeeded for one that is no address.
    """
    content: dict[str, Any] = {
        "$schema": SCHEMA,
        "name": f"{namespace}/{pack.certificate.content['agent']['distribution']}",
        "title": line(entry.name or entry.agent_id, _TEXT),
        "description": line(entry.summary or entry.name or entry.agent_id, _TEXT),
        "version": entry.version,
    }
    if url:
        content["remotes"] = [{"type": "streamable-http", "url": address(url)}]
    content["_meta"] = {
        _PROVIDED: {
            "agent": entry.agent_id,
            "state": entry.state,
            "specDigest": f"sha256:{entry.spec_digest}",
            "packDigest": f"sha256:{entry.pack_digest}",
            "certificateDigest": f"sha256:{entry.certificate_digest}",
            "factorRelease": entry.factor_release,
            "inputs": _ports(entry.inputs),
            "outputs": _ports(entry.outputs),
        }
    }
    return pretty(content)


def _ports(ports: tuple[Any, ...]) -> list[dict[str, str]]:
    return [{"name": port.name, "type": port.dtype, "unit": port.unit} for port in ports]
