"""`greenlang agent`: the agents that the factory made."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import typer

from greenlang.cli.app import built_settings, not_found
from greenlang.cli.registry import AgentId, AsJson, found, open_registry, show_entries, show_entry
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import RemoteRefused

if TYPE_CHECKING:
    from greenlang.client import Client, Document
    from greenlang.registry import RegistryEntry

app = typer.Typer(help="The agents that the factory made.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, json: AsJson = False) -> None:
    """Every registered agent version."""
    from greenlang.client import registry as calls
    from greenlang.registry.entry import version_key

    if server_of(context):
        with connected(context) as client:
            entries = client.every(calls.search(all_versions=True, limit=1000))
        entries.sort(key=lambda entry: version_key(entry.version), reverse=True)
        entries.sort(key=lambda entry: entry.agent_id)
    else:
        with open_registry(context) as registry:
            entries = registry.all()
    show_entries(entries, json=json)


@app.command()
def inspect(context: typer.Context, agent_id: AgentId, json: AsJson = False) -> None:
    """One agent: what it takes and gives, how it was judged, which factors and formulas it uses.

    An agent that could not be registered is shown with the reason; the exit code is then 1.
    """
    if server_of(context):
        with connected(context) as client:
            entry, more = _there(client, agent_id)
    else:
        entry, more = _here(context, agent_id)
    if json:
        as_json({**entry.as_dict(), **more})
        return
    show_entry(entry)
    if judged := more["qa_dimensions"]:
        rows = [tuple(one[name] for name in _JUDGED) for one in judged]
        table(("dimension", "status", "score", "least", "evidence", "why"), rows, right=(2, 3))
    if used := more["lineage"]:
        table(("uses", "reference", "citation"), [(one["kind"], one["ref"], one["citation"]) for one in used])
    if entry.pack:
        facts([("files", entry.pack)])


_JUDGED = ("title", "status", "score", "threshold", "evidence", "reason")


def _here(context: typer.Context, agent_id: str) -> tuple[RegistryEntry, Document]:
    from greenlang.metrics.agents import recorded, unregistered

    settings = built_settings(context)
    name, _, version = agent_id.partition("@")
    with open_registry(context) as registry:
        entry = registry.find(name, version or None)
        if entry is None:
            if why := unregistered(settings, name, version):
                raise not_found(why)
            entry = found(registry, agent_id)  # says what is near, and exits
    return entry, dict(recorded(settings, entry.agent_id, entry.version))


def _there(client: Client, agent_id: str) -> tuple[RegistryEntry, Document]:
    from greenlang.client import factory
    from greenlang.client import registry as calls

    try:
        entry = client.send(calls.agent(agent_id))
    except RemoteRefused as error:
        why = client.send(factory.judged(agent_id))["unregistered"] if error.status == HTTPStatus.NOT_FOUND else ""
        if why:
            raise not_found(why) from error
        raise
    told = client.send(factory.judged(f"{entry.agent_id}@{entry.version}"))
    return entry, {name: told[name] for name in ("qa_dimensions", "lineage")}
