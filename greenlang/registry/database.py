"""The registry's database: opened at the first use, with its tables, and always as some tenant.

Belongs here: connections, transactions, whether the tables are there. Does not belong here: what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    TimeoutError,
)

from greenlang.errors import RegistryError, SettingsError
from greenlang.masking import without_secrets
from greenlang.registry import audit, definition, isolation, migrate
from greenlang.registry.caller import DEFAULT_TENANT, Caller
from greenlang.registry.schema import WRITE, engine_for
from greenlang.registry.together import Together
from greenlang.sql import said

STATEMENT_SECONDS = 120  # for one statement of whoever serves people, waiting for locks included; on PostgreSQL


class Database:
    """The database behind an SQLAlchemy URL. Opens at the first use, makes its tables, survives a fork.

    Any number of processes may use one SQLite file: writers wait for each other, readers for nobody. ``owner``: the
    role that owns PostgreSQL's tables is welcome; what serves people opens without. ``keys``: the folder of the key
    that signs what an older SQLite file holds, when that is brought up to date.
    """

    def __init__(self, url: str, *, owner: bool = False, keys: Path | None = None) -> None:
        self.url = url
        self._owner = owner
        self._keys = keys
        self._engine: Engine | None = None
        self._pid = 0
        self._opening = Lock()
        self.together = Together(self)
        _EVERY.add(self)

    def _forked(self) -> None:
        """What threads of the parent hold nobody gives back here."""
        self._opening = Lock()
        self.together.renew()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        if self._engine is not None:
            self._engine.dispose(close=self._pid == os.getpid())
            self._engine = None

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite: one machine, one tenant."""
        return self.url.startswith("sqlite")

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for what is none."""
        name = make_url(self.url).database if self.embedded else None
        return Path(name) if name and name != ":memory:" else None

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
            with self._begun(engine, caller.tenant, write) as connection:
                yield connection
                audit.write(connection)
                connection.commit()
        except IntegrityError:
            raise
        except (DBAPIError, TimeoutError) as error:
            raise self.told(error) from error

    def _begun(self, engine: Engine, tenant: str, write: bool) -> Connection:
        """A connection with a transaction begun as a tenant. One of the pool whose server was restarted is replaced."""
        options: dict[str, Any] = {WRITE: write, audit.EVENTS: []}
        again = False
        while True:
            connection = engine.connect().execution_options(**options)
            try:
                connection.begin()
                if not self.embedded:
                    longest = 0 if self._owner else STATEMENT_SECONDS  # an owner removes events by the million
                    connection.execute(_AS_TENANT, {"tenant": tenant, "longest": f"{longest}s"})
                return connection
            except BaseException as error:
                connection.close()
                if again or not getattr(error, "connection_invalidated", False):
                    raise
            again = True  # the pool has dropped every connection that is as old

    def told(self, error: Exception) -> Exception:
        """What an exception in a transaction is to whoever asked for it: see `transaction`."""
        if isinstance(error, IntegrityError) or not isinstance(error, (DBAPIError, TimeoutError)):
            return error
        return RegistryError(f"the registry {shown(self.url)} cannot be used: {said(error)}")

    def _open(self) -> Engine:
        if self._engine is not None and self._pid == os.getpid():
            return self._engine
        with self._opening:
            return self._opened()

    def _opened(self) -> Engine:
        if self._engine is not None and self._pid == os.getpid():  # another thread was first
            return self._engine
        if self._engine is not None:  # forked: the parent's connections are not ours to use or close
            self._engine.dispose(close=False)
        try:
            engine = engine_for(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise SettingsError(f"GREENLANG_REGISTRY_URL cannot be used: {error}") from error
        try:
            _ready(engine, self.url, owner=self._owner, keys=self._keys)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._pid = engine, os.getpid()
        return engine


_AS_TENANT = text(
    "SELECT set_config('greenlang.tenant', :tenant, true), set_config('statement_timeout', :longest, true)"
)
_EVERY: WeakSet[Database] = WeakSet()


def _forked() -> None:
    for database in _EVERY:
        database._forked()


os.register_at_fork(after_in_child=_forked)


def _ready(engine: Engine, url: str, *, owner: bool, keys: Path | None) -> None:
    """See that the tables are there and the newest; an SQLite file gets them by itself.

    Raises SettingsError for tables of another greenlang, and for a role that stands above row level security.
    """
    embedded = engine.dialect.name == "sqlite"
    with engine.connect() as connection, connection.begin():
        if not embedded:
            isolation.refuse_unbound(connection, shown(url), owner=owner)
        found = migrate.revision(connection)
    if found == definition.REVISION:
        return
    if found is not None and found > definition.REVISION:
        raise SettingsError(
            f"the registry {shown(url)} has tables of the revision {found}, this greenlang knows {definition.REVISION}"
            ": upgrade greenlang, or name another registry by GREENLANG_REGISTRY_URL"
        )
    if embedded:
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            migrate.upgrade_in(connection, keys or migrate.keys_beside(url))
        return
    stands = f"tables of the revision {found}" if found is not None else "no tables"
    raise SettingsError(
        f"the registry {shown(url)} has {stands}, this greenlang knows {definition.REVISION}: run `greenlang registry "
        "migrate --app-role NAME` with the role that owns, or is to own, the tables in GREENLANG_REGISTRY_ADMIN_URL"
    )


def shown(url: str) -> str:
    """The URL without its password."""
    return without_secrets(make_url(url).render_as_string(hide_password=True))
