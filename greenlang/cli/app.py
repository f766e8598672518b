"""What every command shares: exit codes, settings, errors in one line.

Belongs here: the frame around commands. Does not belong here: commands, tables (`greenlang.cli.show`).
"""

from __future__ import annotations

import os
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from greenlang.errors import (
    BackupBroken,
    CatalogueError,
    DiscoveryError,
    GreenlangError,
    LifecycleError,
    PackError,
    PolicyError,
    QueryError,
    QuotaExceeded,
    ReferenceInvalid,
    RegistryConflict,
    RemoteRefused,
    ReportError,
    SettingsError,
    TemplateError,
    VersionConflict,
)

if TYPE_CHECKING:
    from greenlang.settings import Settings

DONE = 0
NEGATIVE = 1  # a finding, nothing found: the answer is no
USAGE = 2  # the command or a setting was used wrongly
INFRASTRUCTURE = 3  # something outside the command failed
_WRONG_USE = (
    CatalogueError,
    DiscoveryError,
    LifecycleError,
    PackError,
    PolicyError,
    QueryError,
    ReferenceInvalid,
    ReportError,
    SettingsError,
    TemplateError,
)


def exit_code(error: GreenlangError) -> int:
    """The exit code for an error of ours."""
    if isinstance(error, RemoteRefused):
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:  # a quota says no; a limit of requests passes by itself
            return NEGATIVE if str(error.problem.get("type", "")).endswith(":quota-exceeded") else INFRASTRUCTURE
        return NEGATIVE if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT} else USAGE
    # no such factor, or none that the selection rule takes
    if isinstance(error, (LookupError, BackupBroken, QuotaExceeded, RegistryConflict, VersionConflict)):
        return NEGATIVE
    return USAGE if isinstance(error, _WRONG_USE) else INFRASTRUCTURE


class Group(TyperGroup):
    """The top group: an error of ours becomes one message and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            if ctx.params.get("_server"):
                from greenlang.cli.remote import take_over

                take_over(self)
            return super().invoke(ctx)
        except GreenlangError as error:
            typer.echo(f"greenlang: {error}", err=True)
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError as error:  # `greenlang query ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(DONE) from error
        except OSError as error:
            typer.echo(f"greenlang: {error}", err=True)
            raise typer.Exit(INFRASTRUCTURE) from error


def settings(context: typer.Context) -> Settings:
    """The settings from the environment, with ``--var`` over it."""
    from pydantic import ValidationError

    from greenlang.masking import without_secrets
    from greenlang.settings import Settings

    try:
        return Settings(var=context.obj) if context.obj is not None else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "GREENLANG_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name} is {without_secrets(repr(first['input']))}: {first['msg']}") from error


def built_settings(context: typer.Context) -> Settings:
    """The same, for commands that only read: refuses a folder that does not exist instead of making one."""
    found = settings(context)
    if not found.var.is_dir():
        raise SettingsError(
            f"nothing has been built in {found.var} yet: run `greenlang demo`, or name a folder by --var"
        )
    return found


def not_found(message: str) -> typer.Exit:
    """Say that there is no such thing; raise what this returns."""
    typer.echo(f"greenlang: {message}", err=True)
    return typer.Exit(NEGATIVE)


def version_asked(asked: bool) -> None:
    """``--version``."""
    if asked:
        from greenlang import __version__

        typer.echo(f"greenlang {__version__}")
        raise typer.Exit
