"""Writes that arrive together: each is told its own result, after the commit, and none takes another with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.engine import Connection

from greenlang.api.idempotency import Once, Replay
from greenlang.api.problems import Problem
from greenlang.errors import NotRegistered, QuotaExceeded, RegistryConflict, RegistryError
from greenlang.registry import Caller, Registry, audit, database
from greenlang.registry.audit import AuditLog
from greenlang.registry.discovery import health
from greenlang.registry.entering import Entering, entered
from greenlang.registry.heartbeats import Beat, beats
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.tables import IdempotencyRow
from greenlang.registry.tenants import Tenants
from greenlang.registry.usage import Report, reports
from tests.registry.postgres import Postgres
from tests.registry.test_registry import entry

SECONDS = 60


class Held:
    """While it is open nothing else of its tenant is carried out, so that what is begun inside is one batch."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._running, self._go = registry, Event(), Event()

    def __enter__(self) -> None:
        self._done = self._registry.begin(self._hold, None)
        assert self._running.wait(SECONDS)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._done.result(SECONDS)

    def _hold(self, _: Connection, items: Sequence[Any]) -> list[None]:
        self._running.set()
        assert self._go.wait(SECONDS)
        return [None] * len(items)


def _told(future: Future[Any]) -> Any:
    error = future.exception(SECONDS)
    return future.result() if error is None else error


def _record(connection: Connection, items: Sequence[tuple[Caller, str]]) -> list[str]:
    """A kind that writes an event for each; it fails at the first that is bad, having written those before."""
    for caller, item in items:
        audit.record(connection, caller, "test.written", item)
        if item == "bad":
            raise ValueError(item)
        if item == "broken":
            connection.execute(text("SELECT * FROM nowhere"))
        if item == "full":  # nothing more than what is there already
            connection.execute(text("PRAGMA max_page_count = 1"))
            row = {"tenant": "default", "actor": "", "key": "", "request": "", "headers": {}, "at": datetime.now(UTC)}
            connection.execute(insert(IdempotencyRow).values(**row, body="x" * 100_000))
        if item == "slow":
            connection.execute(text("SELECT pg_sleep(60)"))
        if item == "gone":
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    return [f"{item} of {len(items)}" for _, item in items]


def _written(registry: Registry) -> list[str]:
    log = AuditLog(registry)
    assert log.verify().findings == ()
    return [event.subject for event in reversed(log.query(event="test.written"))]


def test_what_arrives_meanwhile_is_carried_out_at_once(registry: Registry) -> None:
    with Held(registry):
        begun = [registry.begin(_record, f"n{n}") for n in range(5)]
        assert not any(one.done() for one in begun)
    assert [_told(one) for one in begun] == [f"n{n} of 5" for n in range(5)]
    assert _written(registry) == [f"n{n}" for n in range(5)]
    assert registry.write(_record, "later") == "later of 1"


def test_a_write_that_fails_takes_no_other_with_it(registry: Registry) -> None:
    with Held(registry):
        begun = {name: registry.begin(_record, name) for name in ("a", "bad", "broken", "b")}
    told = {name: _told(one) for name, one in begun.items()}
    assert (told["a"], told["b"], repr(told["bad"])) == ("a of 1", "b of 1", "ValueError('bad')")
    assert isinstance(told["broken"], RegistryError)
    assert _written(registry) == ["a", "b"], "and nothing is left of those that failed"


def test_a_write_that_was_cancelled_before_it_began_is_not_carried_out(registry: Registry) -> None:
    with Held(registry):
        first, second = registry.begin(_record, "a"), registry.begin(_record, "b")
        assert first.cancel()
    assert _told(second) == "b of 1"
    assert _written(registry) == ["b"]


def test_a_database_that_dies_in_between_has_written_nothing_and_every_write_is_told(
    postgres_url: str, keys: Path
) -> None:
    with Registry(postgres_url, keys=keys) as registry:
        with Held(registry):
            begun = [registry.begin(_record, name) for name in ("a", "gone", "b")]
        assert [type(_told(one)) for one in begun] == [RegistryError] * 3
        assert _written(registry) == []
        assert registry.write(_record, "again") == "again of 1"


