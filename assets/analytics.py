"""The analysts' assets: the DuckDB catalogue over the Parquet tables, and their mirror in PostgreSQL.

Belongs here: declarations and thin bodies. Does not belong here: SQL of the views (``greenlang.metrics``).
"""

from dagster import AssetCheckResult, MaterializeResult, MetadataValue, asset, asset_check

from assets import names
from resources.factory import FactoryResource


@asset(
    deps=[names.AGENT_ASSETS[-1]],
    group_name=names.ANALYTICS,
    owners=names.OWNERS,
    kinds={"duckdb", "parquet"},
    tags={"domain": "analytics"},
    description="Outcomes, tests, quality and lineage of all agents, as DuckDB views. Rebuilt daily.",
)
def factory_metrics(factory: FactoryResource) -> MaterializeResult:
    """Build the catalogue anew and count."""
    factory.rebuild_catalogue()
    counts = factory.outcome_counts()
    return MaterializeResult(
        metadata={
            "agents": sum(counts.values()),
            **counts,
            "catalogue": MetadataValue.path(str(factory.settings.catalogue)),
        }
    )


@asset_check(asset=factory_metrics, description="The metrics and the registry hold as many agents.")
def metrics_agree_with_the_registry(factory: FactoryResource) -> AssetCheckResult:
    rows, entries = factory.outcome_counts().get("registered", 0), factory.registered_count()
    return AssetCheckResult(passed=rows == entries, metadata={"metrics": rows, "registry": entries})


@asset(
    deps=[names.FACTORY_METRICS],
    group_name=names.ANALYTICS,
    owners=names.OWNERS,
    kinds={"postgres", "sql"},
    tags={"domain": "analytics"},
    description="The metrics in PostgreSQL, for tools that do not speak DuckDB. Without GREENLANG_MIRROR_URL: nothing.",
)
def mirror_tables(factory: FactoryResource) -> MaterializeResult:
    """Bring the mirror up to date."""
    filled = factory.fill_mirror()
    return MaterializeResult(metadata=filled or {"mirror": "none: GREENLANG_MIRROR_URL names no database"})


ASSETS = [factory_metrics, mirror_tables]
CHECKS = [metrics_agree_with_the_registry]
