"""`greenlang key`: API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.governed import DryRun, Reason, TenantOption
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, tenant_there
from greenlang.cli.show import as_json, plain, table, when

if TYPE_CHECKING:
    from greenlang.client import Client, Document
    from greenlang.registry import Registry
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
    from greenlang.client import governance
    from greenlang.registry.keys import Keys

    def here(registry: Registry) -> Document:
        issued = Keys(registry).issue(name, role, scopes=scope or (), days=days, dry_run=dry_run)
        return {"plain": issued.plain, "key": _plain(issued.key)}

    def there(client: Client) -> Document:
        asked = tenant_there(client, tenant)
        return client.send(governance.issue(asked, name, role, scopes=scope or (), days=days, dry_run=dry_run))

    issued = ask(context, tenant, here, there, write=True)
    key, until = issued["key"], issued["key"]["expires_at"][:10]
    if json:
        as_json({**key, "key": issued["plain"] or None})
    elif dry_run:
        typer.echo(f"nothing changed; it would be a key for {key['name']} in {key['tenant']} until {until}")
    else:
        typer.echo(issued["plain"])
        typer.echo(f"key {key['id']} for {key['name']}, until {until}; it is not shown again", err=True)


@app.command("list")
def list_(context: typer.Context, tenant: TenantOption = None, json: AsJson = False) -> None:
    """Every key of a tenant, without its secret."""
    from greenlang.client import governance
    from greenlang.registry.keys import Keys

    keys: list[Document] = ask(
        context,
        tenant,
        lambda registry: [_plain(key) for key in Keys(registry).list()],
        lambda client: client.every(governance.keys(tenant_there(client, tenant))),
    )
    if json:
        as_json(keys)
    elif keys:
        rows = [
            (k["id"], k["name"], ", ".join(k["roles"]), ", ".join(k["scopes"]), k["state"], when(k["expires_at"]))
            for k in keys
        ]
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
    from greenlang.client import governance
    from greenlang.registry.keys import Keys

    revoked = ask(
        context,
        tenant,
        lambda registry: _plain(Keys(registry).revoke(key, reason, dry_run=dry_run)),
        lambda client: client.send(governance.revoke(tenant_there(client, tenant), key, reason, dry_run=dry_run)),
    )
    what = f"the key {revoked['id']} for {revoked['name']}"
    typer.echo(f"nothing changed; it would be revoked: {what}" if dry_run else f"revoked: {what}")


def _plain(key: ApiKey) -> Document:
    found: Document = plain({**{name: getattr(key, name) for name in key.__slots__}, "state": key.state})
    return found
