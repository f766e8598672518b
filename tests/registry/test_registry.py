"""What is registered stays; what is asked is found; nothing is half."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from greenlang.errors import RegistryConflict, SettingsError
from greenlang.registry import Caller, Port, Registry, RegistryEntry, RegistryError
from greenlang.registry.definition import REVISION
from greenlang.registry.entry import version_key
from greenlang.registry.schema import engine_for


def entry(agent_id: str = "heat/boiler", version: str = "1.0.0", **changes: Any) -> RegistryEntry:
    values: dict[str, Any] = {
        "spec_digest": "a" * 64,
        "pack_digest": "b" * 64,
        "certificate_digest": "c" * 64,
        "name": "Boiler emissions",
        "summary": "CO2e of a natural gas boiler",
        "domain": agent_id.split("/", maxsplit=1)[0],
        "tags": ("Scope1", "combustion"),
        "inputs": (Port("fuel", "string", "1", "what is burnt"), Port("energy", "float64", "kWh")),
        "outputs": (Port("co2e_kg", "float64", "kgCO2e", "total"), Port("label", "string")),
        "score": 91.5,
        "coverage": 98.25,
        "tests_passed": 12,
        "tests_total": 12,
        "factor_release": "embedded-1.0.0",
        "pack": "packs/heat.boiler@1.0.0-aaaaaaaa",
    }
    return RegistryEntry(agent_id=agent_id, version=version, **{**values, **changes})


def test_an_entry_comes_back_as_it_went_in(registry: Registry) -> None:
    before = datetime.now(UTC)
    assert registry.register(entry()) == "created"
    found = registry.get("heat/boiler", "1.0.0")
    assert found.created_at is not None
    assert found.built_at is not None
    assert before <= found.created_at == found.built_at <= datetime.now(UTC)
    assert replace(found, created_at=None, built_at=None, tenant="") == entry()
    assert found.state == "draft"
    assert found.capabilities == ("co2e_kg", "combustion", "label", "scope1")
    assert found.units == ("kgCO2e",)


def test_registering_the_same_build_again_changes_nothing(registry: Registry) -> None:
    registry.register(entry())
    first = registry.get("heat/boiler", "1.0.0")
    assert registry.register(entry()) == "exists"
    assert registry.get("heat/boiler", "1.0.0") == first
    assert registry.count() == 1
    assert len(registry.builds("heat/boiler", "1.0.0")) == 1


def test_another_spec_under_the_same_version_is_refused_naming_both(registry: Registry) -> None:
    registry.register(entry())
    with pytest.raises(RegistryConflict) as caught:
        registry.register(entry(spec_digest="f" * 64, pack_digest="9" * 64, name="Other"))
    assert "a" * 64 in str(caught.value)
    assert "f" * 64 in str(caught.value)
    assert "new version" in str(caught.value)
    assert registry.get("heat/boiler", "1.0.0").name == "Boiler emissions"
    assert len(registry.builds("heat/boiler", "1.0.0")) == 1


def test_the_same_spec_with_another_release_is_a_new_build(registry: Registry) -> None:
    registry.register(entry())
    rebuilt = entry(
        pack_digest="9" * 64, factor_release="embedded-1.1.0", score=88.0, name="ignored: the spec is the same"
    )
    assert registry.register(rebuilt) == "rebuilt"
    found = registry.get("heat/boiler", "1.0.0")
    assert (found.pack_digest, found.factor_release, found.score) == ("9" * 64, "embedded-1.1.0", 88.0)
    assert found.name == "Boiler emissions"
    assert [b.pack_digest for b in registry.builds("heat/boiler", "1.0.0")] == ["9" * 64, "b" * 64]
    assert registry.register(entry()) == "rebuilt", "back to the older release: in force again, history kept"
    assert registry.get("heat/boiler", "1.0.0").pack_digest == "b" * 64
    assert [b.pack_digest for b in registry.builds("heat/boiler", "1.0.0")] == ["b" * 64, "9" * 64]
    assert registry.count() == 1


def test_entering_is_the_first_step_of_the_life(registry: Registry) -> None:
    registry.register(entry())
    registry.register(entry(pack_digest="9" * 64))
    steps = registry.transitions("heat/boiler", "1.0.0")
    assert [(s.pack_digest[0], s.before, s.after, s.reason) for s in steps] == [
        ("b", "", "draft", "registered"),
        ("9", "", "draft", "registered"),
    ]


def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    assert registry.find("heat/boiler", "1.0.0") is None
    assert registry.find("heat/boiler") is None
    registry.register(entry())
    assert registry.find("heat/boiler", "2.0.0") is None
    with pytest.raises(LookupError, match=r"heat/boiler 2\.0\.0 is not registered"):
        registry.get("heat/boiler", "2.0.0")


def test_without_a_version_the_highest_is_found(registry: Registry) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.2", "1.10.0-rc.10"):
        registry.register(entry(version=version))
    assert registry.get("heat/boiler").version == "1.10.0"
    assert [e.version for e in registry.versions("heat/boiler")] == ["1.10.0", "1.10.0-rc.10", "1.10.0-rc.2", "1.9.0"]


def test_versions_sort_by_semver_precedence() -> None:
    ordered = ["odd", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1"]
    ordered += ["1.0.0", "2.0.0"]
    shuffled = ordered[1::2] + ordered[::2]
    assert sorted(shuffled, key=version_key) == ordered


@pytest.fixture
def filled(registry: Registry) -> Registry:
    registry.register(entry())
    registry.register(
        entry("heat/pump", name="Heat pump", summary="electricity of a pump, not a boiler", tags=("scope2",))
    )
    registry.register(entry("transport/freight", name="Freight 100%", summary="t_km by lorry", tags=("scope3",)))
    return registry


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["heat/boiler", "heat/pump", "transport/freight"]),
        ({"text": "BOILER"}, ["heat/boiler", "heat/pump"]),  # the id counts more than the summary
        ({"text": "pump boiler"}, ["heat/pump"]),
        ({"text": "freight"}, ["transport/freight"]),
        ({"text": "100%"}, ["transport/freight"]),
        ({"text": "t_km"}, ["transport/freight"]),
        ({"text": "t%km"}, ["transport/freight"]),  # no wildcard: what is no letter and no digit parts words
        ({"domain": "heat"}, ["heat/boiler", "heat/pump"]),
        ({"domain": "Heat", "text": "pump"}, ["heat/pump"]),
        ({"capability": "scope3"}, ["transport/freight"]),
        ({"capability": "CO2e_kg", "domain": "transport"}, ["transport/freight"]),
        ({"capability": "co2e"}, []),
        ({"text": "'; drop table builds; --"}, []),
        ({"limit": 1}, ["heat/boiler"]),
    ],
)
def test_search(filled: Registry, asked: dict[str, Any], expected: list[str]) -> None:
    assert [e.agent_id for e in filled.search(**asked)] == expected


def test_all_and_count(filled: Registry) -> None:
    filled.register(entry(version="1.1.0"))
    assert [(e.agent_id, e.version) for e in filled.all()][:2] == [("heat/boiler", "1.1.0"), ("heat/boiler", "1.0.0")]
    assert filled.count() == 4
    assert filled.spec_digests()["heat/boiler", "1.1.0"] == "a" * 64
    assert len(filled.spec_digests()) == 4


def test_a_newer_schema_is_refused(registry: Registry, url: str, request: pytest.FixtureRequest) -> None:
    registry.register(entry())
    registry.close()
    owner = url if registry.database.embedded else request.getfixturevalue("postgres_owner_url")
    engine = engine_for(owner)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0077'"))
    engine.dispose()
    with (
        Registry(url) as again,
        pytest.raises(SettingsError, match=f"revision 0077, this greenlang knows {REVISION}: upgrade"),
    ):
        again.count()


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x/y"])
def test_a_url_that_means_nothing_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="GREENLANG_REGISTRY_URL"):
        Registry(url).count()


def test_the_key_is_read_once_for_all_callers(keys: Path, tmp_path: Path) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}", keys=keys) as registry:
        first = registry.as_caller(Caller("default", "ann")).signer.sign(b"x")
        shutil.rmtree(keys)
        assert registry.as_caller(Caller("default", "bob")).signer.sign(b"x") == first


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"this is not a database, whatever its name says" * 30)
    with pytest.raises(RegistryError, match="cannot be used: file is not a database"):
        Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}").count()


def _register_many(url: str, keys: Path, start: int, count: int) -> None:
    with Registry(url, keys=keys) as registry:
        for number in range(start, start + count):
            registry.register(entry(f"d/agent{number}"))


def _register_for_ever(url: str, keys: Path) -> None:
    _register_many(url, keys, 0, 1_000_000)


def _processes(target: Callable[..., None], *arguments: tuple[Any, ...]) -> list[Any]:
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=target, args=given) for given in arguments]
    for process in started:
        process.start()
    return started


@pytest.mark.slow
def test_several_processes_register_at_once(url: str, keys: Path) -> None:
    # the same entry from two processes, or from three, is one entry
    ranges = ((0, 40), (0, 40), (20, 40))
    writers = _processes(_register_many, *((url, keys, *numbers) for numbers in ranges))
    for writer in writers:
        writer.join(timeout=120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    with Registry(url) as registry:
        assert registry.count() == 60
        assert all(len(registry.builds(e.agent_id, e.version)) == 1 for e in registry.all())
        assert all(len(registry.transitions(e.agent_id, e.version)) == 1 for e in registry.all())


@pytest.mark.slow
def test_a_killed_process_leaves_no_half_entry(url: str, keys: Path) -> None:
    counted = 0
    for _ in range(2):
        (writer,) = _processes(_register_for_ever, (url, keys))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.05)
            with Registry(url) as registry:
                if registry.count() > counted + 20:
                    break
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(timeout=30)
        with Registry(url) as registry:
            entries = registry.all()
            assert len(entries) == registry.count() > counted
            assert all(e.capabilities and e.pack_digest and e.state == "draft" for e in entries)
            counted = len(entries)
            assert len(registry.search(capability="scope1", limit=None)) == counted


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_registry_may_be_kept_across_a_fork(registry: Registry) -> None:
    registry.register(entry())
    child = os.fork()
    if child == 0:
        os._exit(0 if registry.register(entry("d/child")) == "created" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert registry.count() == 2
