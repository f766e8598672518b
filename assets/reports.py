"""The pages of the morning: the report of the last night, and the dashboard over many.

Belongs here: declarations and thin bodies. Does not belong here: figures and pages (``greenlang.digest``).
"""

from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, asset

from assets import names
from resources.factory import FactoryResource


@asset(
    deps=[names.FACTORY_METRICS],
    group_name=names.ANALYTICS,
    owners=names.OWNERS,
    kinds={"markdown"},
    tags={"domain": "analytics"},
    description="What the last night built, what failed and why, what it cost, whom another factor release touched.",
)
def morning_report(context: AssetExecutionContext, factory: FactoryResource) -> MaterializeResult:
    """Write the report of a night, and show it."""
    text, page = factory.morning_report(context.run.tags.get(names.MORNING_TAG, ""))
    return MaterializeResult(metadata={"report": MetadataValue.md(text), "page": MetadataValue.path(str(page))})


@asset(
    deps=[names.FACTORY_METRICS],
    group_name=names.ANALYTICS,
    owners=names.OWNERS,
    kinds={"html"},
    tags={"domain": "analytics"},
    description="Pass rate, cost, duration, dimensions, factor releases, lineage and slowest agents, night by night.",
)
def dashboard(context: AssetExecutionContext, factory: FactoryResource) -> MaterializeResult:
    """Build the page anew."""
    text, page = factory.dashboard(context.run.tags.get(names.MORNING_TAG, ""))
    return MaterializeResult(metadata={"dashboard": MetadataValue.md(text), "page": MetadataValue.path(str(page))})


ASSETS = [morning_report, dashboard]
