"""Dagster's database, where it is PostgreSQL: by PostgreSQL's own `pg_dump` and `pg_restore`.

It is saved before the registry's rows are read: what the restored registry knows and Dagster does not, the next batch
tells it. Where the two programs are not on the PATH, the database is named as left out.

Belongs here: calling the two. Does not belong here: the registry's rows (`rows`), an instance in SQLite, which is files
of ``var`` (`contents`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from greenlang.backup.archive import Read, spooled
from greenlang.errors import BackupError, SettingsError
from greenlang.masking import without_secrets
from greenlang.settings import secret
from greenlang.sql import said

ADDRESS = "DAGSTER_PG_URL"
MEMBER = "dagster/database.dump"
_CLIENT = "PostgreSQL's client programs (Debian: postgresql-client), no older than the server"


@dataclass(frozen=True, slots=True)
class Instance:
    """Dagster's database, as libpq is told of it: the password in the environment, where `ps` does not show it."""

    url: URL

    @classmethod
    def here(cls) -> Instance | None:
        """That of ``DAGSTER_PG_URL`` or its ``_FILE``; None where neither is set. Raises SettingsError."""
        address = secret(ADDRESS, os.environ)
        return None if address is None else cls(_url(address))

    def run(self, *command: str, out: IO[bytes] | None = None) -> str:
        """Run one of the programs on the database; what it says is wrong, "" if nothing is."""
        bare = self.url._replace(drivername="postgresql", password=None).render_as_string()
        environment = os.environ | ({"PGPASSWORD": str(self.url.password)} if self.url.password else {})
        try:
            done = subprocess.run(
                [*command, f"--dbname={bare}"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out or subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
        except OSError as error:
            return f"{command[0]} cannot be started: {error.strerror}"
        if done.returncode == 0:
            return ""
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        return without_secrets(lines[0] if lines else f"{command[0]} ended with {done.returncode}")

    def runs(self) -> int:
        """How many runs it holds; 0 where Dagster has not made its tables yet. Raises SQLAlchemyError."""
        from greenlang.registry.schema import engine_for

        engine = engine_for(self.url.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table("runs"):
                    return 0
                return int(connection.execute(text("SELECT count(*) FROM runs")).scalar_one())
        finally:
            engine.dispose()


def dump(add: Callable[[Read], None]) -> str:
    """Add the database to a backup; why it is not, "" where it is or where the instance is no PostgreSQL.

    Raises BackupError where `pg_dump` fails.
    """
    instance = Instance.here()
    if instance is None:
        return ""
    program = shutil.which("pg_dump")
    if program is None:
        return f"pg_dump is not on the PATH: install {_CLIENT}, or save it yourself (docs/backup.md)"
    with tempfile.TemporaryFile() as file:
        wrong = instance.run(program, "--format=custom", "--no-owner", "--no-privileges", out=cast(IO[bytes], file))
        if wrong:
            raise BackupError(f"Dagster's database was not saved: {wrong}; --no-dagster backs up all else")
        file.seek(0)
        add(spooled(MEMBER, cast(IO[bytes], file), mode=0o600))
    return ""


def left_out() -> str:
    """Why it is not in a backup that was asked to do without it."""
    return "" if Instance.here() is None else "it was not asked for"


def load(file: Path) -> str:
    """Restore a saved database into the one of ``DAGSTER_PG_URL``; why not, "" if it stands there.

    One with runs in it stays as it is. All of it is restored, or nothing.
    """
    try:
        instance = Instance.here()
        if instance is None:
            return f"{ADDRESS} is not set"
        program = shutil.which("pg_restore")
        if program is None:
            return f"pg_restore is not on the PATH: install {_CLIENT}"
        if held := instance.runs():
            return f"the database of {ADDRESS} holds {held:,} runs already"
        return instance.run(
            program,
            "--clean",
            "--if-exists",
            "--no-owner",
            "--no-privileges",
            "--single-transaction",
            str(file),
        )
    except (SettingsError, SQLAlchemyError) as error:
        return without_secrets(said(error))


def _url(address: SecretStr) -> URL:
    try:
        return make_url(address.get_secret_value())
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"{ADDRESS} is no address of a PostgreSQL") from error
