"""`greenlang tenant`: tenants, what each may use, where, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.governed import DryRun, Reason, governed
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from greenlang.registry.tenants import Grant, Tenant, Tenants

app = typer.Typer(help="Tenants: lists, quotas, environments, residency.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="Its name.")]
Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="An agent id, or one with * in it, as 'heat/*'.")]
Where = Annotated[str, typer.Option("--environment", help="dev, staging or production; without it all of them.")]


@contextmanager
def _tenants(context: typer.Context, tenant: str | None, *, write: bool = True) -> Iterator[Tenants]:
    from greenlang.cli.app import settings
    from greenlang.registry.tenants import Tenants

    with governed(context, tenant, write=write) as registry:
        yield Tenants(registry, region=settings(context).region)


@app.command("list")
def list_(context: typer.Context, json: AsJson = False) -> None:
    """Every tenant."""
    with _tenants(context, None, write=False) as tenants:
        found = tenants.all()
    if json:
        as_json([_plain(tenant) for tenant in found])
    else:
        rows = [(tenant.tenant, tenant.name, tenant.residency or "any", tenant.created_at) for tenant in found]
        table(("tenant", "name", "residency", "made"), rows)


@app.command()
def create(
    context: typer.Context,
    tenant: Name,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    residency: Annotated[str, typer.Option(help="Tag of the only region that serves it, as eu.")] = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Make a tenant. It takes a registry on PostgreSQL; one in an SQLite file has the tenant `default` alone."""
    with _tenants(context, None) as tenants:
        made = tenants.create(tenant, name=name, residency=residency, dry_run=dry_run)
    _say(dry_run, json, f"the tenant {tenant} is made", _plain(made))


@app.command()
def show(context: typer.Context, tenant: Name, json: AsJson = False) -> None:
    """A tenant with its lists, quotas and environments."""
    with _tenants(context, tenant, write=False) as tenants:
        found, lines = tenants.get(), tenants.lists()
        quotas, environments = tenants.quotas(), tenants.environments()
    if json:
        lists = [_plain(line) for line in lines]
        as_json({**_plain(found), "environments": environments, "quotas": quotas, "lists": lists})
        return
    facts(
        [
            ("tenant", found.tenant),
            ("name", found.name),
            ("residency", found.residency or "any region"),
            *((f"environment {name}", f"{state} or better") for name, state in environments.items()),
            *((f"quota {name}", "none" if most is None else most) for name, most in quotas.items()),
        ]
    )
    if lines:
        rows = [
            (line.id, line.kind, line.pattern, line.environment or "all", line.reason, line.actor) for line in lines
        ]
        table(("line", "list", "agents", "environment", "why", "who"), rows, right=(0,))


@app.command()
def allow(
    context: typer.Context,
    tenant: Name,
    pattern: Pattern,
    *,
    reason: Reason,
    where: Where = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Add to the allow list. Where an environment has such lines, nothing else may be used there."""
    with _tenants(context, tenant) as tenants:
        line = tenants.allow(pattern, reason=reason, environment=where, dry_run=dry_run)
    _say(dry_run, json, _line(tenant, line), _plain(line))


@app.command()
def deny(
    context: typer.Context,
    tenant: Name,
    pattern: Pattern,
    *,
    reason: Reason,
    where: Where = "",
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Add to the deny list, which wins over the allow list."""
    with _tenants(context, tenant) as tenants:
        line = tenants.deny(pattern, reason=reason, environment=where, dry_run=dry_run)
    _say(dry_run, json, _line(tenant, line), _plain(line))


def _line(tenant: str, line: Grant) -> str:
    number = f" (line {line.id})" if line.id else ""
    return f"{tenant}: {line.kind} {line.pattern} in {line.environment or 'all environments'}{number}"


@app.command()
def withdraw(
    context: typer.Context,
    tenant: Name,
    line: Annotated[int, typer.Argument(help="The line's number, as `greenlang tenant show` tells it.")],
    *,
    reason: Reason,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """End a line of a list."""
    with _tenants(context, tenant) as tenants:
        ended = tenants.withdraw(line, reason=reason, dry_run=dry_run)
    _say(dry_run, json, f"{tenant}: no more {ended.kind} {ended.pattern} (line {ended.id})", _plain(ended))


@app.command()
def quota(
    context: typer.Context,
    tenant: Name,
    name: Annotated[str, typer.Argument(help="versions, jobs_per_day or requests_per_minute.")],
    most: Annotated[str, typer.Argument(metavar="NUMBER|none", help="How many; none takes the limit away.")],
    *,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Say how much a tenant may have."""
    if most != "none" and not most.isdecimal():
        raise SettingsError(f"{most!r} is no number, nor none")
    with _tenants(context, tenant) as tenants:
        tenants.set_quota(name, None if most == "none" else int(most), dry_run=dry_run)
        now = tenants.quotas()
    _say(dry_run, json, f"{tenant}: {'no limit' if most == 'none' else most} for {name}", now)


@app.command()
def environment(
    context: typer.Context,
    tenant: Name,
    name: Annotated[str, typer.Argument(help="dev, staging or production.")],
    least_state: Annotated[str, typer.Argument(metavar="STATE", help="draft, experimental or certified.")],
    *,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Say which lifecycle state an environment asks of agents at least."""
    with _tenants(context, tenant) as tenants:
        tenants.set_environment(name, least_state, dry_run=dry_run)
        now = tenants.environments()
    _say(dry_run, json, f"{tenant}: {name} asks for {least_state} or better", now)


def _say(dry_run: bool, json: bool, done: str, value: Mapping[Any, Any]) -> None:
    if json:
        as_json({**value, "changed": not dry_run})
    else:
        typer.echo(f"nothing changed; it would be: {done}" if dry_run else done)


def _plain(value: Tenant | Grant) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
