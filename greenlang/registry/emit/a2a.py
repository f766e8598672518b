"""An agent card of A2A 1.0 (message AgentCard of the protocol's a2a.proto, as JSON).

A card says where an agent is served; a pack does not know that, so the address is whoever emits the card to give. The
capabilities are those of a pure calculation: nothing streams, nothing is pushed.
"""

from __future__ import annotations

from typing import Any

from greenlang.registry.emit.forms import UrlNeeded, address, line, pretty
from greenlang.registry.entry import Port, RegistryEntry

PROTOCOL = "1.0"
BINDINGS = ("JSONRPC", "HTTP+JSON", "GRPC")
_JSON = ["application/json"]


def agent_card(entry: RegistryEntry, *, url: str = "", binding: str = "JSONRPC") -> bytes:
    """The bytes of ``agent-card.json``. ``url``: where somebody serves the agent over A2A, in that binding.

    Raises UrlNeeded without an address, and for one that is none; ValueError for a binding that A2A does not have.
    """
    if binding not in BINDINGS:
        raise ValueError(f"{binding!r} is no binding of A2A; those are {', '.join(BINDINGS)}")
    if not url:
        raise UrlNeeded(
            "an agent card names the address at which the agent is served over A2A, and a pack has none: "
            "give it by --url"
        )
    content: dict[str, Any] = {
        "name": entry.name or entry.agent_id,
        "description": line(entry.summary or entry.name or entry.agent_id, 1_000),
        "supportedInterfaces": [{"url": address(url), "protocolBinding": binding, "protocolVersion": PROTOCOL}],
        "version": entry.version,
        "capabilities": {"streaming": False, "pushNotifications": False},
        "defaultInputModes": _JSON,
        "defaultOutputModes": _JSON,
        "skills": [_skill(entry, *part) for part in _parts(entry)],
    }
    return pretty(content)


def _parts(entry: RegistryEntry) -> list[tuple[str, list[Port], list[Port]]]:
    """(tool, inputs, outputs) of every tool; an agent that is one tool has the empty name."""
    tools = dict.fromkeys(port.name.rpartition(".")[0] for port in entry.outputs)
    return [(tool, _of(tool, entry.inputs), _of(tool, entry.outputs)) for tool in tools]


def _of(tool: str, ports: tuple[Port, ...]) -> list[Port]:
    return [port for port in ports if port.name.rpartition(".")[0] == tool]


def _skill(entry: RegistryEntry, tool: str, inputs: list[Port], outputs: list[Port]) -> dict[str, Any]:
    said = f"Calculates {_list(outputs)}" + (f" from {_list(inputs)}." if inputs else ".")
    return {
        "id": f"{entry.agent_id}#{tool}" if tool else entry.agent_id,
        "name": tool or entry.name or entry.agent_id,
        "description": said,
        "tags": sorted({*entry.tags, *([entry.domain] if entry.domain else []), *(_short(port) for port in outputs)}),
    }


def _list(ports: list[Port]) -> str:
    return ", ".join(f"{_short(p)} ({p.unit})" if p.unit not in ("1", "") else _short(p) for p in ports)


def _short(port: Port) -> str:
    return port.name.rpartition(".")[2]
