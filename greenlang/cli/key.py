"""`greenlang key`: API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.governed import DryRun, Reason, TenantOption, governed
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

if TYPE_CHECKING:
    from greenlang.registry.keys import ApiKey

app = typer.Typer(help="API keys: issued once, kept as digests, expiring.", no_args_is_help=True)


@app.command()
def issue(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whom it is for: the actor of everything that is done with it.")],
    *,
    role: Annotated[list[str], typer.Option("--role", help="A role (docs/governance.md); more than one is fine.")],
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Hold the key to this permission of them.")] = None,
    days: Annotated[int, typer.Option(help="How long it lives, 1 to 365.")] = 30,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Issue a key. It is printed once, on standard output, and kept nowhere."""
    from greenlang.registry.keys import Keys

    with governed(context, tenant, write=True) as registry:
        issued = Keys(registry).issue(name, role, scopes=scope or (), days=days, dry_run=dry_run)
    key = issued.key
    if json:
        as_json({**_plain(key), "key": issued.plain or None})
    elif dry_run:
        typer.echo(f"nothing changed; it would be a key for {key.name} in {key.tenant} until {key.expires_at:%Y-%m-%d}")
    else:
        typer.echo(issued.plain)
        typer.echo(f"key {key.id} for {key.name}, until {key.expires_at:%Y-%m-%d}; it is not shown again", err=True)


@app.command("list")
def list_(context: typer.Context, tenant: TenantOption = None, json: AsJson = False) -> None:
    """Every key of a tenant, without its secret."""
    from greenlang.registry.keys import Keys

    with governed(context, tenant) as registry:
        keys = Keys(registry).list()
    if json:
        as_json([_plain(key) for key in keys])
    elif keys:
        rows = [(k.id, k.name, ", ".join(k.roles), ", ".join(k.scopes), k.state, k.expires_at) for k in keys]
        table(("key", "for", "roles", "held to", "state", "until"), rows)
    else:
        typer.echo("no key")


@app.command()
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `greenlang key list` tells it.")],
    *,
    reason: Reason,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
) -> None:
    """Revoke a key, at once and for ever. Exits 1 if there is none of that id."""
    from greenlang.registry.keys import Keys

    with governed(context, tenant) as registry:
        revoked = Keys(registry).revoke(key, reason, dry_run=dry_run)
    what = f"the key {revoked.id} for {revoked.name}"
    typer.echo(f"nothing changed; it would be revoked: {what}" if dry_run else f"revoked: {what}")


def _plain(key: ApiKey) -> dict[str, Any]:
    return {**{name: getattr(key, name) for name in key.__slots__}, "state": key.state}
