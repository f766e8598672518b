"""Tenants, builds as identities, signed steps, an audit chain: issue 6.

What stood before is carried over into the tenant `default`. The old tables had no signatures: each build gets a step
that says so (its evidence names the revision it comes from and the moment of the migration), signed now, by whom `keys`
says. A pack that had been built, replaced and built again was two rows and is one build with two steps.

Belongs here: this revision, frozen. Does not belong here: today's tables (`definition`); this file imports no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from alembic import context, op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Integer,
    String,
    column,
    func,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import TableClause

from greenlang.errors import SettingsError
from greenlang.provenance import bytes_digest, canonical
from greenlang.registry import migrate
from greenlang.signing import Signer

revision = "0002"
down_revision = "0001"

_TENANT = "default"
_ACTOR = "migration"
_NOTHING = "0" * 64
_CHUNK = 1000
_KINDS: dict[str, Any] = {
    "tags": JSON,
    "regulations": JSON,
    "inputs": JSON,
    "outputs": JSON,
    "judgement": JSON,
    "id": BigInteger,
    "build_id": BigInteger,
    "number": BigInteger,
    "score": Float,
    "coverage": Float,
    "tests_passed": Integer,
    "tests_total": Integer,
    "created_at": DateTime(timezone=True),
    "built_at": DateTime(timezone=True),
    "at": DateTime(timezone=True),
    "yanked": Boolean,
}


def _table(name: str, names: str) -> TableClause:
    return table(name, *(column(one, _KINDS.get(one, String)) for one in names.split()))


_OLD_VERSION = "agent_id version spec_digest name summary domain tags inputs outputs text created_at"
_OLD_BUILD = (
    "id agent_id version pack_digest certificate_digest factor_release pack score coverage tests_passed tests_total "
    "built_at"
)
_OLD = {
    "agent_versions": _table("agent_versions", _OLD_VERSION),
    "capabilities": _table("capabilities", "agent_id version capability"),
    "builds": _table("builds", _OLD_BUILD),
    "transitions": _table("transitions", "id agent_id version before after at reason"),
}
_NEW = {
    "agent_versions": _table("agent_versions", f"tenant {_OLD_VERSION} regulations created_by"),
    "capabilities": _table("capabilities", "tenant agent_id version capability"),
    "builds": _table("builds", f"tenant {_OLD_BUILD} judgement published_by"),
    "transitions": _table(
        "transitions",
        "id tenant build_id before after kind at actor reason policy successor statement signature key_id",
    ),
    "audit_events": _table("audit_events", "tenant number at actor event subject detail previous digest"),
    "audit_heads": _table("audit_heads", "tenant number digest"),
}


def upgrade() -> None:
    """Read everything, make the new tables, write it into them."""
    bind = op.get_bind()
    keys = context.config.attributes["keys"]
    old = {name: _rows(bind, one) for name, one in _OLD.items()}
    if keys is None and old["builds"]:
        raise SettingsError("what is carried over is signed: name the folder of the signing key")
    for name in ("transitions", "capabilities", "builds", "agent_versions", "schema_version"):
        bind.exec_driver_sql(f"DROP TABLE {name}")
    for statement in migrate.frozen(bind.dialect.name, revision):
        bind.exec_driver_sql(statement)
    if bind.dialect.name == "postgresql":
        bind.execute(text("SELECT set_config('greenlang.tenant', :tenant, true)"), {"tenant": _TENANT})
    if not old["agent_versions"]:
        return
    now = datetime.now(UTC)
    own = {"tenant": _TENANT}
    more = {**own, "regulations": [], "created_by": _ACTOR}
    _write(bind, _NEW["agent_versions"], [{**row, **more} for row in old["agent_versions"]])
    _write(bind, _NEW["capabilities"], [{**row, **own} for row in old["capabilities"]])
    builds, steps = _carried(old["builds"], old["transitions"])
    _write(bind, _NEW["builds"], [{**row, **own, "judgement": {}, "published_by": _ACTOR} for row in builds])
    signer = Signer(keys)
    previous: dict[int, str] = {}
    written = []
    for number, (build, step) in enumerate(steps, start=1):
        written.append(_signed(number, build, step, previous.get(build["id"], _NOTHING), now, signer))
        previous[build["id"]] = bytes_digest(written[-1]["statement"].encode())
    _write(bind, _NEW["transitions"], written)
    if bind.dialect.name == "postgresql":
        _count_on(bind)
    _write_audit(bind, now, {"from": "0001", "to": "0002", "builds": len(previous), "steps": len(written)})


def _carried(
    rows: Sequence[dict[str, Any]], transitions: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Builds, one a pack, and their steps in the order of time: each entry of a pack, what the version went through.

    The state was one of the version: what came after its entry is taken to be of its newest build.
    """

    def version(row: dict[str, Any]) -> tuple[str, str]:
        return row["agent_id"], row["version"]

    builds: list[dict[str, Any]] = []
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = []
    later: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for step in transitions:
        if step["before"]:
            later.setdefault(version(step), []).append(step)
    for key, group in groupby(sorted(rows, key=lambda row: (*version(row), row["id"])), key=version):
        packs: dict[str, dict[str, Any]] = {}
        newest: dict[str, Any] = {}
        for row in group:
            first = packs.get(row["pack_digest"], row)
            again = "draft" if row["pack_digest"] in packs else ""
            newest = packs[row["pack_digest"]] = {**row, "id": first["id"], "built_at": first["built_at"]}
            entered = {"before": again, "after": "draft", "kind": "registered", "at": row["built_at"]}
            steps.append((newest, {**entered, "reason": "registered"}))
        builds += packs.values()
        for step in later.get(key, ()):
            steps.append((newest, {**step, "kind": "promoted"}))
    builds.sort(key=lambda build: build["id"])
    steps.sort(key=lambda one: (one[1]["at"], one[0]["id"]))
    return builds, steps


