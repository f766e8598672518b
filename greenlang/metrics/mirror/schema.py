"""The mirror's database: its address, its schema there, and bringing its tables to another revision.

Belongs here: connecting, revisions. Does not belong here: what a revision changes (`migrations`), rows (`fill`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from greenlang.errors import MirrorError, SettingsError
from greenlang.masking import without_secrets
from greenlang.settings import Settings
from greenlang.sql import quoted

MIGRATIONS = Path(__file__).parent / "migrations"
REVISION = "0001"
_VERSIONS = "mirror_revision"


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """A connection whose unqualified names are those of the mirror's schema; no transaction is open.

    Raises SettingsError for an address that cannot be used, MirrorError where the database fails.
    """
    if not settings.mirror_url:
        raise SettingsError("no mirror is set up: GREENLANG_MIRROR_URL names its PostgreSQL database")
    try:
        engine = create_engine(settings.mirror_url, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):  # they may repeat the address
        raise SettingsError("GREENLANG_MIRROR_URL cannot be used: it is no SQLAlchemy URL") from None
    if engine.dialect.name != "postgresql" or engine.dialect.driver != "psycopg2":
        raise SettingsError("GREENLANG_MIRROR_URL has to be a PostgreSQL database: postgresql+psycopg2://...")
    failed: type[Exception] = engine.dialect.loaded_dbapi.Error
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SET search_path TO {quoted(settings.mirror_schema)}"))
            connection.commit()
            yield connection
    except (DBAPIError, failed) as error:
        shown = without_secrets(make_url(settings.mirror_url).render_as_string(hide_password=True))
        said = str(getattr(error, "orig", error)).strip().splitlines()
        raise MirrorError(f"the mirror {shown} cannot be used: {said[0] if said else error}") from error
    finally:
        engine.dispose()


def current(settings: Settings) -> str | None:
    """The revision of the mirror's tables; None where there are none."""
    with connected(settings) as connection:
        return revision(connection, settings.mirror_schema)


def revision(connection: Connection, schema: str) -> str | None:
    """The same over a connection of `connected`."""
    if not inspect(connection).has_table(_VERSIONS, schema=schema):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar_one_or_none()  # noqa: S608
    return found


def upgrade(settings: Settings) -> str:
    """Bring the mirror to the newest revision, which is returned, whole or not at all; an empty database gets it."""
    with connected(settings) as connection:
        upgrade_in(connection, settings.mirror_schema)
    return REVISION


def upgrade_in(connection: Connection, schema: str) -> None:
    """The same over a connection of `connected`. Raises SettingsError for a mirror of a newer greenlang."""
    found = revision(connection, schema)
    connection.rollback()
    if found == REVISION:
        return
    if found is not None and found > REVISION:
        raise SettingsError(
            f"the mirror has tables of the revision {found}, this greenlang knows {REVISION}: upgrade greenlang, or "
            "name another schema by GREENLANG_MIRROR_SCHEMA"
        )
    with connection.begin():
        if not inspect(connection).has_schema(schema):  # one who owns a schema need not be allowed to make another
            connection.execute(text(f"CREATE SCHEMA {quoted(schema)}"))
        _alembic(connection, schema, "upgrade", "head")


def downgrade(settings: Settings, to: str) -> None:
    """Bring the mirror back to an older revision; ``base`` is an empty schema."""
    with connected(settings) as connection, connection.begin():
        _alembic(connection, settings.mirror_schema, "downgrade", to)


def _alembic(connection: Connection, schema: str, way: str, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, schema=schema)
    getattr(command, way)(config, to)
