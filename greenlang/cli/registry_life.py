"""`greenlang registry as-of | decay | verify`: what was certified when, what certification rests on, whether it holds.

Belongs here: the commands. Does not belong here: the questions themselves (`greenlang.registry`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.app import NEGATIVE, built_settings
from greenlang.cli.governed import DryRun, TenantOption, governed, moment
from greenlang.cli.policy import show_placed
from greenlang.cli.registry import AgentId, AsJson
from greenlang.cli.registry_emit import app
from greenlang.cli.show import as_json, table

__all__ = ["app"]

SHOWN = 40


@app.command("as-of")
def as_of(
    context: typer.Context,
    at: Annotated[str, typer.Argument(metavar="MOMENT", help="A day or a moment in ISO 8601, in UTC without a zone.")],
    *,
    tenant: TenantOption = None,
    environment: Annotated[str, typer.Option(help="Whose lists count: dev, staging, production.")] = "production",
    state: Annotated[str, typer.Option(help="Another state than certified.")] = "certified",
    json: AsJson = False,
) -> None:
    """What was certified for a tenant at a moment, and on which evidence (--json has it whole). Exits 1 for nothing."""
    from greenlang.registry.lifecycle import Lifecycle

    asked = moment(at)
    assert asked is not None
    with governed(context, tenant) as registry:
        found = Lifecycle(registry).as_of(registry.caller.tenant, asked, environment=environment, state=state)
    if json:
        as_json([one.as_dict() for one in found])
    elif found:
        rows = [
            (
                f"{one.agent_id}@{one.version}#{one.pack_digest[:12]}",
                one.tenant,
                one.since,
                one.actor,
                one.policy.partition("@")[0],
                "yes" if one.in_force else "no",
                one.flags,
                one.reason,
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
    from greenlang.factory.pinned import flag_decay

    found = flag_decay(built_settings(context), dry_run=dry_run)
    if found is None:
        typer.echo("nothing is registered yet")
        return
    if json:
        as_json({**found.as_dict(), "taken": not dry_run})
        return
    rows = [(one.kind, one.ref, one.before[:12], one.after[:12] or "gone") for one in found.superseded[:SHOWN]]
    table(("kind", "pin", "was", "is"), rows)
    if len(found.superseded) > SHOWN:
        typer.echo(f"{len(found.superseded) - SHOWN:,} more; --json has each")
    builds = len({build for build, _ in found.flagged})
    would = "would be " if dry_run else ""
    typer.echo(
        f"against {found.release}: {len(found.superseded):,} pins superseded; {builds:,} builds {would}flagged anew, "
        f"{found.cleared:,} flags {would}ended"
    )


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
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        findings = Lifecycle(registry).verify(ref, keys)
    show_placed(findings, json=json, good=f"the life of {ref} is as it was signed")
