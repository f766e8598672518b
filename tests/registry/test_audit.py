"""Whatever is changed behind the log's back is found; what is exported proves itself; nothing goes before its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import SettingsError
from greenlang.registry import Registry, RegistryError, anchors
from greenlang.registry.audit import RETENTION_DAYS, AuditLog, record
from greenlang.registry.audit_export import AuditUnreadable, look
from greenlang.registry.chain import FIRST, AuditEvent, Chain
from greenlang.registry.database import Database


def tell(registry: Registry, *events: str, actor: str = "anna") -> None:
    caller = replace(registry.caller, actor=actor)
    for event in events:
        with registry.transaction(write=True) as connection:
            record(connection, caller, event, "heat/boiler@1.0.0", pack="b" * 64)


Behind = Callable[[str], object]


@pytest.fixture
def behind(url: str, request: pytest.FixtureRequest) -> Behind:
    """What somebody does who may do anything to the database."""
    if url.startswith("postgresql"):
        server, name = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_database")
        return lambda statement: server.sql(statement, database=name)

    def act(statement: str) -> None:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute(statement)

    return act


@pytest.fixture
def keeper(url: str, registry: Registry, request: pytest.FixtureRequest) -> Iterator[Registry]:
    """The registry as whoever owns its tables opens it."""
    if url.startswith("sqlite"):
        yield registry
        return
    owner = str(request.getfixturevalue("postgres_owner_url"))
    with Registry(owner, keys=registry.signer.folder, database=Database(owner, owner=True)) as opened:
        yield opened


def messages(registry: Registry) -> list[str]:
    return [finding.message for finding in AuditLog(registry).verify().findings]


def test_the_log_of_a_tenant_is_a_chain(registry: Registry) -> None:
    assert AuditLog(registry).verify().events == 0
    tell(registry, "agent.published", "agent.promoted", "agent.yanked")
    seen = AuditLog(registry).verify()
    newest, _, oldest = AuditLog(registry).query()
    assert (seen.first, seen.last, seen.events, seen.findings) == (1, 3, 3, ())
    assert (oldest.number, oldest.previous, newest.digest) == (1, FIRST, seen.digest)


ASKED: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [5, 4, 3, 2, 1]),
    ({"event": "agent.promoted"}, [4, 2]),
    ({"event": "agent.*"}, [5, 4, 2, 1]),
    ({"event": "agent"}, []),
    ({"event": "agent_*"}, []),
    ({"event": "AGENT.*"}, []),
    ({"event": "*"}, [5, 4, 3, 2, 1]),
    ({"actor": "ben"}, [5, 4]),
    ({"actor": "ben", "event": "agent.promoted"}, [4]),
    ({"subject": "heat/*"}, [5, 4, 3, 2, 1]),
    ({"subject": "heat/boiler"}, []),
    ({"limit": 2}, [5, 4]),
    ({"limit": 2, "before": 4}, [3, 2]),
    ({"since": datetime(2026, 3, 4, tzinfo=UTC)}, [5, 4]),
    ({"until": datetime(2026, 3, 4, tzinfo=UTC)}, [3, 2, 1]),
    ({"since": datetime(2026, 3, 2, tzinfo=UTC), "until": datetime(2026, 3, 3, tzinfo=UTC)}, [2]),
]


def test_events_are_found(registry: Registry) -> None:
    told = ["agent.published", "agent.promoted", "key.issued", "agent.promoted", "agent.yanked"]
    for day, event in enumerate(told, start=1):
        with time_machine.travel(datetime(2026, 3, day, tzinfo=UTC), tick=False):
            tell(registry, event, actor="anna" if day < 4 else "ben")
    for asked, numbers in ASKED:
        assert [event.number for event in AuditLog(registry).query(**asked)] == numbers, asked


@contextmanager
def refused(registry: Registry) -> Iterator[Connection]:
    errors = (RegistryError, IntegrityError)
    with pytest.raises(errors, match=r"only added to|permission denied"), registry.transaction(write=True) as open_:
        yield open_


def test_an_event_cannot_be_changed_or_removed_by_whoever_may_write(registry: Registry) -> None:
    tell(registry, "agent.published")
    for statement in ("UPDATE audit_events SET actor = 'ben'", "DELETE FROM audit_events"):
        with refused(registry) as connection:
            connection.execute(text(statement))
    assert messages(registry) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE audit_events SET actor = 'ben' WHERE number = 2", "event 2 was changed"),
        ("DELETE FROM audit_events WHERE number = 2", "event 2 is missing"),
        ("DELETE FROM audit_events WHERE number IN (2, 3)", "events 2 to 3 are missing"),
        ("DELETE FROM audit_events WHERE number = 1", "event 1 is missing"),
        ("DELETE FROM audit_events WHERE number > 3", "the events 4 to 5 at the end are missing"),
        ("DELETE FROM audit_events", "the events 1 to 5 at the end are missing"),
        ("UPDATE audit_events SET number = 9 WHERE number = 5", "events 5 to 8 are missing"),
        ("UPDATE audit_events SET tenant = 'other' WHERE number = 3", "event 3 is missing"),
        ("UPDATE audit_events SET previous = digest WHERE number = 4", "event 4 does not continue event 3"),
        ("UPDATE audit_heads SET number = 4", "the log ends with event 4, and there are events up to 5"),
        ("UPDATE audit_heads SET number = 6", "the events 6 to 6 at the end are missing"),
        ("UPDATE audit_heads SET digest = 'x'", "the last event 5 is another than the one that the log ends with"),
        ("DELETE FROM audit_heads", "the log has 5 events and no end"),
    ],
)
def test_what_is_changed_behind_its_back_is_named(
    registry: Registry, statement: str, says: str, behind: Behind
) -> None:
    tell(registry, *["agent.published"] * 5)
    behind(statement)
    assert messages(registry)[0].startswith(says)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("number = 1152921504606846976", "events 4 to 1152921504606846975 are missing"),
        ("number = 'many'", "after 3 cannot be read"),
        ("at = 'noon'", "after 1 cannot be read"),
        ("at = x'00'", "after 1 cannot be read"),
        ("actor = x'ff'", "event 2 was changed"),
        ("detail = 'nonsense'", "event 2 was changed"),
    ],
)
def test_what_no_event_can_say_is_a_finding_too(tmp_path: Path, values: str, says: str) -> None:
    file = tmp_path / "registry.sqlite"
    with Registry(f"sqlite:///{file}") as registry:
        tell(registry, *["agent.published"] * 3)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("DROP TRIGGER audit_events_update")
            connection.execute(f"UPDATE audit_events SET {values} WHERE number = 2")
        assert any(says in message for message in messages(registry)), messages(registry)
        if "detail" in values:
            assert AuditLog(registry).query()[1].as_dict()["detail"] == "nonsense"


def test_an_event_that_was_forged_whole_is_found_by_the_next(registry: Registry, behind: Behind) -> None:
    tell(registry, *["agent.published"] * 3)
    event = AuditLog(registry).query(before=3)[0]
    forged = replace(event, actor="nobody")
    behind(f"UPDATE audit_events SET actor = 'nobody', digest = '{forged.content_digest}' WHERE number = 2")
    assert messages(registry) == ["event 3 does not continue event 2: one of the two was changed"]


def test_a_log_that_is_being_written_verifies_and_its_export_too(registry: Registry, tmp_path: Path) -> None:
    tell(registry, "agent.published")
    log = AuditLog(registry)
    with ThreadPoolExecutor(3) as pool:
        writers = [
            pool.submit(tell, registry, *["agent.published"] * 30, actor=name) for name in ("anna", "ben", "cem")
        ]
        for number in range(8):
            assert log.verify().findings == ()
            assert log.export(tmp_path / f"{number}.parquet").first == 1
        for writer in writers:
            writer.result()
    seen = log.verify()
    assert (seen.events, seen.findings) == (1 + 3 * 30 + 8, ())
    assert {look(file, keys=registry.signer.folder).findings for file in tmp_path.glob("*.parquet")} == {()}


TEXTS = ("actor", "event", "subject", "detail", "previous", "digest", "tenant")


def chain_of(length: int) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for number in range(1, length + 1):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        before = events[-1].digest if events else FIRST
        bare = AuditEvent("acme", number, at, "anna", "agent.published", "heat/boiler", "{}", before, "")
        events.append(replace(bare, digest=bare.content_digest))
    return events


def walked(events: list[AuditEvent], end: AuditEvent) -> bool:
    """Whether the chain fits and ends with ``end``."""
    chain = Chain("acme")
    found = [finding for event in events for finding in chain.take(event)]
    return not found and (chain.number, chain.digest) == (end.number, end.digest)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), length=st.integers(1, 6))
def test_any_single_change_of_any_field_of_any_event_is_found(data: st.DataObject, length: int) -> None:
    events = chain_of(length)
    assert walked(events, events[-1])
    place = data.draw(st.integers(0, length - 1))
    name = data.draw(st.sampled_from([*TEXTS, "number", "at"]))
    old = getattr(events[place], name)
    others = {
        "number": st.integers(-5, 20),
        "at": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    }
    new = data.draw(others.get(name, st.text() | st.just(old.upper() if isinstance(old, str) else "")))
    changed = [*events[:place], replace(events[place], **{name: new}), *events[place + 1 :]]
    assert walked(changed, events[-1]) == (new == old)


@settings(max_examples=100, deadline=None)
@given(order=st.permutations(range(5)), drop=st.sets(st.integers(0, 4)))
def test_any_other_order_and_any_gap_is_found(order: list[int], drop: set[int]) -> None:
    events = chain_of(5)
    left = [events[place] for place in order if place not in drop]
    assert walked(left, events[-1]) == (left == events)


def test_an_export_holds_the_events_and_proves_itself(registry: Registry, tmp_path: Path) -> None:
    tell(registry, *["agent.published"] * 4)
    log = AuditLog(registry)
    file = tmp_path / "log.parquet"
    exported = log.export(file)
    assert (exported.first, exported.last, exported.events) == (1, 4, 4)
    rows = [AuditEvent(**row) for row in pq.read_table(file).to_pylist()]
    assert rows == log.query(before=5)[::-1]
    again = look(file, keys=registry.signer.folder)
    assert again == replace(exported, digest=again.digest)
    assert again.digest == exported.digest
    assert log.query(limit=1)[0].event == "audit.exported"
    with pytest.raises(SettingsError, match="is there already"):
        log.export(file)
    with pytest.raises(SettingsError, match="no event in that time"):
        log.export(tmp_path / "later.parquet", since=datetime.now(UTC) + timedelta(days=1))


def test_a_log_that_was_written_anew_does_not_continue_its_export(
    registry: Registry, tmp_path: Path, behind: Behind
) -> None:
    tell(registry, *["agent.published"] * 3)
    log, file = AuditLog(registry), tmp_path / "log.parquet"
    log.export(file)
    export = look(file, keys=registry.signer.folder)
    assert log.continues(export) == []
    behind("DELETE FROM audit_events")
    behind("DELETE FROM audit_heads")
    tell(registry, *["agent.published"] * 5, actor="ben")
    assert log.verify().findings == (), "the chain alone does not tell"
    assert "the log was written anew" in log.continues(export)[0].message


def test_a_part_of_the_log_verifies_by_itself(registry: Registry, tmp_path: Path) -> None:
    for day in range(1, 6):
        with time_machine.travel(datetime(2026, 3, day, tzinfo=UTC), tick=False):
            tell(registry, "agent.published")
    file = tmp_path / "log.parquet"
    part = AuditLog(registry).export(
        file, since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 5, tzinfo=UTC)
    )
    assert (part.first, part.last) == (2, 4)
    assert look(file, keys=registry.signer.folder).findings == ()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE audit_events SET actor = 'ben' WHERE number = 3", "event 3 was changed"),
        ("DELETE FROM audit_events WHERE number = 2", "event 2 is missing"),
        ("DELETE FROM audit_events WHERE number = 4", "the events 4 to 4 at the end are missing"),
        ("DELETE FROM audit_heads", "the log has 4 events and no end"),
    ],
)
def test_a_broken_log_is_exported_as_it_stands_and_says_so(
    registry: Registry, tmp_path: Path, behind: Behind, statement: str, says: str
) -> None:
    tell(registry, *["agent.published"] * 4)
    behind(statement)
    log, file = AuditLog(registry), tmp_path / "log.parquet"
    done = log.export(file)
    assert says in done.broken[0]
    assert [AuditEvent(**row) for row in pq.read_table(file).to_pylist()] == log.query(before=5)[::-1]
    seen = look(file, keys=registry.signer.folder)
    assert seen.broken == done.broken[: len(seen.broken)]
    assert ("heads" in statement) == any("nothing is written" in message for message in done.broken)
    assert any(f"the log was broken when it was exported: {done.broken[0]}" == one.message for one in seen.findings)
    with pytest.raises(SettingsError, match="does not verify, nothing is removed"):
        anchors.statement(registry, file, 1, 2, "0" * 64)


def test_the_command_writes_a_broken_log_and_says_no(tmp_path: Path) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}", keys=tmp_path / "keys") as registry:
        tell(registry, *["agent.published"] * 3)
    with closing(sqlite3.connect(tmp_path / "registry.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER audit_events_update")
        connection.execute("UPDATE audit_events SET actor = 'ben' WHERE number = 2")
    file = tmp_path / "log.parquet"
    done = CliRunner().invoke(app, ["--var", str(tmp_path), "audit", "export", str(file)])
    assert (done.exit_code, file.is_file()) == (1, True)
    assert "the log does not verify: event 2 was changed" in done.stderr
    seen = CliRunner().invoke(app, ["--var", str(tmp_path), "audit", "verify", str(file)])
    assert seen.exit_code == 1
    assert "the log was broken when it was exported" in " ".join(seen.stdout.split())


def test_a_row_that_is_no_event_is_an_answer_and_leaves_no_file(tmp_path: Path) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}", keys=tmp_path / "keys") as registry:
        tell(registry, *["agent.published"] * 3)
        with closing(sqlite3.connect(tmp_path / "registry.sqlite")) as connection, connection:
            connection.execute("DROP TRIGGER audit_events_update")
            connection.execute("UPDATE audit_events SET at = 'yesterday' WHERE number = 2")
        with pytest.raises(AuditUnreadable, match="cannot be read"):
            AuditLog(registry).export(tmp_path / "out" / "log.parquet")
    assert list((tmp_path / "out").iterdir()) == []


def rewritten(file: Path, change: Any) -> None:
    table = pq.read_table(file)
    metadata = dict(pq.ParquetFile(file).metadata.metadata)
    rows = change(table.to_pylist(), metadata)
    with pq.ParquetWriter(file, table.schema.remove_metadata()) as writer:
        writer.write_table(type(table).from_pylist(rows, schema=table.schema.remove_metadata()))
        writer.add_key_value_metadata({key: value for key, value in metadata.items() if key.startswith(b"greenlang")})


def _actor(rows: list[dict[str, Any]], _: dict[bytes, bytes]) -> list[dict[str, Any]]:
    rows[1]["actor"] = "ben"
    return rows


def _header(rows: list[dict[str, Any]], metadata: dict[bytes, bytes]) -> list[dict[str, Any]]:
    metadata[b"greenlang.audit"] = metadata[b"greenlang.audit"].replace(b'"last":3', b'"last":2')
    return rows[:2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_actor, "event 2 was changed"),
        (_header, "its signature does not fit"),
        (lambda rows, _: rows[:-1], "the file ends with event 2; its header says 3"),
        (lambda rows, _: rows[1:], "event 1 is missing"),
        (lambda rows, _: [], "the file ends with event 0"),
        (lambda rows, _: rows[::-1], "events 1 to 2 are missing"),
        (lambda rows, _: [*rows, rows[-1]], "event 3 stands after event 3"),
    ],
)
def test_a_changed_file_is_found(registry: Registry, tmp_path: Path, change: Any, says: str) -> None:
    tell(registry, *["agent.published"] * 3)
    file = tmp_path / "log.parquet"
    AuditLog(registry).export(file)
    rewritten(file, lambda rows, _: rows)
    assert look(file, keys=registry.signer.folder).findings == ()
    rewritten(file, change)
    assert says in look(file, keys=registry.signer.folder).findings[0].message


def test_a_header_that_the_key_signed_for_something_else_is_found(registry: Registry, tmp_path: Path) -> None:
    tell(registry, "agent.published")
    file = tmp_path / "log.parquet"
    AuditLog(registry).export(file)

    def other(rows: list[dict[str, Any]], metadata: dict[bytes, bytes]) -> list[dict[str, Any]]:
        header = metadata[b"greenlang.audit"].replace(b'"kind":"audit.export"', b'"kind":"step"')
        mark = registry.signer.sign(header)
        metadata |= {b"greenlang.audit": header, b"greenlang.audit.signature": mark.signature.encode()}
        return rows

    rewritten(file, other)
    assert [f.message for f in look(file, keys=registry.signer.folder).findings] == [
        "the header is that of something else"
    ]


def test_a_file_signed_by_somebody_else_is_found(registry: Registry, tmp_path: Path) -> None:
    tell(registry, "agent.published")
    file = tmp_path / "log.parquet"
    AuditLog(registry).export(file)
    (tmp_path / "none").mkdir()
    assert "whose public half is not in" in look(file, keys=tmp_path / "none").findings[0].message


@pytest.mark.parametrize("data", [b"", b"PAR1 this is nothing PAR1", b"x" * 1000])
def test_what_is_no_export_is_refused(registry: Registry, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd").write_bytes(data)
    with pytest.raises(SettingsError, match="odd cannot be read"):
        look(tmp_path / "odd", keys=tmp_path)


@pytest.fixture
def old(keeper: Registry) -> Registry:
    """Three events that are past their retention, two that are not."""
    for days in (RETENTION_DAYS + 30, RETENTION_DAYS + 20, RETENTION_DAYS + 1, RETENTION_DAYS - 1, 5):
        with time_machine.travel(datetime.now(UTC) - timedelta(days=days)):
            tell(keeper, "agent.published")
    return keeper


def test_what_is_past_its_retention_goes_and_the_rest_verifies(
    old: Registry, registry: Registry, tmp_path: Path
) -> None:
    log, file = AuditLog(old), tmp_path / "log.parquet"
    log.export(file)
    would = log.prune(file, dry_run=True)
    assert (would.events, would.until) == (3, 3)
    assert log.verify().events == 6
    assert log.prune(file).until == 3
    seen = log.verify()
    assert (seen.first, seen.findings) == (4, ())
    assert log.query(limit=1)[0].event == "audit.pruned"
    assert log.continues(look(file, keys=old.signer.folder)) == []
    assert log.prune(file).events == 0
    with refused(registry) as connection:
        connection.execute(text("DELETE FROM audit_events"))


def test_only_who_owns_the_tables_removes_events(old: Registry, registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "log.parquet"
    AuditLog(registry).export(file)
    if registry.database.embedded:
        assert AuditLog(registry).prune(file).events == 3
        return
    with pytest.raises(SettingsError, match="only the role that owns the registry's tables removes events"):
        AuditLog(registry).prune(file)
    assert AuditLog(old).verify().events == 6


def test_a_log_can_be_exported_and_pruned_again(old: Registry, tmp_path: Path) -> None:
    log = AuditLog(old)
    log.export(tmp_path / "first.parquet")
    log.prune(tmp_path / "first.parquet")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        assert log.export(tmp_path / "second.parquet").first == 4
        assert log.prune(tmp_path / "second.parquet").until == 4
        assert log.verify().findings == ()


def test_nothing_goes_that_was_not_exported(old: Registry, tmp_path: Path, behind: Behind) -> None:
    log, file = AuditLog(old), tmp_path / "log.parquet"
    log.export(file, until=datetime.now(UTC) - timedelta(days=RETENTION_DAYS + 10))
    with pytest.raises(SettingsError, match="holds the events 1 to 2 of default; 1 to 3 of default would be removed"):
        log.prune(file)
    with pytest.raises(SettingsError, match="2555 days: 30 is less"):
        log.prune(file, days=30)
    behind("UPDATE audit_events SET actor = 'ben' WHERE number = 5")
    with pytest.raises(SettingsError, match="does not verify, nothing is removed: event 5 was changed"):
        log.prune(file)
    assert len(log.query()) == 6


def test_a_changed_export_and_that_of_another_log_remove_nothing(old: Registry, tmp_path: Path) -> None:
    log, file = AuditLog(old), tmp_path / "log.parquet"
    log.export(file)
    rewritten(file, _actor)
    with pytest.raises(SettingsError, match="event 2 was changed"):
        log.prune(file)
    with Registry(f"sqlite:///{tmp_path / 'other' / 'registry.sqlite'}", keys=old.signer.folder) as other:
        for days in (RETENTION_DAYS + 9, RETENTION_DAYS + 8, RETENTION_DAYS + 7):
            with time_machine.travel(datetime.now(UTC) - timedelta(days=days)):
                tell(other, "agent.published")
        AuditLog(other).export(tmp_path / "other.parquet")
    with pytest.raises(SettingsError, match="is of another log"):
        log.prune(tmp_path / "other.parquet")
    assert len(log.query()) == 6


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM audit_anchors", "events 1 to 3 are missing"),
        ("UPDATE audit_anchors SET number = 4", "the anchor at event 4 does not count: it speaks of other events"),
        ("UPDATE audit_anchors SET statement = '{}'", "does not count: its signature does not fit"),
        ("UPDATE audit_anchors SET signature = 'x'", "does not count: its signature does not fit"),
        ("UPDATE audit_anchors SET key_id = 'x'", "whose public half is not in"),
        ("DELETE FROM audit_events WHERE number = 4", "event 4 is missing"),
    ],
)
def test_a_changed_beginning_is_found(old: Registry, tmp_path: Path, behind: Behind, statement: str, says: str) -> None:
    log, file = AuditLog(old), tmp_path / "log.parquet"
    log.export(file)
    log.prune(file)
    behind(statement)
    assert says in messages(old)[0]
