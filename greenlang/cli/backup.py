"""`greenlang backup`, `greenlang restore`: everything of the factory in one file, and a factory of it again.

Belongs here: the commands. Does not belong here: what they do (`greenlang.backup`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from greenlang.cli.app import NEGATIVE, built_settings, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, progress_bar, table
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from pydantic import SecretStr


class _Group(TyperGroup):
    """`backup FILE` is short for `backup create FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The name of the command where it was left out."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["create", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group, help="Everything of the factory in one file that verifies by itself.", no_args_is_help=True
)

PASSPHRASE = "GREENLANG_BACKUP_PASSPHRASE"  # noqa: S105 - the name of a variable
Address = Annotated[str, typer.Argument(metavar="FILE", help="A file, or an object: s3://, gs://, az://.")]
Key = Annotated[
    Path | None,
    typer.Option("--key", exists=True, dir_okay=False, help="Public key in PEM that the backup must be signed by."),
]


@app.command("create")
def create(
    context: typer.Context,
    file: Address,
    *,
    keys: Annotated[
        bool,
        typer.Option("--keys", help=f"Private keys too, encrypted by the passphrase in {PASSPHRASE} or its _FILE."),
    ] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Caches too, which are computed again without it.")] = False,
    dagster: Annotated[
        bool, typer.Option("--dagster/--no-dagster", help="Dagster's database too, where it is PostgreSQL.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Back up bucket, packs, reports, tables, factors, registry of all tenants; while the factory works."""
    from greenlang.backup.make import backup

    found = built_settings(context)
    secret = passphrase() if keys else None
    if keys and secret is None:
        raise SettingsError(
            f"private keys are encrypted: set {PASSPHRASE}, or {PASSPHRASE}_FILE to a file that holds it"
        )
    with progress_bar("backing up", hidden=json) as told:
        made = backup(found, file, passphrase=secret, cache=cache, dagster=dagster, told=told)
    if json:
        as_json({name: getattr(made, name) for name in made.__slots__})
        return
    signed = f"signed by {made.key_id[:16]}" if made.key_id else "not signed: this factory has no key yet"
    typer.echo(
        f"{made.address}: {made.files:,} files, {made.bytes:,} bytes, {made.rows:,} rows of the registry, {signed}"
    )
    table(("not in it", "why"), sorted(made.left_out.items()))


@app.command()
def verify(file: Address, *, key: Key = None, json: AsJson = False) -> None:
    """Read a backup to its end and compare every member. Exits 1, naming the member, if it is not as it was made."""
    from greenlang.backup.reader import verify as read

    seen = read(file, key)
    told = seen.manifest
    if json:
        as_json({"address": file, "signed_by": seen.signed_by, "manifest": told})
        return
    registry = told["registry"]
    facts(
        [
            ("backup of", told["at"]),
            ("greenlang", told["greenlang"]),
            ("files", told["files"]["count"]),
            ("bytes", told["files"]["bytes"]),
            ("registry", f"{registry['revision']}, {sum(registry['rows'].values())} rows" if registry else ""),
            ("tenants", registry["tenants"] if registry else ""),
            ("signed by", seen.signed_by or "nobody"),
        ]
    )
    typer.echo("whole, and as it was made" + ("" if key else "; --key says whether by whom it should be"))


def restore(
    context: typer.Context,
    file: Address,
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="VAR", file_okay=False, help="The folder; default: the setting var."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move what stands there aside, to VAR/.before-<moment>.")
    ] = False,
    bucket: Annotated[
        Literal["refuse", "keep", "overwrite"],
        typer.Option("--bucket", help="What becomes of a bucket outside of VAR that is not empty."),
    ] = "refuse",
    key: Key = None,
    json: AsJson = False,
) -> None:
    """Make a factory of a backup again, and prove it: digests, certificates, signatures, the audit log. Exits 1 if
    something does not hold.

    The registry goes where the settings say, on PostgreSQL into an empty database; a revision that is older is brought
    to the newest.
    """
    from greenlang.backup.restore import Filled
    from greenlang.backup.restore import restore as made
    from greenlang.settings import Settings

    found = Settings(var=into) if into is not None else settings(context)
    done = made(found, file, replace=replace, bucket=Filled(bucket), passphrase=passphrase(), key=key)
    manifest = done.backup.manifest
    rows = sum(manifest["registry"]["rows"].values()) if manifest["registry"] else 0
    if json:
        told = {"var": str(done.var), "files": manifest["files"]["count"], "rows": rows, "packs": done.packs}
        told |= {"events": done.events, "moved": str(done.moved or ""), "findings": done.findings}
        as_json({**told, "remarks": done.remarks, "signed_by": done.backup.signed_by})
    else:
        typer.echo(f"{done.var}: {manifest['files']['count']:,} files and {rows:,} rows as of {manifest['at']}")
        if done.moved is not None:
            typer.echo(f"what stood there is in {done.moved}")
        for remark in done.remarks:
            typer.echo(remark)
        for finding in done.findings:
            typer.echo(finding)
        if not done.findings:
            typer.echo(
                f"{done.packs:,} packs as they were certified, {done.events:,} events of the log as they were written"
            )
    if done.findings:
        raise typer.Exit(NEGATIVE)


def passphrase() -> SecretStr | None:
    """The passphrase of private keys: from the environment, or from the file that it names. Raises SettingsError."""
    from greenlang.settings import secret

    return secret(PASSPHRASE, os.environ)
