"""`greenlang registry discover`, `greenlang agent heartbeat | health`: what runs, how well, and what to call.

Belongs here: the commands. Does not belong here: what they do (`greenlang.registry.discovery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.agent import app as agents
from greenlang.cli.app import NEGATIVE
from greenlang.cli.governed import TenantOption
from greenlang.cli.registry import AgentId, AsJson, app
from greenlang.cli.remote import ask, every
from greenlang.cli.show import as_json, facts, table, when
from greenlang.errors import DiscoveryError

if TYPE_CHECKING:
    from greenlang.client import Document

__all__ = ["app"]


@app.command()
def discover(
    context: typer.Context,
    capabilities: Annotated[list[str], typer.Argument(metavar="CAPABILITY...", help="Outputs or tags; any will do.")],
    *,
    min_health: Annotated[
        float, typer.Option("--min-health", min=0, max=1, help="0 shows agents without a heartbeat too.")
    ] = 0.8,
    version: Annotated[str, typer.Option("--version", metavar="RANGE", help="As '>=1.2,<2'.")] = "",
    location: Annotated[str, typer.Option("--location", help="Instances there come first.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many agents.")] = 10,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """Agents with a capability that run and are well, the best first, with where to call them. Exits 1 if none is."""
    from greenlang.client import registry as calls
    from greenlang.registry.discovery import discover as discovered

    found: list[Document] = ask(
        context,
        tenant,
        lambda registry: [
            one.as_dict()
            for one in discovered(
                registry, capabilities, min_health=min_health, version=version, location=location, limit=limit
            )
        ],
        every(calls.discover(capabilities, min_health=min_health, version=version, location=location, limit=limit)),
    )
    if json:
        as_json(found)
    elif found:
        rows = []
        for one in found:
            first = one["instances"][0] if one["instances"] else {"endpoint": "", "location": ""}
            said = (one["agent"]["agent_id"], one["agent"]["version"], one["status"], _shown(one["health"]))
            rows.append((*said, len(one["instances"]), first["endpoint"], first["location"]))
        table(("agent", "version", "status", "health", "instances", "endpoint", "location"), rows, right=(3, 4))
    else:
        typer.echo("no agent with that capability runs")
    if not found:
        raise typer.Exit(NEGATIVE)


@agents.command()
def heartbeat(
    context: typer.Context,
    agent_id: AgentId,
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="Name of the instance, as its host.")],
    *,
    endpoint: Annotated[str, typer.Option("--endpoint", help="http(s) address at which it is called.")] = "",
    location: Annotated[str, typer.Option("--location", help="Where it runs, as eu-west.")] = "",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME=VALUE", help="calls, errors, latency_p95_ms, latency_target_ms."),
    ] = None,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """Report that an instance of an agent runs, and how well since the last report."""
    from greenlang.client import registry as calls
    from greenlang.registry.heartbeats import heartbeat as beat

    metrics = dict(_metric(one) for one in metric or [])
    told: Document = ask(
        context,
        tenant,
        lambda registry: beat(
            registry, agent_id, instance, endpoint=endpoint, location=location, metrics=metrics
        ).as_dict(),
        calls.heartbeat(agent_id, instance, endpoint=endpoint, location=location, metrics=metrics),
    )
    if json:
        as_json(told)
    else:
        _show_instances([told])


@agents.command()
def health(context: typer.Context, agent_id: AgentId, *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """How well an agent version does, as its best instance. Exits 1 unless it is healthy."""
    from greenlang.client import registry as calls
    from greenlang.registry.discovery import health as health_of

    found: Document = ask(
        context, tenant, lambda registry: health_of(registry, agent_id).as_dict(), calls.health(agent_id)
    )
    if json:
        as_json(found)
    else:
        facts(
            [
                ("agent", f"{found['agent_id']} {found['version']}"),
                ("status", found["status"]),
                ("health", _shown(found["health"])),
                ("why", found["reason"]),
            ]
        )
        _show_instances(found["instances"])
    if found["status"] != "healthy":
        raise typer.Exit(NEGATIVE)


def _metric(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise DiscoveryError(f"`{text}` is no metric: write NAME=VALUE, as calls=120") from error


def _show_instances(instances: Sequence[Document]) -> None:
    if instances:
        table(
            ("instance", "status", "health", "endpoint", "location", "last heartbeat", "why"),
            [
                (
                    i["instance"],
                    i["status"],
                    _shown(i["health"]),
                    i["endpoint"],
                    i["location"],
                    when(i["seen_at"]),
                    i["reason"],
                )
                for i in instances
            ],
            right=(2,),
        )


def _shown(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"
