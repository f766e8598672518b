"""`greenlang registry emit`: an entry in a form that others read.

Belongs here: the command. Does not belong here: the forms (`greenlang.registry.emit`).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.registry import AgentId, app, found, open_registry
from greenlang.cli.remote import connected, server_of

__all__ = ["app"]


class FormName(StrEnum):
    """The forms."""

    mcp = "mcp"
    a2a = "a2a"
    vsa = "vsa"
    sbom = "sbom"


class Binding(StrEnum):
    """How an agent answers at its address, in A2A's words."""

    jsonrpc = "JSONRPC"
    http_json = "HTTP+JSON"
    grpc = "GRPC"


@app.command()
def emit(
    context: typer.Context,
    agent_id: AgentId,
    form: Annotated[
        FormName,
        typer.Option("--as", help="MCP server.json, A2A agent card, verification summary in DSSE, CycloneDX SBOM."),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", dir_okay=False, help="File; default: the output.")] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where the agent is served: needed by a2a, named by mcp if given.")
    ] = "",
    binding: Annotated[Binding, typer.Option(help="For a2a: how it answers there.")] = Binding.jsonrpc,
) -> None:
    """One entry with its pack as MCP server.json, A2A agent card, verification summary or SBOM.

    Exits 1 where there is nothing true to say: no pack of the build in force, or none that is certified (vsa).
    """
    from greenlang.client import registry as calls
    from greenlang.registry.emit import UrlNeeded
    from greenlang.registry.emit import emit as written
    from greenlang.registry.packs import homes

    if server_of(context):
        with connected(context) as client:
            data = client.send(calls.form(agent_id, form.value, url=url, binding=binding.value))
    else:
        with open_registry(context) as registry:
            entry = found(registry, agent_id)
            try:
                where = homes(built_settings(context), entry.tenant)
                data = written(registry, entry, where, form.value, url=url, binding=binding.value)
            except UrlNeeded as error:
                raise typer.BadParameter(str(error), param_hint="--url") from error
    if out is None:
        typer.echo(data.decode(), nl=False)
    else:
        out.write_bytes(data)
        typer.echo(str(out))
