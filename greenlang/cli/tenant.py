"""`greenlang tenant`: tenants, what each may use, where, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from greenlang.cli.governed import DryRun, Reason
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, every
from greenlang.cli.show import as_json, facts, plain, table, when
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from greenlang.client import Call, Client, Document
    from greenlang.registry.tenants import Grant, Tenant, Tenants

T = TypeVar("T")

app = typer.Typer(help="Tenants: lists, quotas, environments, residency, suspension.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TENANT", help="Its name.")]
Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="An agent id, or one with * in it, as 'heat/*'.")]
Where = Annotated[str, typer.Option("--environment", help="dev, staging or production; without it all of them.")]


def _ask(
    context: typer.Context,
    tenant: str | None,
    here: Callable[[Tenants], T],
    there: Call[T] | Callable[[Client], T],
    *,
    write: bool = True,
) -> T:
    from greenlang.cli.app import settings
    from greenlang.registry.tenants import Tenants

    return ask(
        context,
        tenant,
        lambda registry: here(Tenants(registry, region=settings(context).region)),
        there,
        write=write,
    )


@app.command("list")
def list_(context: typer.Context, json: AsJson = False) -> None:
    """Every tenant."""
    from greenlang.client import governance

    tenants = _ask(
        context, None, lambda here: [_plain(one) for one in here.all()], every(governance.tenants()), write=False
    )
    if json:
        as_json(tenants)
    else:
        rows = [
            (t["tenant"], t["name"], t["residency"] or "any", when(t["created_at"]), when(t["suspended_at"]))
            for t in tenants
        ]
        table(("tenant", "name", "residency", "made", "suspended"), rows)


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
    from greenlang.client import governance

    made = _ask(
        context,
        None,
        lambda here: _plain(here.create(tenant, name=name, residency=residency, dry_run=dry_run)),
        governance.create(tenant, name=name, residency=residency, dry_run=dry_run),
    )
    _say(dry_run, json, f"the tenant {tenant} is made", made)


@app.command()
def show(context: typer.Context, tenant: Name, json: AsJson = False) -> None:
    """A tenant with its lists, quotas and environments, and since when it is suspended."""
    from greenlang.client import governance

    def here(tenants: Tenants) -> Document:
        lists = [_plain(line) for line in tenants.lists()]
        more = {"environments": tenants.environments(), "quotas": tenants.quotas(), "lists": lists}
        return _plain(tenants.get()) | more

    def there(client: Client) -> Document:
        more = {
            "environments": client.send(governance.environments(tenant)),
            "quotas": client.send(governance.quotas(tenant)),
            "lists": client.every(governance.lists(tenant)),
        }
        return client.send(governance.tenant(tenant)) | more

    found = _ask(context, tenant, here, there, write=False)
    if json:
        as_json(found)
        return
    facts(
        [
            ("tenant", found["tenant"]),
            ("name", found["name"]),
            ("residency", found["residency"] or "any region"),
            ("suspended", when(found["suspended_at"]) or "no"),
            *((f"environment {name}", f"{state} or better") for name, state in found["environments"].items()),
            *((f"quota {name}", "none" if most is None else most) for name, most in found["quotas"].items()),
        ]
    )
    if found["lists"]:
        rows = [
            (line["id"], line["kind"], line["pattern"], line["environment"] or "all", line["reason"], line["actor"])
            for line in found["lists"]
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
    _add(context, tenant, "allow", pattern, reason, where, dry_run=dry_run, json=json)


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
    _add(context, tenant, "deny", pattern, reason, where, dry_run=dry_run, json=json)


def _add(
    context: typer.Context,
    tenant: str,
    kind: str,
    pattern: str,
    reason: str,
    where: str,
    *,
    dry_run: bool,
    json: bool,
) -> None:
    from greenlang.client import governance

    def here(tenants: Tenants) -> Document:
        add = tenants.allow if kind == "allow" else tenants.deny
        return _plain(add(pattern, reason=reason, environment=where, dry_run=dry_run))

    asked = governance.add_line(tenant, kind, pattern, reason=reason, environment=where, dry_run=dry_run)
    line = _ask(context, tenant, here, asked)
    number = f" (line {line['id']})" if line["id"] else ""
    said = f"{tenant}: {kind} {line['pattern']} in {line['environment'] or 'all environments'}{number}"
    _say(dry_run, json, said, line)


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
    from greenlang.client import governance

    ended = _ask(
        context,
        tenant,
        lambda here: _plain(here.withdraw(line, reason=reason, dry_run=dry_run)),
        governance.withdraw(tenant, line, reason=reason, dry_run=dry_run),
    )
    _say(dry_run, json, f"{tenant}: no more {ended['kind']} {ended['pattern']} (line {ended['id']})", ended)


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
    from greenlang.client import governance

    number = None if most == "none" else int(most)

    def here(tenants: Tenants) -> Document:
        tenants.set_quota(name, number, dry_run=dry_run)
        return {name: most for name, most in tenants.quotas().items()}  # noqa: C416 - the names are texts

    now = _ask(context, tenant, here, governance.set_quota(tenant, name, number, dry_run=dry_run))
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
    from greenlang.client import governance

    def here(tenants: Tenants) -> Document:
        tenants.set_environment(name, least_state, dry_run=dry_run)
        return dict(tenants.environments())

    now = _ask(context, tenant, here, governance.set_environment(tenant, name, least_state, dry_run=dry_run))
    _say(dry_run, json, f"{tenant}: {name} asks for {least_state} or better", now)


@app.command()
def residency(
    context: typer.Context,
    tenant: Name,
    region: Annotated[str, typer.Argument(metavar="REGION|none", help="The tag of the region, as eu; none: any.")],
    *,
    reason: Reason,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Say which region alone serves a tenant from now on. It moves nothing: move the data first."""
    from greenlang.client import governance

    tag = "" if region == "none" else region
    found = _ask(
        context,
        tenant,
        lambda here: _plain(here.set_residency(tag, reason=reason, dry_run=dry_run)),
        governance.set_residency(tenant, tag, reason=reason, dry_run=dry_run),
    )
    _say(dry_run, json, f"{tenant}: served by {found['residency'] or 'any region'}", found)


