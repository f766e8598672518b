"""`greenlang agent check`: whether a tenant may use an agent in an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from greenlang.cli.agent_export import app
from greenlang.cli.app import settings
from greenlang.cli.governed import TenantOption, show_findings
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, tenant_there

__all__ = ["app"]


@app.command()
def check(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="ID", help="id, id@version or id@version#digest.")],
    *,
    tenant: TenantOption = None,
    environment: Annotated[str, typer.Option(help="dev, staging or production.")] = "production",
    json: AsJson = False,
) -> None:
    """What is in the way of using an agent: lists, residency, lifecycle state, yanks. Exits 1 if something is."""
    from greenlang.client import Client, Document, governance
    from greenlang.registry import Registry
    from greenlang.registry.tenants import Tenants

    def here(registry: Registry) -> tuple[str, list[Document]]:
        tenants = Tenants(registry, region=settings(context).region)
        return tenants.tenant, [finding.as_dict() for finding in tenants.check(reference, environment)]

    def there(client: Client) -> tuple[str, list[Document]]:
        name = tenant_there(client, tenant)
        return name, client.every(governance.check(name, reference, environment))

    who, findings = ask(context, tenant, here, there)
    show_findings(findings, json=json, good=f"{who} may use {reference} in {environment}")
