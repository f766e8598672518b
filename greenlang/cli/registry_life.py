"""`greenlang registry as-of | decay | scan | verify`: what was certified when, on what it rests, whether it holds.

Belongs here: the commands. Does not belong here: the questions themselves (`greenlang.registry`).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, built_settings
from greenlang.cli.governed import DryRun, TenantOption, governed, moment
from greenlang.cli.policy import show_placed
from greenlang.cli.registry import AgentId, AsJson
from greenlang.cli.registry_emit import app
from greenlang.cli.remote import ask, connected, every, server_of
from greenlang.cli.show import as_json, table, when
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from greenlang.client import Document

__all__ = ["app"]

SHOWN = 40


class Environment(StrEnum):
    """Where agents are used."""

    dev = "dev"
    staging = "staging"
    production = "production"


@app.command("as-of")
def as_of(
    context: typer.Context,
    at: Annotated[str, typer.Argument(metavar="MOMENT", help="A day or a moment in ISO 8601, in UTC without a zone.")],
    *,
    tenant: TenantOption = None,
    environment: Annotated[Environment, typer.Option(help="Whose lists count.")] = Environment.production,
    state: Annotated[str, typer.Option(help="Another state than certified.")] = "certified",
    json: AsJson = False,
) -> None:
    """What was certified for a tenant at a moment, and on which evidence (--json has it whole). Exits 1 for nothing."""
    from greenlang.client import lives
    from greenlang.registry import Registry
    from greenlang.registry.lifecycle import Lifecycle

    asked = moment(at)
    assert asked is not None

    def here(registry: Registry) -> list[Document]:
        of = registry.caller.tenant
        standing = Lifecycle(registry).as_of(of, asked, environment=environment.value, state=state)
        return [one.as_dict() for one in standing]

    found = ask(context, tenant, here, every(lives.as_of(asked, environment=environment.value, state=state)))
    if json:
        as_json(found)
    elif found:
        rows = [
            (
                f"{one['agent_id']}@{one['version']}#{one['pack_digest'][:12]}",
                one["tenant"],
                when(one["since"]),
                one["actor"],
                one["policy"].partition("@")[0],
                "yes" if one["in_force"] else "no",
                one["flags"],
                one["reason"],
            )
            for one in found
        ]
        table(("build", "tenant", "since", "who", "policy", "in force", "flags", "why"), rows, right=(6,))
    else:
        typer.echo(f"nothing was {state} at {asked.isoformat()}; a day alone is its first moment in UTC")
    if not found:
        raise typer.Exit(NEGATIVE)


@app.command()
def decay(context: typer.Context, *, dry_run: DryRun = False, json: AsJson = False) -> None:
    """Flag the builds whose factors, formulas or GWP sets are superseded; end flags that no longer hold."""
    from greenlang.client import lives
    from greenlang.factory.pinned import flag_decay

    found: Document
    if server_of(context):
        with connected(context) as client:
            found = client.send(lives.decay(dry_run=dry_run))
    else:
        done = flag_decay(built_settings(context), dry_run=dry_run)
        if done is None:
            typer.echo("nothing is registered yet")
            return
        found = {**done.as_dict(), "taken": not dry_run}
    if json:
        as_json(found)
        return
    pins = found["superseded"]
    rows = [(one["kind"], one["ref"], one["before"][:12], one["after"][:12] or "gone") for one in pins[:SHOWN]]
    table(("kind", "pin", "was", "is"), rows)
    if len(pins) > SHOWN:
        typer.echo(f"{len(pins) - SHOWN:,} more; --json has each")
    builds = len({one["build"] for one in found["flagged"]})
    would = "would be " if dry_run else ""
    typer.echo(
        f"against {found['release']}: {len(pins):,} pins superseded; {builds:,} builds {would}flagged anew, "
        f"{found['cleared']:,} flags {would}ended"
    )


@app.command()
def scan(
    context: typer.Context, ref: AgentId, *, tenant: TenantOption = None, dry_run: DryRun = False, json: AsJson = False
) -> None:
    """Audit the dependencies of a build by the advisories at hand (GREENLANG_ADVISORIES). Exits 1 for findings."""
    from greenlang.cli.quality import OSV_FILE
    from greenlang.quality.advisories import load
    from greenlang.registry.packs import homes
    from greenlang.registry.scans import AUDIT, scan

    found = built_settings(context)
    if found.advisories is None:
        raise SettingsError(f"GREENLANG_ADVISORIES names no file of advisories: take {OSV_FILE}")
    with governed(context, tenant, write=True) as registry:
        told = scan(registry, ref, homes(found, registry.caller.tenant), load(found.advisories), dry_run=dry_run)
    if json:
        as_json({**told, "taken": not dry_run})
    else:
        of = f", the newest of {told['newest']}" if told["newest"] else ""
        said = told["found"] or [f"no known vulnerability, by {told['advisories']:,} advisories{of}"]
        typer.echo("\n".join(said))
    if told["parts"][AUDIT] != "met":
        raise typer.Exit(NEGATIVE)


@app.command()
def verify(
    context: typer.Context,
    ref: AgentId,
    *,
    keys: Annotated[
        Path | None, typer.Option("--keys", exists=True, file_okay=False, help="Folder of public keys, *.pub.pem.")
    ] = None,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """Whether the steps of a version are as they were signed; names what was changed. Exits 1 if something was."""
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    findings: list[Document] = ask(
        context,
        tenant,
        lambda registry: [one.as_dict() for one in Lifecycle(registry).verify(ref, keys)],
        every(lives.verification(ref)),
    )
    show_placed(findings, json=json, good=f"the life of {ref} is as it was signed")
