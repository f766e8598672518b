"""`greenlang audit`: who did what, whether the log is whole, a copy of it, removing what is past its retention."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE
from greenlang.cli.governed import DryRun, TenantOption, governed, moment, show_findings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

if TYPE_CHECKING:
    from greenlang.registry.audit_export import Exported

app = typer.Typer(help="The audit log: who did what, in a chain that shows every change.", no_args_is_help=True)

Start = Annotated[str | None, typer.Option("--start-time", "--since", help="From this day or moment on (ISO, UTC).")]
End = Annotated[str | None, typer.Option("--end-time", "--until", help="Before this day or moment.")]


@app.command()
def query(
    context: typer.Context,
    *,
    tenant: TenantOption = None,
    event: Annotated[
        str, typer.Option("--event-type", "--event", help="agent.promoted, or agent.* for all such.")
    ] = "",
    actor: Annotated[str, typer.Option(help="Who; a * at the end stands for any text.")] = "",
    subject: Annotated[str, typer.Option(help="About what; a * at the end stands for any text.")] = "",
    start: Start = None,
    end: End = None,
    before: Annotated[int | None, typer.Option(min=1, help="Before this number: the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """Events, the newest first. Exits 1 if there is none."""
    from greenlang.registry.audit import AuditLog

    asked = {"event": event, "actor": actor, "subject": subject}
    since, until = moment(start), moment(end)
    with governed(context, tenant) as registry:
        events = AuditLog(registry).query(**asked, since=since, until=until, before=before, limit=limit)
    if json:
        as_json([event.as_dict() for event in events])
    elif events:
        rows = [(e.number, e.at, e.actor, e.event, e.subject, e.detail) for e in events]
        table(("number", "when", "who", "what", "about", "detail"), rows, right=(0,))
    else:
        typer.echo("no event")
    if not events:
        raise typer.Exit(NEGATIVE)


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="An exported file; without one the log itself is verified."),
    ] = None,
    *,
    keys: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Verify the file alone, by the public keys of this folder."),
    ] = None,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """Whether the log is as it was written, from its first event to its last; of a file also, that the log goes on
    from it. Exits 1 if not.
    """
    from greenlang.registry.audit import AuditLog
    from greenlang.registry.audit_export import look

    if file is not None and keys is not None:
        export = look(file, keys=keys)
        show_findings(export.findings, json=json, good=_whole(export))
        return
    with governed(context, tenant) as registry:
        if file is None:
            seen = AuditLog(registry).verify()
            good = f"{seen.events} events of {seen.tenant} as they were written, the last is {seen.last} {seen.digest}"
            show_findings(seen.findings, json=json, good=good)
            return
        export = look(file, keys=registry.signer.folder)
        log = AuditLog(registry.as_caller(replace(registry.caller, tenant=export.tenant)))
        show_findings([*export.findings, *log.continues(export)], json=json, good=f"{_whole(export)}; the log goes on")


def _whole(export: Exported) -> str:
    return f"events {export.first} to {export.last} of {export.tenant} as they were written"


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The Parquet file to write; it must not be there yet.")],
    *,
    tenant: TenantOption = None,
    start: Start = None,
    end: End = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """The log, or a part of it, as a signed Parquet file that verifies by itself. The log is verified on the way."""
    from greenlang.registry.audit import AuditLog

    with governed(context, tenant) as registry:
        done = AuditLog(registry).export(file, since=moment(start), until=moment(end), dry_run=dry_run)
    if json:
        told = {"tenant": done.tenant, "first": done.first, "last": done.last, "events": done.events}
        as_json({**told, "file": str(file), "sha256": done.digest, "written": not dry_run})
    else:
        would = "would hold" if dry_run else "holds"
        typer.echo(f"{file} {would} the events {done.first} to {done.last} of {done.tenant} ({done.events})")


@app.command()
def prune(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--export", exists=True, dir_okay=False, help="An export that holds them.")],
    *,
    tenant: TenantOption = None,
    days: Annotated[int, typer.Option(help="Remove what is older; 2,555 or more.")] = 2555,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Remove events that are past their retention and were exported; a signed anchor stays, and the rest verifies.

    On PostgreSQL by the role in GREENLANG_REGISTRY_ADMIN_URL, which owns the tables.
    """
    from greenlang.registry.audit import AuditLog

    with governed(context, tenant, owner=True) as registry:
        done = AuditLog(registry).prune(file, days=days, dry_run=dry_run)
    if json:
        told = {"tenant": done.tenant, "events": done.events, "until": done.until, "older_than": done.older_than}
        as_json({**told, "removed": not dry_run})
    elif done.events:
        would = "would be removed" if dry_run else "removed"
        typer.echo(f"{done.events} events of {done.tenant}, up to number {done.until}, {would}")
    else:
        typer.echo(f"no event of {done.tenant} is older than {done.older_than:%Y-%m-%d}")