@app.command()
def suspend(
    context: typer.Context, tenant: Name, *, reason: Reason, dry_run: DryRun = False, json: AsJson = False
) -> None:
    """Have servers let nobody of a tenant in, until `resume`. What it has stays."""
    _suspend(context, tenant, True, reason, dry_run=dry_run, json=json)


@app.command()
def resume(
    context: typer.Context, tenant: Name, *, reason: Reason, dry_run: DryRun = False, json: AsJson = False
) -> None:
    """Let a tenant that is suspended in again."""
    _suspend(context, tenant, False, reason, dry_run=dry_run, json=json)


def _suspend(context: typer.Context, tenant: str, suspended: bool, reason: str, *, dry_run: bool, json: bool) -> None:
    from greenlang.client import governance

    found = _ask(
        context,
        tenant,
        lambda here: _plain((here.suspend if suspended else here.resume)(reason, dry_run=dry_run)),
        governance.suspend(tenant, suspended, reason=reason, dry_run=dry_run),
    )
    _say(dry_run, json, f"{tenant}: {'nobody is let in' if suspended else 'is let in'}", found)


def _say(dry_run: bool, json: bool, done: str, value: Mapping[Any, Any]) -> None:
    if json:
        as_json({**value, "changed": not dry_run})
    else:
        typer.echo(f"nothing changed; it would be: {done}" if dry_run else done)


def _plain(value: Tenant | Grant) -> Document:
    found: Document = plain({name: getattr(value, name) for name in value.__slots__})
    return found
