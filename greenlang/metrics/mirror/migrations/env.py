"""Alembic's entrance: runs revisions in the transaction that `greenlang.metrics.mirror.schema` opened.

Belongs here: handing that connection over. Does not belong here: connecting, revisions.
"""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table="mirror_revision", version_table_schema=given["schema"])
with context.begin_transaction():
    context.run_migrations()
