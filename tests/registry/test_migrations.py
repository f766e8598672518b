"""Tables of every revision become the newest ones and back, with what they hold, on both databases."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from greenlang.errors import SettingsError
from greenlang.provenance import bytes_digest
from greenlang.registry import Registry, RegistryError, migrate
from greenlang.registry.audit import AuditLog
from greenlang.registry.definition import REVISION
from greenlang.registry.schema import engine_for
from greenlang.signing import fits, read_public_key
from tests.registry import old
from tests.registry.postgres import APP, OWNER, Postgres
from tests.registry.test_registry import entry
from tools import freeze_registry


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, for the role that is to own them."""
    if request.param == "sqlite":
        (tmp_path / "old").mkdir()
        yield f"sqlite:///{tmp_path / 'old' / 'registry.sqlite'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name, OWNER)


def served(url: str, keys: Path) -> Registry:
    """The registry as the application opens it."""
    return Registry(url.replace(f"{OWNER}@", f"{APP}@"), keys=keys)


def app_role(url: str) -> str | None:
    return APP if url.startswith("postgresql") else None


def structure(url: str) -> dict[str, Any]:
    """Everything that a database is, but its rows."""
    engine = engine_for(url)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            found = {name: re.sub(r"\s+", " ", sql) for name, sql in rows if name != "alembic_version"}
        else:
            found = {query: sorted(map(tuple, connection.execute(text(query)))) for query in _CATALOGUE}
            tables = inspect(connection)
            for name in tables.get_table_names():
                found[name] = [tables.get_foreign_keys(name), tables.get_pk_constraint(name), tables.get_indexes(name)]
    engine.dispose()
    return found


_CATALOGUE = (
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT tablename, policyname, cmd, coalesce(qual, ''), coalesce(with_check, '') FROM pg_policies",
    "SELECT relname, relrowsecurity, relforcerowsecurity, coalesce(reloptions::text, '') FROM pg_class "
    "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'greenlang_app'",
    "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
)


