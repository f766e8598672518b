"""PostgreSQL itself keeps tenants apart: asked in SQL, table by table, and no table can be forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Engine, Table, create_engine, delete, func, insert, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from greenlang.errors import SettingsError
from greenlang.registry import PUBLIC, Caller, Registry
from greenlang.registry.database import Database
from greenlang.registry.definition import APPEND_ONLY
from greenlang.registry.isolation import CHANGED, PUBLISHED
from greenlang.registry.schema import UtcDateTime
from greenlang.registry.tables import Base
from tests.registry.postgres import APP, OWNER, SUPERUSER, Postgres
from tests.registry.test_registry import entry

TABLES = Base.metadata.sorted_tables
TENANTS = ("acme", "globex", PUBLIC)
_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def row_of(table: Table, tenant: str, number: int) -> dict[str, Any]:
    """A row that names its tenant wherever it can; rows of all tables of a tenant belong together."""

    def value(name: str, kind: Any) -> Any:
        if isinstance(kind, JSON):
            return {}
        kind = datetime if isinstance(kind, UtcDateTime) else kind.python_type
        if name == "tenant":
            return tenant
        if name in ("id", "build_id") and kind is int:
            return number
        if name == "batch_id" or (name == "id" and kind is str):
            return f"{tenant}-1"
        return {str: "x", int: number, float: 1.0, bool: True, datetime: _NOW, date: _NOW.date()}[kind]

    return {column.name: value(column.name, column.type) for column in table.columns}


@pytest.fixture(scope="module")
def engine(postgres: Postgres) -> Iterator[Engine]:
    """A registry with a row of each tenant in every table, as the application reaches it."""
    with postgres.database("registry_template") as name:
        engine = create_engine(postgres.url(name))
        with engine.begin() as connection:
            for number, tenant in enumerate(TENANTS, start=1_000_000):
                become(connection, tenant)
                for table in TABLES:
                    connection.execute(insert(table).values(row_of(table, tenant, number)))
        yield engine
        engine.dispose()


def become(connection: Connection, tenant: str) -> None:
    connection.execute(text("SELECT set_config('greenlang.tenant', :tenant, true)"), {"tenant": tenant})


def tenants_seen(connection: Connection, table: Table) -> set[str]:
    return set(connection.execute(select(table.c.tenant)).scalars())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_tenant_reads_its_own_rows_and_what_is_published(engine: Engine, table: Table) -> None:
    for tenant in TENANTS:
        with engine.begin() as connection:
            become(connection, tenant)
            assert tenants_seen(connection, table) == ({tenant, PUBLIC} if table.name in PUBLISHED else {tenant})


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_who_is_no_tenant_reads_nothing_of_anybody_and_writes_nothing(engine: Engine, table: Table) -> None:
    for tenant in (None, "", "acme' OR 'a'='a", "%"):
        with engine.connect() as connection, connection.begin() as transaction:
            if tenant is not None:
                become(connection, tenant)
            assert tenants_seen(connection, table) <= ({PUBLIC} if table.name in PUBLISHED else set())
            if not tenant:
                with pytest.raises(DBAPIError, match="row-level security"):
                    connection.execute(insert(table).values(row_of(table, "", 7)))
            transaction.rollback()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_nobody_adds_a_row_of_another(engine: Engine, table: Table) -> None:
    for tenant in ("globex", PUBLIC, "nobody"):
        with engine.connect() as connection, connection.begin() as transaction:
            become(connection, "acme")
            with pytest.raises(DBAPIError, match="row-level security"):
                connection.execute(insert(table).values(row_of(table, tenant, 7)))
            transaction.rollback()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_nobody_changes_or_removes_a_row_of_another(engine: Engine, table: Table, verb: str) -> None:
    # the row of the other is named by its column, which needs no right to see it
    made = update(table).values(tenant="acme") if verb == "UPDATE" else delete(table)
    with engine.connect() as connection, connection.begin() as transaction:
        become(connection, "acme")
        if verb not in CHANGED.get(table.name, ""):
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(made.where(table.c.tenant != "acme"))
        else:
            assert connection.execute(made.where(table.c.tenant != "acme")).rowcount == 0
            with pytest.raises(DBAPIError, match="row-level security"):
                connection.execute(update(table).values(tenant="globex").where(table.c.tenant == "acme"))
        transaction.rollback()


def test_logs_are_only_added_to() -> None:
    assert not {*APPEND_ONLY} & {*CHANGED}
    assert {*CHANGED} | PUBLISHED <= {*Base.metadata.tables}


@pytest.mark.parametrize(
    "table", [table for table in TABLES if "build_id" in table.c and not table.name.startswith("usage_")]
)
def test_nobody_writes_into_the_life_of_anothers_build(engine: Engine, table: Table) -> None:
    row = {**row_of(table, "acme", 7), "build_id": 1_000_001}
    row |= {name: "another" for name in ("kind", "ref") if name in row}  # a key that is not taken
    with engine.connect() as connection, connection.begin() as transaction:
        become(connection, "acme")
        with pytest.raises(DBAPIError, match="foreign key"):
            connection.execute(insert(table).values(row))
        transaction.rollback()


def test_the_view_of_states_shows_no_more_than_its_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        become(connection, "acme")
        assert set(connection.execute(text("SELECT tenant FROM build_states")).scalars()) == {"acme", PUBLIC}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE builds DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE builds NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY read_rows ON builds",
        "CREATE POLICY more ON builds USING (true)",
        "TRUNCATE audit_events CASCADE",
        "DROP TABLE audit_events CASCADE",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET ROLE " + OWNER,
        "ALTER ROLE greenlang_app BYPASSRLS",
        "CREATE TABLE mine (tenant text)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "COPY builds TO PROGRAM 'cat'",
    ],
)
def test_the_application_cannot_take_the_walls_down(engine: Engine, statement: str) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        become(connection, "acme")
        with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
            connection.exec_driver_sql(statement)
        transaction.rollback()


def test_row_security_cannot_be_switched_off_for_a_session(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("SET LOCAL row_security = off")
        with pytest.raises(DBAPIError, match="would be affected by row-level security"):
            connection.exec_driver_sql("SELECT * FROM builds")
        transaction.rollback()


def test_the_owner_is_bound_too(postgres: Postgres, postgres_url: str, postgres_owner_url: str, keys: Path) -> None:
    with Registry(postgres_url, caller=Caller("acme"), keys=keys) as registry:
        registry.register(entry())
    owner = create_engine(postgres_owner_url)
    with owner.begin() as connection:
        assert connection.execute(select(func.count()).select_from(Base.metadata.tables["builds"])).scalar_one() == 0
    owner.dispose()


def test_a_tenant_does_not_outlive_its_transaction(postgres_url: str, keys: Path) -> None:
    # one connection for all: whatever is left on it would be seen by the next
    database = Database(postgres_url)
    with Registry(postgres_url, caller=Caller("acme"), keys=keys, database=database) as registry:
        registry.register(entry())
        with pytest.raises(RuntimeError), registry.transaction(write=True):
            raise RuntimeError
        for tenant, seen in (("globex", 0), ("acme", 1), ("globex", 0)):
            assert registry.as_caller(Caller(tenant)).count() == seen
        assert database._engine is not None
        assert database._engine.pool.checkedin() == 1  # type: ignore[attr-defined]
        with database._engine.connect() as connection:
            assert connection.execute(text("SELECT current_setting('greenlang.tenant', true)")).scalar_one() == ""
            assert connection.execute(text("SELECT count(*) FROM builds")).scalar_one() == 0


def test_threads_that_share_the_pool_stay_apart(postgres_url: str, keys: Path) -> None:
    registry = Registry(postgres_url, keys=keys)
    tenants = [f"tenant{number}" for number in range(8)]
    for tenant in tenants:
        registry.as_caller(Caller(tenant)).register(entry(f"{tenant}/agent"))
    wrong: list[str] = []

    def look(tenant: str) -> None:
        for _ in range(15):
            found = [one.agent_id for one in registry.as_caller(Caller(tenant)).all()]
            if found != [f"{tenant}/agent"]:
                wrong.append(f"{tenant} saw {found}")

    threads = [threading.Thread(target=look, args=(tenant,)) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    registry.close()


def test_a_public_agent_is_read_by_all_and_written_by_none(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, caller=Caller(PUBLIC), keys=keys) as public:
        public.register(entry())
        acme = public.as_caller(Caller("acme"))
        assert acme.get("heat/boiler").tenant == PUBLIC
        assert acme.register(entry(pack_digest="9" * 64)) == "created", "its own, beside the public one"
        assert acme.get("heat/boiler").tenant == "acme"
        assert public.get("heat/boiler").pack_digest == "b" * 64
        assert public.as_caller(Caller("globex")).get("heat/boiler").tenant == PUBLIC


@pytest.mark.parametrize("role", [SUPERUSER, "above", "may_rise"])
def test_a_role_above_the_walls_is_not_served(postgres: Postgres, postgres_database: str, role: str) -> None:
    if role != SUPERUSER and not postgres.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
        postgres.sql(f"CREATE ROLE {role} LOGIN {'BYPASSRLS' if role == 'above' else ''}")
        if role == "may_rise":
            postgres.sql(f"GRANT {SUPERUSER} TO {role}")
    for owner in (False, True):
        with pytest.raises(SettingsError, match=r"superuser or one with BYPASSRLS.*--app-role"):
            Registry("", database=Database(postgres.url(postgres_database, role), owner=owner)).count()


def test_the_owner_is_not_served_but_may_look_after_its_tables(postgres_owner_url: str) -> None:
    with pytest.raises(SettingsError, match="owns its tables"):
        Registry(postgres_owner_url).count()
    assert Registry("", database=Database(postgres_owner_url, owner=True)).count() == 0


def test_a_role_without_rights_is_told_so(postgres: Postgres, postgres_database: str) -> None:
    if not postgres.sql("SELECT 1 FROM pg_roles WHERE rolname = 'stranger'"):
        postgres.sql("CREATE ROLE stranger LOGIN")
    with pytest.raises(OSError, match="permission denied"):
        Registry(postgres.url(postgres_database, "stranger")).count()
    assert APP != "stranger"
