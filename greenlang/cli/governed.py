"""What the commands about tenants, keys and the audit log share.

Whoever runs them reaches the database itself: they ask for no role. Who that was goes into the log as the name of the
operating system's user.

Belongs here: opening the registry for a tenant, moments, findings. Does not belong here: commands.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, built_settings, settings
from greenlang.cli.show import as_json, table
from greenlang.errors import SettingsError

if TYPE_CHECKING:
    from greenlang.client import Document
    from greenlang.registry import Registry

TenantOption = Annotated[str | None, typer.Option("--tenant", help="Whose (GREENLANG_TENANT).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the log.")]


@contextmanager
def governed(
    context: typer.Context, tenant: str | None, *, write: bool = False, owner: bool = False
) -> Iterator[Registry]:
    """The registry that the settings name, for a tenant; ``owner``: by the role that owns its tables."""
    from greenlang.registry import Caller, Registry
    from greenlang.registry.database import Database

    found = settings(context)
    if found.registry_url is None and not write:
        found = built_settings(context)
    url = (found.registry_admin_url if owner else None) or found.registry
    caller = Caller(tenant or found.tenant, f"cli/{_user()}")
    with Registry(url, caller=caller, keys=found.keys, database=Database(url, owner=owner)) as registry:
        yield registry


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return "unknown"


def moment(text: str | None) -> datetime | None:
    """A day or a moment in ISO 8601, in UTC where no zone is said."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{text!r} is no moment: write 2026-11-01 or 2026-11-01T12:30:00+01:00") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def show_findings(findings: Sequence[Document], *, json: bool, good: str) -> None:
    """Print findings, or ``good`` where there are none. Exits 1 where one is an error."""
    if json:
        as_json(findings)
    elif findings:
        rows = [tuple(one[name] for name in ("severity", "rule", "message", "mend")) for one in findings]
        table(("", "rule", "what", "mend"), rows)
    else:
        typer.echo(good)
    if any(one["severity"] == "error" for one in findings):
        raise typer.Exit(NEGATIVE)
