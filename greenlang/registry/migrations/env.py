"""Alembic's entrance: runs revisions in the transaction that `greenlang.registry.migrate` opened.

Belongs here: handing that connection over. Does not belong here: connecting, revisions.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
