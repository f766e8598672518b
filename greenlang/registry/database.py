"""The registry's database: opened at the first use, with its tables, and always as some tenant.

Belongs here: connections, transactions, whether the tables are there. Does not belong here: what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
    TimeoutError,
)

from greenlang.errors import GreenlangError, SettingsError
from greenlang.registry import definition
from greenlang.registry.caller import DEFAULT_TENANT, Caller
from greenlang.registry.schema import WRITE, engine_for


class RegistryError(GreenlangError, OSError):
    """The registry's database cannot be reached, read or written."""


class Database:
    """The database behind an SQLAlchemy URL. Opens at the first use, makes its tables, survives a fork.

    Any number of processes may use one SQLite file: writers wait for each other, readers for nobody.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._pid = 0

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        if self._engine is not None:
            self._engine.dispose(close=self._pid == os.getpid())
            self._engine = None

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite: one machine, one tenant."""
        return self.url.startswith("sqlite")

    @contextmanager
    def transaction(self, caller: Caller, *, write: bool = False) -> Iterator[Connection]:
        """A connection that reads and writes as the caller's tenant; what is written counts when the block ends well.

        Raises RegistryError where the database fails, SettingsError where it is not for that tenant, and lets
        `sqlalchemy.exc.IntegrityError` through: that another was first is for whoever writes to handle.
        """
        if self.embedded and caller.tenant != DEFAULT_TENANT:
            raise SettingsError(
                f"the tenant {caller.tenant!r} needs a registry on PostgreSQL: one in an SQLite file has the tenant "
                f"{DEFAULT_TENANT!r} alone; name another by GREENLANG_REGISTRY_URL"
            )
        try:
            engine = self._open()
            with engine.connect().execution_options(**{WRITE: write}) as connection, connection.begin():
                if not self.embedded:
                    connection.execute(_AS_TENANT, {"tenant": caller.tenant})
                yield connection
        except IntegrityError:
            raise
        except (DBAPIError, TimeoutError) as error:
            raise _unavailable(self.url, error) from error

    def _open(self) -> Engine:
        if self._engine is not None and self._pid == os.getpid():
            return self._engine
        if self._engine is not None:  # forked: the parent's connections are not ours to use or close
            self._engine.dispose(close=False)
        try:
            engine = engine_for(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise SettingsError(f"GREENLANG_REGISTRY_URL cannot be used: {error}") from error
        try:
            _ready(engine, self.url)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._pid = engine, os.getpid()
        return engine


_AS_TENANT = text("SELECT set_config('greenlang.tenant', :tenant, true)")


def _ready(engine: Engine, url: str) -> None:
    """Make the tables of an empty database. Raises SettingsError for tables of another greenlang."""
    with engine.connect() as connection, connection.begin():
        found = _revision(connection)
    if found == definition.REVISION:
        return
    if found is None:
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            if _revision(connection) is None:
                definition.create(connection)
        return
    raise SettingsError(
        f"the registry {shown(url)} has tables of the revision {found}, this greenlang knows {definition.REVISION}: "
        "upgrade greenlang, or name another registry by GREENLANG_REGISTRY_URL"
    )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(definition.REVISIONS.name):
        return None
    return connection.execute(definition.REVISIONS.select()).scalar_one_or_none()


def shown(url: str) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _unavailable(url: str, error: SQLAlchemyError) -> RegistryError:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return RegistryError(f"the registry {shown(url)} cannot be used: {said[0] if said else error}")
