"""The revisions of the mirror's tables, and Alembic's entrance to them."""
