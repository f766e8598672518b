"""Bringing a registry's database to another revision of its tables.

Belongs here: upgrading, downgrading, saying where a database is. Does not belong here: what a revision changes
(`migrations`), the newest one as a whole (`definition`). Alembic takes 0.3 s to import: only what migrates does so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from greenlang.errors import RegistryError, SettingsError
from greenlang.registry import definition, isolation
from greenlang.registry.schema import WRITE, engine_for
from greenlang.sql import said

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
SEPARATOR = "\n;\n"  # between the statements of a frozen file; a trigger has semicolons of its own
FIRST = "0001"  # its tables said `schema_version` 1, Alembic came after


def current(url: str) -> str | None:
    """The revision of the database's tables; None where there are none."""
    with opened(url) as connection:
        return revision(connection)


def upgrade(url: str, app_role: str | None = None, *, keys: Path | None = None) -> str:
    """Bring the database to the newest revision, which is returned; an empty one is made. Whole or not at all.

    On PostgreSQL as the role that owns the tables; ``app_role`` is the login role that the application connects as,
    those that have their rights already keep them. ``keys``: the folder of the key that signs what is carried over;
    for an SQLite file it is ``keys`` beside it. Raises SettingsError where that cannot be, RegistryError where the
    database fails.
    """
    with opened(url) as connection:
        upgrade_in(connection, keys or keys_beside(url))
        if connection.dialect.name == "postgresql":
            for role in sorted({*isolation.granted(connection), *([app_role] if app_role else [])}):
                isolation.grant(connection, role)
    return definition.REVISION


def upgrade_in(connection: Connection, keys: Path | None) -> None:
    """The same in a transaction that is open already."""
    found = revision(connection)
    if found is None:
        definition.create(connection)
    elif found != definition.REVISION:
        from alembic import command

        config = _config(connection, keys)
        _known(config, found)
        if not inspect(connection).has_table(definition.REVISIONS.name):
            command.stamp(config, FIRST)
        command.upgrade(config, "head")


def downgrade(url: str, to: str, *, lose: bool = False) -> None:
    """Bring the database back to an older revision; what that cannot hold is lost.

    Raises SettingsError, and changes nothing, where something would be lost and ``lose`` is not said.
    """
    with opened(url) as connection:
        from alembic import command

        config = _config(connection, None)
        _known(config, revision(connection) or to)
        _known(config, to)
        config.attributes["lose"] = lose
        command.downgrade(config, to)


def revision(connection: Connection) -> str | None:
    """The revision of the tables behind this connection; None where there are none."""
    tables = inspect(connection)
    if tables.has_table(definition.REVISIONS.name):
        found: str | None = connection.execute(definition.REVISIONS.select()).scalar_one_or_none()
        return found
    return FIRST if tables.has_table("schema_version") else None


def frozen(dialect: str, number: str) -> list[str]:
    """The statements that make the tables of a revision."""
    return (MIGRATIONS / f"{number}.{dialect}.sql").read_text().strip().split(SEPARATOR)


def _config(connection: Connection, keys: Path | None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, keys=keys, lose=False)
    return config


def _known(config: Config, number: str) -> None:
    from alembic.script import ScriptDirectory

    known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    if number not in known:
        raise SettingsError(f"{number} is no revision that this greenlang knows: it knows {', '.join(sorted(known))}")


def keys_beside(url: str) -> Path | None:
    """Where the signing key of an SQLite file lies; None for a registry that is no file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database).parent / "keys"


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """A transaction that writes, and counts when the block ends well. Raises SettingsError, RegistryError."""
    try:
        engine = engine_for(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingsError(f"the address of the registry cannot be used: {error}") from error
    try:
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                version = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
                if version < isolation.OLDEST * 10_000:
                    raise SettingsError(f"the registry needs PostgreSQL {isolation.OLDEST} or newer")
            yield connection
    except DBAPIError as error:
        raise RegistryError(f"the registry cannot be migrated: {said(error)}") from error
    finally:
        engine.dispose()