def _signed(
    number: int, build: dict[str, Any], step: dict[str, Any], previous: str, now: datetime, signer: Signer
) -> dict[str, Any]:
    said = {
        "tenant": _TENANT,
        **{name: build[name] for name in ("agent_id", "version", "pack_digest")},
        **{name: step[name] for name in ("before", "after", "kind", "reason")},
        "at": step["at"].isoformat(),
        "actor": _ACTOR,
        "policy": "",
        "evidence": {"carried_over": {"from": down_revision, "signed_at": now.isoformat()}},
        "successor": "",
        "previous": previous,
    }
    statement = canonical(said)
    mark = signer.sign(statement)
    row = {name: said[name] for name in ("tenant", "before", "after", "kind", "actor", "reason", "policy", "successor")}
    signed = {"statement": statement.decode(), "signature": mark.signature, "key_id": mark.key_id}
    return {**row, **signed, "id": number, "build_id": build["id"], "at": step["at"]}


def _write_audit(bind: Connection, now: datetime, detail: dict[str, Any]) -> None:
    event = {
        "tenant": _TENANT,
        "number": 1,
        "at": now,
        "actor": _ACTOR,
        "event": "registry.migrated",
        "subject": "registry",
        "detail": canonical(detail).decode(),
        "previous": _NOTHING,
    }
    digest = bytes_digest(canonical({**event, "at": now.isoformat()}))
    _write(bind, _NEW["audit_events"], [{**event, "digest": digest}])
    _write(bind, _NEW["audit_heads"], [{"tenant": _TENANT, "number": 1, "digest": digest}])


def downgrade() -> None:
    """Back to one tenant: its versions, their builds and the life of the build that came last; nothing else fits."""
    bind = op.get_bind()
    postgresql = bind.dialect.name == "postgresql"
    names = [name for name in inspect(bind).get_table_names() if name != "alembic_version"]
    if postgresql:  # the owner reads all tenants, to say what would be lost
        for name in names:
            bind.exec_driver_sql(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    lost = _lost(bind, names)
    if lost and not context.config.attributes["lose"]:
        raise SettingsError(
            f"tables of the revision {down_revision} cannot hold {', '.join(lost)}: export what you need of it, then "
            "say --lose"
        )
    own = {name: _rows(bind, _NEW[name]) for name in ("agent_versions", "capabilities", "builds")}
    life = [row._mapping for row in bind.execute(_LAST_LIFE, {"tenant": _TENANT})]
    kept = {name: [row for row in rows if row["tenant"] == _TENANT] for name, rows in own.items()}
    kept["transitions"] = [{**row, "id": number} for number, row in enumerate(life, start=1)]
    bind.exec_driver_sql("DROP VIEW build_states")
    if postgresql:
        bind.exec_driver_sql(f"DROP TABLE {', '.join(names)} CASCADE")
    else:  # who refers to others goes first
        for one in reversed(inspect(bind).get_sorted_table_and_fkc_names()):
            if one[0] in names:
                bind.exec_driver_sql(f"DROP TABLE {one[0]}")
    for statement in migrate.frozen(bind.dialect.name, down_revision):
        bind.exec_driver_sql(statement)
    for name, old in _OLD.items():
        columns = [c.name for c in old.columns]
        _write(bind, old, [{c: row[c] for c in columns} for row in kept[name]])
    if postgresql:
        _count_on(bind)


def _lost(bind: Connection, names: Sequence[str]) -> list[str]:
    """What the old tables have no place for, as words."""

    def many(one: TableClause, *where: Any) -> int:
        return int(bind.execute(select(func.count()).select_from(one).where(*where)).scalar_one())

    found = {f"rows of {name}": many(table(name)) for name in sorted({*names} - {*_OLD})}
    versions = _NEW["agent_versions"]
    found["agent versions of other tenants"] = many(versions, versions.c.tenant != _TENANT)
    found["signatures"] = many(_NEW["transitions"])
    return [f"{number} {what}" for what, number in found.items() if number]


def _rows(bind: Connection, one: TableClause) -> list[dict[str, Any]]:
    """Every row, with its moments in UTC."""
    rows = bind.execute(select(*one.columns).order_by(*one.columns.values()[:4]))
    return [
        {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
            for name, value in row._mapping.items()
        }
        for row in rows
    ]


def _write(bind: Connection, one: TableClause, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _CHUNK):
        bind.execute(one.insert(), rows[start : start + _CHUNK])


def _count_on(bind: Connection) -> None:
    """PostgreSQL numbers new rows after those that were written with their numbers."""
    for name in ("builds", "transitions"):
        one = _NEW[name]
        following = select(func.coalesce(func.max(one.c.id), 0) + 1).scalar_subquery()
        bind.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), following, False)))


_LAST_LIFE = text(
    """
    SELECT b.agent_id, b.version, t.before, t.after, t.at, t.reason
    FROM transitions t JOIN builds b ON b.id = t.build_id
    WHERE b.tenant = :tenant AND b.id = (
      SELECT last.id FROM builds last JOIN build_states s ON s.build_id = last.id
      WHERE last.tenant = b.tenant AND last.agent_id = b.agent_id AND last.version = b.version
      ORDER BY s.registered DESC LIMIT 1)
    ORDER BY t.id
    """
).columns(at=DateTime(timezone=True))