def test_a_full_disk_fails_every_write_of_the_batch(tmp_path: Path) -> None:
    """SQLite undoes the whole transaction then, with what others were about to be told is written."""
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry:
        registry.register(entry())
        with Held(registry):
            begun = [registry.begin(_record, name) for name in ("a", "full")]
            begun.append(registry.begin(beats, Beat.of("heat/boiler", "i")))
        told = [_told(one) for one in begun]
        assert [type(one) for one in told] == [RegistryError] * 3, told
        assert "disk is full" in str(told[0])
        assert (_written(registry), health(registry, "heat/boiler").instances) == ([], ())
        assert registry.write(_record, "again") == "again of 1"


def test_more_than_may_wait_is_refused_at_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlang.registry.together.WAITING", 2)
    with Held(registry):
        begun = [registry.begin(_record, name) for name in ("a", "b")]
        with pytest.raises(RegistryError, match="wait for the registry"):
            registry.begin(_record, "c")
    assert [_told(one) for one in begun] == ["a of 2", "b of 2"]
    assert registry.write(_record, "d") == "d of 1"
    assert _written(registry) == ["a", "b", "d"]


def test_a_database_that_no_longer_answers_is_not_waited_for(
    postgres_url: str, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlang.registry.database.STATEMENT_SECONDS", 1)
    with Registry(postgres_url, keys=keys) as registry:
        with Held(registry):
            begun = [registry.begin(_record, name) for name in ("a", "slow", "b")]
        told = [str(_told(one)) for one in begun]
        assert ["statement timeout" in one for one in told] == [True] * 3, told
        assert _written(registry) == []


def test_a_database_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlang.registry.schema.CONNECT_SECONDS", 2)  # libpq knows no less
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = Registry(f"postgresql+psycopg2://app@127.0.0.1:{silent.getsockname()[1]}/registry")
        with ThreadPoolExecutor(1) as pool, pytest.raises(RegistryError, match="timeout expired"):
            try:
                pool.submit(registry.count).result(SECONDS)
            finally:
                silent.close()  # whoever still waits is let go


def test_a_connection_that_was_lost_meanwhile_is_replaced(
    postgres: Postgres, postgres_database: str, postgres_url: str, keys: Path
) -> None:
    with Registry(postgres_url, keys=keys) as registry:
        assert registry.write(_record, "before") == "before of 1"
        ours = f"pid <> pg_backend_pid() AND datname = '{postgres_database}'"
        assert postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}") == [(True,)]
        assert registry.write(_record, "after") == "after of 1", "nobody has to be told"
        assert _written(registry) == ["before", "after"]


def test_a_forked_process_does_not_wait_for_what_its_parent_has_under_way(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, keys=keys) as registry:
        with Held(registry):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = 0 if registry.write(_record, "of the child") == "of the child of 1" else 2
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
        assert _written(registry) == ["of the child"]


def test_a_process_that_was_forked_while_the_registry_was_opened_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go, parent = Event(), Event(), os.getpid()

    def ready(*asked: Any, **more: Any) -> None:
        if os.getpid() == parent:
            opening.set()
            assert go.wait(SECONDS)
        made(*asked, **more)

    made = database._ready
    monkeypatch.setattr(database, "_ready", ready)
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry, ThreadPoolExecutor(1) as pool:
        counted = pool.submit(registry.count)
        assert opening.wait(SECONDS)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(SECONDS)  # ends whoever waits for a thread that is not there
                code = registry.count()
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        go.set()
        assert (status, counted.result(SECONDS)) == (0, 0)


def test_tenants_are_never_in_one_transaction(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, keys=keys) as registry:
        ours, theirs = (registry.as_caller(Caller(name, "test")) for name in ("default", "acme"))
        Tenants(registry).create("acme")
        with Held(theirs):
            assert ours.write(_record, "ours") == "ours of 1", "nor do they wait for each other"
            theirs.begin(_record, "theirs")
        assert _written(ours) == ["ours"]
        theirs.write(_record, "last")
        assert _written(theirs) == ["theirs", "last"]


