"""The tables of the first registry: one tenant, one state a version, nothing signed.

Belongs here: these tables, as they were. Does not belong here: how `definition` makes the newest ones.
"""

from alembic import op

from greenlang.registry import migrate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. Databases that have them are stamped and do not come here."""
    for statement in migrate.frozen(op.get_bind().dialect.name, revision):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """There is nothing before."""
    raise AssertionError("nothing is older than 0001")
