"""`greenlang registry migrate | resolve | yank | push | pull`: the database, versions that fit, packs in and out.

Belongs here: the commands. Does not belong here: what they do (`greenlang.registry`).
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import settings
from greenlang.cli.governed import DryRun, Reason, TenantOption
from greenlang.cli.registry import AgentId, AsJson
from greenlang.cli.registry_emit import app
from greenlang.cli.remote import ask, every
from greenlang.cli.show import as_json, table
from greenlang.errors import RemoteRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from greenlang.client import Client
    from greenlang.registry import Registry, RegistryEntry

__all__ = ["app", "named_key"]

Key = Annotated[
    Path | None,
    typer.Option("--key", exists=True, dir_okay=False, help="Public key in PEM that the pack must be signed by."),
]


@app.command()
def migrate(
    context: typer.Context,
    *,
    app_role: Annotated[
        str, typer.Option("--app-role", metavar="ROLE", help="PostgreSQL: the login role that the factory connects as.")
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="REVISION", help="Back to an older revision.")] = "",
    lose: Annotated[bool, typer.Option("--lose", help="With --to: give up what that revision cannot hold.")] = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Bring the registry's database to the newest tables, or back. PostgreSQL: as GREENLANG_REGISTRY_ADMIN_URL."""
    from greenlang.registry import migrate as migration
    from greenlang.registry.definition import REVISION

    found = settings(context)
    url = found.registry_admin_url or found.registry
    before = migration.current(url)
    after = to or REVISION
    if not dry_run and to:
        migration.downgrade(url, to, lose=lose)
    elif not dry_run:
        migration.upgrade(url, app_role or None, keys=found.keys)
    if json:
        as_json({"before": before, "after": after, "taken": not dry_run})
    elif before == after:
        typer.echo(f"the tables are of the revision {after} already")
    else:
        typer.echo(f"{'would go' if dry_run else 'went'} from {before or 'no tables'} to {after}")


@app.command()
def resolve(
    context: typer.Context,
    agent_id: Annotated[str, typer.Argument(metavar="ID", help="agent_id.")],
    constraint: Annotated[str, typer.Argument(metavar="[RANGE]", help="Versions, as '>=1.2,<2', '^1.2', 1.2.0.")] = "*",
    *,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """An agent and all that it needs, in versions that fit together. Exits 1, saying who asks for what, if none do."""
    from greenlang.client import registry as calls
    from greenlang.registry.versions import resolve as resolved

    found = ask(
        context,
        tenant,
        lambda registry: list(resolved(registry, agent_id, constraint).values()),
        every(calls.resolve(agent_id, constraint)),
    )
    if json:
        as_json([entry.as_dict() for entry in found])
        return
    table(
        ("agent", "version", "state", "pack digest"),
        [(entry.agent_id, entry.version, entry.state, entry.pack_digest) for entry in found],
    )


@app.command()
def yank(
    context: typer.Context,
    ref: AgentId,
    reason: Reason,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Put it back.")] = False,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
) -> None:
    """Take a build out of what is chosen for people; it stays, for whoever asks for exactly its version."""
    from greenlang.client import registry as calls
    from greenlang.registry.named import named
    from greenlang.registry.reference import Reference

    def here(registry: Registry) -> tuple[str, bool]:
        with registry.transaction() as connection:
            build = named(connection, registry.caller, Reference.parse(ref))
        entry, digest = build.entry, build.build.pack_digest
        if dry_run:
            return build.ref, build.build.yanked == undo
        return build.ref, registry.yank(entry.agent_id, entry.version, digest, reason, yanked=not undo)

    def there(client: Client) -> tuple[str, bool]:
        build = client.send(calls.agent(ref))
        whole = f"{build.agent_id}@{build.version}#{build.pack_digest}"
        changed = client.send(calls.yank(whole, reason, yanked=not undo, dry_run=dry_run))
        return _short(build), changed

    shown, changed = ask(context, tenant, here, there)
    if changed:
        said = f"{'would be' if dry_run else 'was'} {'put back' if undo else 'yanked'}"
    else:
        said = "is not yanked" if undo else "is yanked already"
    typer.echo(f"{shown} {said}")


@app.command()
def push(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="PACK", exists=True, file_okay=False, help="A finished pack.")],
    *,
    key: Key = None,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Publish a finished pack, after it was checked against its certificate. Exits 1 if its version has other bytes."""
    from greenlang.client import registry as calls
    from greenlang.registry.pack_exchange import push as entered

    def here(registry: Registry) -> tuple[RegistryEntry, str | None]:
        return entered(registry, folder, settings(context).var, keys=named_key(key), dry_run=dry_run)

    def there(client: Client) -> tuple[RegistryEntry, str | None]:
        from greenlang.registry.pack_reading import read_pack

        read = read_pack(folder, named_key(key)).entry
        if dry_run:
            return read, None
        try:
            client.send(calls.agent(f"{read.agent_id}@{read.version}#{read.pack_digest}"))
        except RemoteRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            client.send(calls.publish(folder))
            return read, "created"
        return read, "exists"

    entry, done = ask(context, tenant, here, there, write=True)
    if json:
        as_json({**entry.as_dict(), "done": done})
        return
    said = {None: "would be published", "created": "was published", "exists": "is published already"}
    typer.echo(f"{_short(entry)} {said.get(done, done)}")


@app.command()
def pull(
    context: typer.Context,
    ref: AgentId,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the pack goes; not there yet.")],
    *,
    key: Key = None,
    tenant: TenantOption = None,
) -> None:
    """Copy the pack of a build to a folder, after it was checked against the registry and its certificate."""
    from greenlang.client import registry as calls
    from greenlang.registry.named import named
    from greenlang.registry.pack_exchange import pull as copied
    from greenlang.registry.pack_exchange import unpack
    from greenlang.registry.packs import homes
    from greenlang.registry.reference import Reference

    def here(registry: Registry) -> Path:
        with registry.transaction() as connection:
            found = named(connection, registry.caller, Reference.parse(ref))
        return copied(found.build, homes(settings(context), found.tenant), target, named_key(key))

    def there(client: Client) -> Path:
        build = client.send(calls.agent(ref))
        data = client.send(calls.pack(f"{build.agent_id}@{build.version}#{build.pack_digest}"))
        return unpack(data, build, target, named_key(key))

    typer.echo(str(ask(context, tenant, here, there)))


def _short(entry: RegistryEntry) -> str:
    return f"{entry.agent_id}@{entry.version}#{entry.pack_digest[:12]}"


def named_key(path: Path | None) -> list[Ed25519PublicKey] | None:
    """The public key that a pack must be signed by; None: nobody asks."""
    from greenlang.signing import read_public_key

    return None if path is None else [read_public_key(path)]
