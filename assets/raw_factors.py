"""One asset a publisher, a partition an edition: the publisher's files as read, with the account of every value.

Belongs here: declarations, thin bodies. Does not belong here: layouts (``greenlang.factors.readers``).
"""

from collections import defaultdict

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DataVersion,
    Failure,
    MaterializeResult,
    MetadataValue,
    StaticPartitionsDefinition,
    asset,
)

from assets import names
from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.editions import EditionMissing, EditionRead
from resources.factory import FactoryResource


def partition(edition: Edition) -> str:
    """The edition's partition key: ``dataset@vintage``."""
    return f"{edition.dataset}@{edition.vintage}"


def metadata(read: EditionRead) -> dict[str, object]:
    """What an edition gave, for the UI."""
    reasons = "\n".join(f"| {reason} | {number:,} |" for reason, number in read.refused.items())
    return {
        "dagster/row_count": read.kept + read.derived,
        "values_read": read.seen,
        "values_kept": read.kept,
        "values_refused": read.refused_total,
        "rows_derived": read.derived,
        "refused": MetadataValue.md(f"| reason | values |\n|---|---|\n{reasons}" if reasons else "nothing was refused"),
        "file": MetadataValue.path(str(read.parquet)),
    }


def _raw(publisher: str, editions: list[Edition]) -> AssetsDefinition:
    named = {partition(edition): edition for edition in editions}

    @asset(
        name=f"raw_{publisher}",
        partitions_def=StaticPartitionsDefinition(sorted(named)),
        group_name=names.EMISSION_FACTORS,
        owners=names.OWNERS,
        kinds={"parquet"},
        tags={"domain": "reference"},
        description=f"{editions[0].publisher_name}: {', '.join(sorted({e.title for e in editions}))}, as published.",
    )
    def raw(context: AssetExecutionContext, factory: FactoryResource) -> MaterializeResult:
        read = factory.read_edition(named[context.partition_key].name)
        if isinstance(read, EditionMissing):
            raise Failure(f"{read.name}: {read.problem}; {read.mend}", allow_retries=False)
        return MaterializeResult(metadata=metadata(read), data_version=DataVersion(read.digest))

    return raw


def build() -> dict[str, AssetsDefinition]:
    """Publisher -> its raw asset, for every publisher of the catalogue whose factors are read."""
    by_publisher: dict[str, list[Edition]] = defaultdict(list)
    for edition in catalogue():
        if not edition.cross_check:
            by_publisher[edition.publisher].append(edition)
    return {publisher: _raw(publisher, editions) for publisher, editions in sorted(by_publisher.items())}


RAW = build()
