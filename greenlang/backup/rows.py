"""The registry's rows in a backup: every table of every tenant as of one moment, from SQLite and from PostgreSQL alike.

They are read in one transaction, on PostgreSQL REPEATABLE READ and as each tenant in turn, so that the role that the
factory connects as suffices; pg_dump needs a role above row level security, and its version is that of a server.

Belongs here: rows as JSON lines and back. Does not belong here: tables (`greenlang.registry.definition`), the archive.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import Date, DateTime, LargeBinary, MetaData, Table, func, insert, inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from greenlang.backup.archive import Read, spooled
from greenlang.errors import BackupError, SettingsError
from greenlang.registry import definition, isolation, migrate
from greenlang.registry.caller import DEFAULT_TENANT, PUBLIC
from greenlang.registry.database import shown
from greenlang.registry.schema import engine_for
from greenlang.settings import Settings
from greenlang.sql import said

FOLDER = "registry"
_CHUNK = 1000
_AS_TENANT = text("SELECT set_config('greenlang.tenant', :tenant, true)")


@dataclass(frozen=True, slots=True)
class Dumped:
    """What was read: the revision of the tables, how many rows each has, the tenants that have any."""

    revision: str
    dialect: str
    rows: dict[str, int]
    tenants: tuple[str, ...]


def dump(settings: Settings, add: Callable[[Read], None]) -> Dumped | None:
    """Hand over each table as a file of JSON lines; None where there is no registry yet.

    Raises BackupError where the database fails.
    """
    url = settings.registry
    try:
        engine = engine_for(url)
        options: dict[str, Any] = {"stream_results": True}
        if engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        known = _tenants(settings) if engine.dialect.name == "postgresql" else set()
        try:
            with engine.connect().execution_options(**options) as connection, connection.begin():
                return _dump(connection, add, known)
        finally:
            engine.dispose()
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError("GREENLANG_REGISTRY_URL cannot be used") from error
    except DBAPIError as error:
        raise BackupError(f"the registry {shown(url)} cannot be read: {said(error)}") from error


def _tenants(settings: Settings) -> set[str]:
    """Tenants that may have rows without being in `tenants`, as one that only GREENLANG_TENANT names.

    Each that has written has a head of its log. Who owns the tables may look at all of them, while nobody else does.
    """
    folder = settings.var / "tenants"
    found = {settings.tenant, *(path.name for path in (folder.iterdir() if folder.is_dir() else ()))}
    if settings.registry_admin_url is None:
        return found
    engine = engine_for(settings.registry_admin_url)
    try:
        with engine.connect() as connection:
            if inspect(connection).has_table("audit_heads"):
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
                connection.execute(text("ALTER TABLE audit_heads NO FORCE ROW LEVEL SECURITY"))
                found |= set(connection.execute(text("SELECT tenant FROM audit_heads")).scalars())
            connection.rollback()
    finally:
        engine.dispose()
    return found


def _dump(connection: Connection, add: Callable[[Read], None], known: set[str]) -> Dumped | None:
    revision = migrate.revision(connection)
    if revision is None:
        return None
    own = connection.dialect.name == "postgresql" and inspect(connection).has_table("tenants")
    tenants: tuple[str, ...] = ()
    if own:  # of other tenants a role under row level security reads nothing: it reads as each
        connection.execute(_AS_TENANT, {"tenant": DEFAULT_TENANT})
        named = connection.execute(text("SELECT tenant FROM tenants")).scalars()
        tenants = tuple(sorted({DEFAULT_TENANT, PUBLIC, *known, *named}))
    rows: dict[str, int] = {}
    having: set[str] = set()
    for table in _tables(connection):
        with tempfile.TemporaryFile() as file:
            numbers = {one: _write(connection, table, one, file) for one in tenants or (None,)}
            rows[table.name] = sum(numbers.values())
            having |= {one for one, number in numbers.items() if one and number}
            file.seek(0)
            add(spooled(f"{FOLDER}/{table.name}.jsonl", cast(IO[bytes], file)))
    return Dumped(revision, connection.dialect.name, rows, tuple(sorted(having or {DEFAULT_TENANT})))


def _tables(connection: Connection) -> list[Table]:
    """The tables, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != definition.REVISIONS.name]


