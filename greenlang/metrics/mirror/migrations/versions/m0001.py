"""The tables and views of document 000, section 6, and the mirror's own book.

Belongs here: this revision, frozen. Does not belong here: what the columns mean (`greenlang.metrics.mirror.columns`).
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    *("provenance_chain", "llm_usage", "batch_jobs", "factory_metrics", "reference_agents", "agent_templates"),
    *("quality_metrics", "validation_results", "agent_artifacts", "generation_jobs", "agent_specs"),
    *("mirror_source", "mirror_parts", "mirror_jobs", "mirror_calls"),
)


def upgrade() -> None:
    """Make everything."""
    op.get_bind().exec_driver_sql((Path(__file__).parents[1] / "0001.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Back to nothing: what was mirrored stands in the Parquet tables."""
    for view in ("v_daily_metrics", "v_generation_summary"):
        op.get_bind().exec_driver_sql(f"DROP VIEW {view}")
    for table in _TABLES:
        op.get_bind().exec_driver_sql(f"DROP TABLE {table}")
