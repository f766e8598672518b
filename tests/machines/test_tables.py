"""Tables through the store: each row once, whatever was merged where, and one factory a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import ExchangeError, SettingsError
from greenlang.exchange import tables
from greenlang.exchange.store import Store
from greenlang.metrics import MetricsStore, query
from greenlang.metrics.parts import parts_of
from greenlang.settings import Settings
from tests.bucket.conftest import s3, s3_server  # noqa: F401 - fixtures
from tests.metrics.conftest import outcome, run_info


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture(params=["folder", "s3"])
def any_store(request: pytest.FixtureRequest, store: Store) -> Store:
    """Each test that asks for this runs once on a folder and once on S3."""
    return store if request.param == "folder" else Store(request.getfixturevalue("s3").address)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "home")


@pytest.fixture
def reader(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "reader")


def build(home: Settings, *agents: str, run: str = "run-1") -> None:
    for agent in agents:
        MetricsStore(home).write([outcome(agent)], run_info(run))


def rows(settings: Settings) -> list[tuple[Any, ...]]:
    """Agents, tests and runs as a reader counts them."""
    counted = "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM tests), (SELECT count(*) FROM history)"
    return query(settings, counted).rows


def parts(settings: Settings) -> dict[str, set[str]]:
    return {folder.name: {p.name for p in parts_of(folder)} for folder in settings.tables.iterdir() if folder.is_dir()}


def test_a_name_is_claimed_once(any_store: Store) -> None:
    store = any_store
    assert store.claim("a/b", b"one")
    assert not store.claim("a/b", b"two")
    assert store.read("a/b") == b"one"
    assert store.names("a") == {"b": 3}
    store.delete(["a/b", "a/never"])
    assert not store.exists("a/b")
    with pytest.raises(FileNotFoundError):
        store.read("a/b")


def test_an_address_that_cannot_be_reached_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExchangeError):
        Store(str(tmp_path / "file" / "store"))
    with pytest.raises(ExchangeError):
        Store("ftp://example.org/x")


def test_a_reader_sees_what_home_has_published(store: Store, home: Settings, reader: Settings) -> None:
    build(home, "heat/a", "heat/b")
    tables.publish(store, home)
    assert tables.mirror(store, reader).written > 0
    assert rows(reader) == [(2, 4, 2)] == rows(home)
    assert tables.mirror(store, reader) == tables.Moved(0, 0)
    assert tables.publish(store, home) == tables.Moved(0, 0)
    build(home, "heat/c", run="run-2")
    assert rows(reader) == [(2, 4, 2)]
    tables.publish(store, home)
    tables.mirror(store, reader)
    assert rows(reader) == [(3, 6, 3)]


def test_merged_parts_neither_come_back_nor_count_twice(
    any_store: Store, home: Settings, reader: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = any_store
    build(home, "heat/a", "heat/b")
    tables.publish(store, home)
    tables.mirror(store, reader)
    before = parts(home)
    assert MetricsStore(home).compact(grace=300, at_least=2) > 0
    tables.publish(store, home)
    there = set(store.names("tables/outcomes"))
    assert len(there) == 1
    assert not there & before["outcomes"], "the merged part alone"
    # What is read from at home and at the reader stays for a while: each row counts once all the same.
    assert parts(home)["outcomes"] == before["outcomes"] | there
    assert tables.mirror(store, reader).removed == 0
    assert parts(reader)["outcomes"] == before["outcomes"] | there
    assert rows(reader) == [(2, 4, 2)]
    monkeypatch.setattr(tables, "_GRACE", 0.0)
    assert tables.mirror(store, reader).removed > 0
    assert parts(reader)["outcomes"] == there
    assert rows(reader) == [(2, 4, 2)]
    # Merged again, and what was merged first is gone at home: nothing of the store comes back to anybody.
    build(home, "heat/c")
    assert MetricsStore(home).compact(grace=0, at_least=2) > 0
    MetricsStore(home).compact(grace=0, at_least=99)
    tables.publish(store, home)
    tables.mirror(store, reader)
    assert parts(reader)["outcomes"] == parts(home)["outcomes"] == set(store.names("tables/outcomes"))
    assert rows(reader) == [(3, 6, 3)]


def test_a_part_that_home_merges_while_it_is_read_is_no_hole(
    store: Store, home: Settings, reader: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(home, "heat/a", "heat/b")
    tables.publish(store, home)
    read, merged = Store.read, []

    def late(self: Store, name: str) -> bytes:
        if name.startswith("tables/") and not merged:
            merged.append(MetricsStore(home).compact(grace=0, at_least=2))
            tables.publish(Store(store.address), home)
        return read(self, name)

    monkeypatch.setattr(Store, "read", late)
    tables.mirror(store, reader)
    assert merged
    assert rows(reader) == [(2, 4, 2)]


def test_a_store_is_of_one_factory_and_a_mirror_of_none(store: Store, home: Settings, reader: Settings) -> None:
    with pytest.raises(ExchangeError, match="holds no tables"):
        tables.mirror(store, reader)
    build(home, "heat/a")
    tables.publish(store, home)
    with pytest.raises(SettingsError, match="of its own"):
        tables.mirror(store, home)
    other = Settings(var=home.var.parent / "other")
    build(other, "heat/b")
    with pytest.raises(ExchangeError, match="another factory"):
        tables.publish(store, other)
    assert len(store.names("tables/outcomes")) == 1


def test_the_commands_bring_tables_from_home_to_a_reader(
    tmp_path: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_STORE", str(tmp_path / "store"))
    build(home, "heat/a")

    def call(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(word) for word in arguments])
        return done.exit_code, done.output

    reader = tmp_path / "reader"
    assert call("--var", reader, "factory", "pull")[0] == 3, "nobody has published"
    assert call("--var", home.var, "factory", "push")[0] == 0
    assert call("--var", reader, "factory", "pull")[0] == 0
    code, shown = call("--var", reader, "query", "select agent_id from agents", "--csv")
    assert (code, shown.split()) == (0, ["agent_id", "heat/a"])
    code, shown = call("--var", home.var, "factory", "pull")
    assert code == 2
    assert "of its own" in shown
    assert call("--var", home.var, "factory", "push", "--packs")[0] == 2, "its row names a pack that is not there"
