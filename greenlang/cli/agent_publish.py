"""`greenlang agent publish`: document 002's form of `registry push`.

What an agent is stands in its pack, sealed by its certificate: what one says of it on the command line must be the
same, or nothing is published. Belongs here: the command and that comparison. Does not belong here: publishing, here or
on a server (`greenlang.cli.registry_versions`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.agent_export import app, pack_folder
from greenlang.cli.app import not_found
from greenlang.cli.governed import DryRun, TenantOption
from greenlang.cli.registry import AsJson, open_registry
from greenlang.cli.registry_versions import push
from greenlang.errors import PackError

if TYPE_CHECKING:
    from greenlang.registry import RegistryEntry

__all__ = ["app"]

KIND = "calculator"  # every agent of this factory is one


@app.command()
def publish(
    context: typer.Context,
    agent: Annotated[
        str, typer.Argument(metavar="[AGENT]", help="A registered agent or a pack's folder; default: found by --name.")
    ] = "",
    *,
    name: Annotated[str, typer.Option("--name", help="What people call it; must be what the pack says.")] = "",
    version: Annotated[str, typer.Option("--version", help="The same.")] = "",
    domain: Annotated[str, typer.Option("--domain", help="The same.")] = "",
    kind: Annotated[str, typer.Option("--type", help="The same; agents of this factory are calculators.")] = "",
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Publish an agent: `registry push`, what is said of it compared with its certificate; what differs is refused."""
    folder = _said(context, agent, name=name, version=version, domain=domain, kind=kind)
    push(context, folder, tenant=tenant, dry_run=dry_run, json=json)


def _said(context: typer.Context, agent: str, *, name: str, version: str, domain: str, kind: str) -> Path:
    """The pack that is meant. Raises PackError where it is not what is said of it; exits where there is none."""
    from greenlang.registry.pack_reading import read_pack

    folder = pack_folder(context, agent or _called(context, name, version))
    entry = read_pack(folder).entry
    said = {"name": name, "version": version, "domain": domain, "type": kind}
    holds = {"name": entry.name, "version": entry.version, "domain": entry.domain, "type": KIND}
    wrong = [f"--{what} {said[what]!r}: it is {holds[what]!r}" for what in said if said[what] not in ("", holds[what])]
    if wrong:
        raise PackError(f"{entry.agent_id}@{entry.version} is not published as something else: {'; '.join(wrong)}")
    return folder


def _called(context: typer.Context, name: str, version: str) -> str:
    """The registered agent that people call so; exits where none is, or several are."""
    if not name:
        raise PackError("name the agent: AGENT, or what people call it by --name")
    with open_registry(context) as registry:
        found = [entry for entry in registry.all() if entry.name == name and version in ("", entry.version)]
    if not found:
        raise not_found(f"no registered agent is called {name!r}; `greenlang agent list` shows what is")
    if len({entry.agent_id for entry in found}) > 1:
        raise not_found(f"several agents are called {name!r}: {', '.join(map(_ref, found))}; `greenlang agent list`")
    return _ref(found[0])


def _ref(entry: RegistryEntry) -> str:
    return f"{entry.agent_id}@{entry.version}"
