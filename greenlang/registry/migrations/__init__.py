"""The revisions of the registry's tables, for Alembic; `greenlang.registry.migrate` runs them.

Belongs here: what a revision changes, each frozen as it was released. Does not belong here: when one is run.
"""