def test_an_empty_database_and_a_migrated_one_are_the_same(
    empty: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    old.make(empty, empty=True)
    assert migrate.upgrade(empty, app_role(empty)) == REVISION
    if empty.startswith("postgresql"):
        new = request.getfixturevalue("postgres_owner_url")
    else:
        new = f"sqlite:///{tmp_path / 'new.sqlite'}"
        assert migrate.upgrade(new) == REVISION
    made, migrated = structure(new), structure(empty)
    assert len(made) > 10
    assert migrated == made, "run tools/freeze_registry.py, or write a new revision if this one was released"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_frozen_tables_are_those_of_today(dialect: str) -> None:
    assert migrate.frozen(dialect, REVISION) == freeze_registry.statements(dialect), "run tools/freeze_registry.py"


def test_what_stood_is_carried_over(empty: str, keys: Path) -> None:
    old.make(empty)
    migrate.upgrade(empty, app_role(empty), keys=keys)
    with served(empty, keys) as registry:
        found = registry.get("heat/boiler", "1.0.0")
        assert (found.tenant, found.state, found.tags, found.regulations) == ("default", "draft", ("Scope1",), ())
        assert found.created_at == old.BUILT
        builds = registry.builds("heat/boiler", "1.0.0")
        assert [build.pack_digest[0] for build in builds] == ["b", "9"], "in force is what came last"
        assert builds[0].certificate_digest == "3" * 64
        assert builds[0].built_at == old.BUILT + timedelta(hours=1)
        assert [entry.version for entry in registry.versions("heat/boiler")] == ["1.1.0", "1.0.0"]
        assert [entry.version for entry in registry.search(capability="co2e_kg")] == ["1.1.0"]
        assert registry.register(entry(version="1.0.0", pack_digest="b" * 64)) == "exists"
        assert registry.register(entry(version="1.0.0", pack_digest="8" * 64)) == "rebuilt", "numbers go on"


def test_carried_steps_are_signed_and_say_where_they_come_from(empty: str, keys: Path) -> None:
    old.make(empty)
    migrate.upgrade(empty, app_role(empty), keys=keys)
    public = read_public_key(keys / "signing-key.pub.pem")
    with served(empty, keys) as registry:
        steps = registry.transitions("heat/boiler", "1.0.0")
        assert [(step.pack_digest[0], step.before, step.after) for step in steps] == [
            ("b", "", "draft"),
            ("9", "", "draft"),
            ("b", "draft", "draft"),
        ]
        for step in steps:
            assert fits(public, base64.b64decode(step.signature), step.statement.encode())
            assert json.loads(step.statement)["evidence"]["carried_over"]["from"] == "0001"
        assert json.loads(steps[2].statement)["previous"] == bytes_digest(steps[0].statement.encode())
        log = AuditLog(registry)
        assert log.verify().findings == ()
        assert [event.event for event in log.query()] == ["registry.migrated"]
        registry.register(entry("d/next"))
        assert log.verify().findings == ()


def test_an_old_file_is_upgraded_when_it_is_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    old.make(url)
    with Registry(url) as registry:
        assert registry.count() == 2
    assert migrate.current(url) == REVISION
    assert (tmp_path / "keys" / "signing-key.pem").is_file()


def test_a_postgresql_is_upgraded_by_its_owner_alone(postgres: Postgres) -> None:
    with postgres.database() as name:
        with Registry(postgres.url(name)) as registry, pytest.raises(SettingsError, match=r"no tables.*--app-role"):
            registry.count()
        old.make(postgres.url(name, OWNER), empty=True)
        with pytest.raises(RegistryError, match=r"must be owner|permission denied"):
            migrate.upgrade(postgres.url(name))
        assert migrate.current(postgres.url(name, OWNER)) == "0001"
        with pytest.raises(SettingsError, match="no role 'nobody'"):
            migrate.upgrade(postgres.url(name, OWNER), "nobody")
        assert migrate.current(postgres.url(name, OWNER)) == "0001", "whole or not at all"
        migrate.upgrade(postgres.url(name, OWNER), APP)
        with Registry(postgres.url(name)) as registry:
            assert registry.count() == 0


def test_going_back_keeps_what_fits_and_asks_before_it_loses(empty: str, keys: Path) -> None:
    old.make(empty)
    before = rows(empty)
    migrate.upgrade(empty, app_role(empty), keys=keys)
    with pytest.raises(SettingsError, match=r"cannot hold 1 rows of audit_events.* 4 signatures.*--lose"):
        migrate.downgrade(empty, "0001")
    with served(empty, keys) as registry:
        assert registry.count() == 2
    migrate.downgrade(empty, "0001", lose=True)
    assert migrate.current(empty) == "0001"
    after = rows(empty)
    assert after["agent_versions"] == before["agent_versions"]
    assert after["capabilities"] == before["capabilities"]
    assert [row["pack_digest"][0] for row in after["builds"]] == ["b", "9", "d"]
    migrate.upgrade(empty, app_role(empty), keys=keys)
    with served(empty, keys) as registry:
        assert registry.get("heat/boiler").version == "1.1.0"
        assert registry.register(entry("d/next")) == "created"


def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    engine = engine_for(url)
    with engine.connect() as connection:
        found = {
            name: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {name}"))]
            for name in ("agent_versions", "capabilities", "builds")
        }
    engine.dispose()
    return found


def test_a_revision_that_nobody_knows_is_refused(empty: str) -> None:
    migrate.upgrade(empty, app_role(empty))
    with pytest.raises(SettingsError, match=r"0000 is no revision .* 0001, 0002"):
        migrate.downgrade(empty, "0000")


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    old.make(url)
    whole = migrate.frozen("sqlite", REVISION)
    monkeypatch.setattr(migrate, "frozen", lambda dialect, number: [*whole, "CREATE TABLE nonsense ("])
    with Registry(url) as registry, pytest.raises(RegistryError):
        registry.count()
    assert migrate.current(url) == "0001"
    assert len(rows(url)["builds"]) == 4


def test_opening_a_registry_does_not_import_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    with Registry(url) as registry:
        assert registry.count() == 0
    script = (
        "import sys; from greenlang.registry import Registry\n"
        f"with Registry({url!r}) as registry: registry.count()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
