"""`greenlang agent check`: whether a tenant may use an agent in an environment."""

from __future__ import annotations

from typing import Annotated

import typer

from greenlang.cli.agent_export import app
from greenlang.cli.app import settings
from greenlang.cli.governed import TenantOption, governed, show_findings
from greenlang.cli.registry import AsJson

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
    from greenlang.registry.tenants import Tenants

    with governed(context, tenant) as registry:
        tenants = Tenants(registry, region=settings(context).region)
        findings = tenants.check(reference, environment)
    show_findings(findings, json=json, good=f"{tenants.tenant} may use {reference} in {environment}")
