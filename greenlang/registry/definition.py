"""A new registry database, as one piece: tables, views, and what keeps the logs from being changed.

Belongs here: what stands in a database of the newest revision. Does not belong here: how an older one gets there
(`migrations`); that both ways give the same is tested.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, insert, text
from sqlalchemy.engine import Connection

from greenlang.registry import isolation
from greenlang.registry.tables import Base

REVISION = "0002"  # the newest of `migrations`
REVISIONS = Table(  # as Alembic makes it
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
APPEND_ONLY = ("audit_events", "audit_anchors", "transitions", "yanks", "approvals", "pins", "policies", "scans")

# The state of each build, since when, and the last time that it came out of the factory or was published.
BUILD_STATES = """
CREATE VIEW build_states {options} AS
SELECT last.build_id, last.tenant, last.after AS state, last.at AS since,
  (SELECT max(r.id) FROM transitions r WHERE r.build_id = last.build_id AND r.kind = 'registered') AS registered,
  coalesce((SELECT y.yanked FROM yanks y WHERE y.build_id = last.build_id ORDER BY y.id DESC LIMIT 1), false) AS yanked,
  last.successor,
  (SELECT count(*) FROM flags f WHERE f.build_id = last.build_id AND f.until IS NULL) AS flags
FROM transitions last
WHERE last.id = (SELECT max(t.id) FROM transitions t WHERE t.build_id = last.build_id)
"""


def create(connection: Connection) -> None:
    """Make everything in an empty database."""
    REVISIONS.metadata.create_all(connection)
    Base.metadata.create_all(connection)
    for statement in beside_tables(connection.dialect.name):
        connection.execute(text(statement))
    connection.execute(insert(REVISIONS).values(version_num=REVISION))


def beside_tables(dialect: str) -> list[str]:
    """Statements for everything that is no table: the view, triggers, row level security."""
    if dialect == "sqlite":
        return [BUILD_STATES.format(options=""), *append_only(dialect)]
    # the view asks as whoever reads it, or it would show its owner's rows
    return [BUILD_STATES.format(options="WITH (security_invoker = true)"), *isolation.protect()]


def append_only(dialect: str) -> list[str]:
    """Statements after which rows of the logs can be added and read, and nothing else.

    On PostgreSQL the application has no right to more (`isolation.grant`).
    """
    if dialect != "sqlite":
        return []
    return [
        f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    ]