def _write(connection: Connection, table: Table, tenant: str | None, file: IO[bytes]) -> int:
    asked = select(table).order_by(*table.primary_key.columns)
    if tenant is not None:
        connection.execute(_AS_TENANT, {"tenant": tenant})
        asked = asked.where(table.c.tenant == tenant)  # `public` is read by all
    number = 0
    for row in connection.execute(asked).mappings():
        line = {name: _plain(value) for name, value in row.items()}
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        number += 1
    return number


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, (bytes, memoryview)) else value


def refuse_filled(url: str) -> None:
    """Raises SettingsError where a database is not empty: restoring adds to nothing."""
    with migrate.opened(url) as connection:
        if migrate.revision(connection) is not None:
            raise SettingsError(
                f"the registry {shown(url)} has tables already: name an empty database by GREENLANG_REGISTRY_URL (and, "
                "on PostgreSQL, by GREENLANG_REGISTRY_ADMIN_URL as the role that is to own the tables)"
            )


def load(url: str, folder: Path, dumped: Dumped, *, app_role: str | None, keys: Path | None) -> None:
    """Make the tables of the revision in an empty database, fill them, bring them to the newest; whole or not at all.

    ``url``: on PostgreSQL as the role that is to own the tables. ``folder`` holds the files of `dump`, ``keys`` the
    key that signs what is carried over from an older revision. Raises SettingsError, RegistryError.
    """
    with migrate.opened(url) as connection:
        if dumped.revision == definition.REVISION:
            definition.create(connection)
        else:
            for statement in migrate.frozen(connection.dialect.name, dumped.revision):
                connection.exec_driver_sql(statement)
        for table in _tables(connection):
            _fill(connection, table, folder / f"{table.name}.jsonl")
        if dumped.revision != definition.REVISION:
            migrate.upgrade_in(connection, keys)
        if connection.dialect.name == "postgresql" and app_role:
            isolation.grant(connection, app_role)


def _fill(connection: Connection, table: Table, file: Path) -> None:
    if not file.is_file():
        return
    tenant, last, numbered = None, 0, _numbered(table)
    protected = connection.dialect.name == "postgresql" and "tenant" in table.c
    if file.stat().st_size:
        connection.execute(table.delete())  # what the making of the tables itself has written
    for rows in _chunks(file, table, sqlite=connection.dialect.name == "sqlite"):
        if protected and rows[0]["tenant"] != tenant:
            tenant = rows[0]["tenant"]
            connection.execute(_AS_TENANT, {"tenant": tenant})
        connection.execute(insert(table), rows)
        last = max([last, *(row[numbered] for row in rows)]) if numbered else 0
    if numbered and last and connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, numbered)
        connection.execute(select(func.setval(sequence, last)).where(sequence.is_not(None)))


def _numbered(table: Table) -> str:
    """The column that the database numbers by itself; empty if there is none."""
    keys = list(table.primary_key.columns)
    return keys[0].name if len(keys) == 1 and keys[0].type.python_type is int else ""


def _chunks(file: Path, table: Table, *, sqlite: bool) -> Iterator[list[dict[str, Any]]]:
    """Rows as the database takes them, each chunk of one tenant."""
    rows: list[dict[str, Any]] = []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = {name: _valued(table, name, value, sqlite) for name, value in json.loads(line).items()}
            if rows and (len(rows) >= _CHUNK or row.get("tenant") != rows[0].get("tenant")):
                yield rows
                rows = []
            rows.append(row)
    if rows:
        yield rows


def _valued(table: Table, name: str, value: Any, sqlite: bool) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, DateTime):
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=None) if sqlite else found  # UTC is what SQLite keeps without a zone
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return base64.b64decode(value) if isinstance(kind, LargeBinary) else value
