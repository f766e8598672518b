"""A new registry database, as one piece: tables, views, and what keeps the logs from being changed.

Belongs here: what stands in a database of the newest revision. Does not belong here: how an older one gets there
(`migrations`); that both ways give the same is tested.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, String, Table, insert, text
from sqlalchemy.engine import Connection

from greenlang.registry.tables import Base

REVISION = "0002"  # the newest of `migrations`
REVISIONS = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
APPEND_ONLY = ("audit_events", "transitions", "yanks", "approvals", "pins")

# The state of each build, since when, and the last time that it came out of the factory or was published.
BUILD_STATES = """
CREATE VIEW build_states AS
SELECT last.build_id, last.tenant, last.after AS state, last.at AS since,
  (SELECT max(r.id) FROM transitions r WHERE r.build_id = last.build_id AND r.kind = 'registered') AS registered,
  coalesce((SELECT y.yanked FROM yanks y WHERE y.build_id = last.build_id ORDER BY y.id DESC LIMIT 1), false) AS yanked
FROM transitions last
WHERE last.id = (SELECT max(t.id) FROM transitions t WHERE t.build_id = last.build_id)
"""


def create(connection: Connection) -> None:
    """Make everything in an empty database."""
    REVISIONS.metadata.create_all(connection)
    Base.metadata.create_all(connection)
    connection.execute(text(BUILD_STATES))
    for statement in append_only(connection.dialect.name):
        connection.execute(text(statement))
    connection.execute(insert(REVISIONS).values(version_num=REVISION))


def append_only(dialect: str) -> list[str]:
    """Statements after which rows of the logs can be added and read, and nothing else."""
    if dialect != "sqlite":
        return []
    return [
        f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    ]
