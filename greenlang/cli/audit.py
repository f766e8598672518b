"""`greenlang audit`: who did what, whether the log is whole, a copy of it, removing what is past its retention."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE
from greenlang.cli.governed import DryRun, TenantOption, governed, moment, show_findings
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, server_of, tenant_there
from greenlang.cli.show import as_json, table, when
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from greenlang.client import Client, Document
    from greenlang.registry import Registry
    from greenlang.registry.audit_export import Exported

app = typer.Typer(help="The audit log: who did what, in a chain that shows every change.", no_args_is_help=True)

SHOWN = 5  # what does not fit, in the terminal

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
    from greenlang.client import governance
    from greenlang.registry.audit import AuditLog

    asked = {"event": event, "actor": actor, "subject": subject}
    since, until = moment(start), moment(end)

    def here(registry: Registry) -> list[Document]:
        found = AuditLog(registry).query(**asked, since=since, until=until, before=before, limit=limit)
        return [one.as_dict() for one in found]

    def there(client: Client) -> list[Document]:
        name, times = tenant_there(client, tenant), {"since": since, "until": until}
        call = governance.events(name, event=event, actor=actor, subject=subject, **times, limit=min(limit, 1000))
        return client.every(call, limit)

    events = ask(context, tenant, here, there)
    if json:
        as_json(events)
    elif events:
        names = ("actor", "event", "subject", "detail")
        rows = [(e["number"], when(e["at"]), *(e[name] for name in names)) for e in events]
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
    from greenlang.client import governance
    from greenlang.registry.audit import AuditLog
    from greenlang.registry.audit_export import look

    if file is not None and keys is not None:
        export = look(file, keys=keys)
        show_findings([one.as_dict() for one in export.findings], json=json, good=_whole(export))
        return
    if file is None:
        seen = ask(context, tenant, _seen, lambda client: client.send(governance.verify(tenant_there(client, tenant))))
        number = seen["last"] - seen["first"] + 1
        good = f"{number} events of {seen['tenant']} as they were written, the last is {seen['last']} {seen['digest']}"
        show_findings(seen["findings"], json=json, good=good)
        return
    with governed(context, tenant) as registry:
        export = look(file, keys=registry.signer.folder)
        log = AuditLog(registry.as_caller(replace(registry.caller, tenant=export.tenant)))
        findings = [one.as_dict() for one in (*export.findings, *log.continues(export))]
        show_findings(findings, json=json, good=f"{_whole(export)}; the log goes on")


def _seen(registry: Registry) -> Document:
    from greenlang.registry.audit import AuditLog

    seen = AuditLog(registry).verify()
    told = {name: getattr(seen, name) for name in ("tenant", "first", "last", "digest")}
    return told | {"findings": [one.as_dict() for one in seen.findings]}


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
    """The log, or a part of it, as a signed Parquet file that verifies by itself. Exits 1 if the log does not verify:
    the file holds it as it stands, marked as broken.
    """
    from greenlang.registry.audit import AuditLog

    since, until = moment(start), moment(end)

    def here(registry: Registry) -> Exported:
        return AuditLog(registry).export(file, since=since, until=until, dry_run=dry_run)

    def there(client: Client) -> Exported:
        return _fetched(client, tenant_there(client, tenant), file, since, until)

    done = ask(context, tenant, here, there)
    if json:
        told = {"tenant": done.tenant, "first": done.first, "last": done.last, "events": done.events}
        as_json({**told, "file": str(file), "sha256": done.digest, "written": not dry_run, "broken": done.broken})
    else:
        would = "would hold" if dry_run else "holds"
        typer.echo(f"{file} {would} the events {done.first} to {done.last} of {done.tenant} ({done.events})")
        for message in done.broken[:SHOWN]:
            typer.echo(f"the log does not verify: {message}", err=True)
        if server_of(context):
            typer.echo("`greenlang audit verify FILE --keys FOLDER` verifies it by the server's public keys", err=True)
    if done.broken:
        raise typer.Exit(NEGATIVE)


def _fetched(client: Client, tenant: str, file: Path, since: datetime | None, until: datetime | None) -> Exported:
    """The export of a server as a file. Its signature is for whoever has the server's public keys."""
    from greenlang.client import governance
    from greenlang.factors.storage import replace_file
    from greenlang.registry.audit_export import look

    if file.exists():
        raise SettingsError(f"{file} is there already; an export may be the only copy of its events: name another file")
    data = client.send(governance.export(tenant, since=since, until=until))
    replace_file(file, lambda target: target.write_bytes(data))
    return look(file, keys=file.parent)


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