def test_heartbeats_and_reports_of_many_at_once(registry: Registry) -> None:
    registry.register(entry())
    today = datetime.now(UTC).date()
    with Held(registry):
        alive = [registry.begin(beats, Beat.of("heat/boiler", f"i{n % 3}", location=f"l{n}")) for n in range(6)]
        unknown = registry.begin(beats, Beat.of("heat/nothing", "i0"))
        used = [registry.begin(reports, Report.of("heat/boiler", today, 10, 1, ["ann", f"u{n}"])) for n in range(4)]
        neither = registry.begin(reports, Report.of("heat/nothing", today, 1, 0))
    assert [_told(one).instance for one in alive] == ["i0", "i1", "i2"] * 2
    assert isinstance(_told(unknown), NotRegistered)
    assert isinstance(_told(neither), NotRegistered)
    assert [_told(one) for one in used] == [None] * 4
    found = {one.instance: one.location for one in health(registry, "heat/boiler").instances}
    assert found == {"i0": "l3", "i1": "l4", "i2": "l5"}
    log = AuditLog(registry)
    assert [len(log.query(event=event)) for event in ("instance.joined", "instance.moved", "agent.used")] == [3, 3, 4]
    assert log.verify().findings == ()
    metrics = Lifecycle(registry).metrics("heat/boiler")
    assert (metrics.calls, metrics.errors, metrics.users) == (40, 4, 5)


def test_versions_of_many_at_once_are_judged_as_one_after_the_other(registry: Registry) -> None:
    def enter(*asked: Any, **values: Any) -> Future[Any]:
        made = entry(*asked, **values)
        return registry.begin(entered, Entering(made, (), {}, rebuild=False, signer=registry.signer))

    Tenants(registry).set_quota("versions", 3)
    with Held(registry):
        begun = [
            enter("heat/boiler"),
            enter("heat/boiler"),
            enter("heat/boiler", pack_digest="9" * 64),
            enter("heat/boiler", spec_digest="9" * 64),
            enter("heat/pump"),
            enter("heat/kiln"),
            enter("heat/fan"),
        ]
    told = [_told(one) for one in begun]
    assert [one if isinstance(one, Exception) else one.done for one in (told[0], told[1])] == ["created", "exists"]
    assert [type(one) for one in (told[2], told[3])] == [RegistryConflict] * 2
    assert [getattr(one, "done", type(one)) for one in told[4:]] == ["created", "created", QuotaExceeded]
    assert told[0].entry == registry.get("heat/boiler"), "what it answers is what stands"
    assert registry.count() == 3
    for agent in ("boiler", "pump", "kiln"):
        assert Lifecycle(registry).verify(f"heat/{agent}") == []
    assert len(AuditLog(registry).query(event="agent.published")) == 3


def test_a_batch_of_a_tenant_with_a_quota_and_a_lone_report_do_not_wait_for_each_other(
    postgres_url: str, keys: Path
) -> None:
    locked = Event()

    def report(connection: Connection, told: Sequence[tuple[Caller, Report]]) -> Sequence[Exception | None]:
        results = reports(connection, told)
        locked.set()  # the day's row; next it enters what it did into the log
        return results

    with Registry(postgres_url, keys=keys) as ours, Registry(postgres_url, keys=keys) as theirs:
        Tenants(ours).set_quota("versions", 3)
        ours.register(entry())
        used = Report.of("heat/boiler", datetime.now(UTC).date(), 10, 1)
        lone: list[Future[Any]] = []

        def meanwhile(_: Connection, items: Sequence[Any]) -> list[None]:
            lone.append(theirs.begin(report, used))
            assert locked.wait(SECONDS)
            return [None] * len(items)

        with Held(ours):
            fan = Entering(entry("heat/fan"), (), {}, rebuild=False, signer=ours.signer)
            begun = [ours.begin(entered, fan), ours.begin(meanwhile, None), ours.begin(reports, used)]
        told = [_told(one) for one in begun]
        assert (told[0].done, told[1:], _told(lone[0])) == ("created", [None, None], None)
        assert Lifecycle(ours).metrics("heat/boiler").calls == 20


def test_of_the_same_key_in_one_batch_one_request_is_done(registry: Registry) -> None:
    async def begun() -> list[Any]:
        with Held(registry):
            asked = [Once(registry, "k", request) for request in ("a", "a", "b")]
            tasks = [asyncio.ensure_future(one.begin()) for one in asked]
            await asyncio.sleep(0)  # each has begun its write
        told = await asyncio.gather(*tasks, return_exceptions=True)
        await asked[0].end(Replay(201, {}, "done"))
        return [*told, await asked[1].begin()]

    first, again, other, replay = asyncio.run(begun())
    assert first is None
    assert [(type(one), one.status) for one in (again, other)] == [(Problem, 409), (Problem, 422)]
    assert replay == Replay(201, {}, "done")
