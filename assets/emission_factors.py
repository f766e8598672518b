"""The reference tables' assets: embedded factors, formulas, and the release that agents pin.

Belongs here: declarations, thin bodies, checks. Does not belong here: figures (``emission_factors/``) and
readers (``greenlang.factors``).
"""

import hashlib
import json
from collections import Counter

from dagster import (
    AssetCheckResult,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from assets import names
from resources.factory import FactoryResource

_TAGS = {"domain": "reference"}


def _digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@asset(
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"csv"},
    tags=_TAGS,
    description="The embedded factor base as entered: cited figures in CSV and YAML, a digest a file.",
)
def raw_embedded(factory: FactoryResource) -> MaterializeResult:
    """List and digest the embedded files."""
    files = factory.embedded_files()
    table = "\n".join(f"| {name} | `{digest[:16]}` |" for name, digest in files.items())
    digests = MetadataValue.md(f"| file | SHA-256 |\n|---|---|\n{table}")
    return MaterializeResult(
        metadata={"files": len(files), "digests": digests}, data_version=DataVersion(_digest_of(files))
    )


@asset(
    deps=[raw_embedded],
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"parquet", "duckdb"},
    tags=_TAGS,
    description="The factor table: one row a factor with publisher, table, cell and vintage, as Parquet.",
)
def factors(factory: FactoryResource) -> MaterializeResult:
    """Build the table."""
    info = factory.build_tables()
    return MaterializeResult(
        metadata={
            "dagster/row_count": info.rows,
            "release": info.release,
            "digest": info.digest,
            "seconds": info.seconds,
            "file": MetadataValue.path(str(factory.settings.tables / "factors.parquet")),
        },
        data_version=DataVersion(info.digest),
    )


@asset(
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"yaml"},
    tags=_TAGS,
    description="The formula library: cited, parsed, unit-checked, and proved on its worked examples.",
)
def formulas(factory: FactoryResource) -> MaterializeResult:
    """Load the library, which checks all of it."""
    digests = {formula.id: formula.digest for formula in factory.formulas()}
    table = "\n".join(f"| {name} | `{digest[:16]}` |" for name, digest in digests.items())
    return MaterializeResult(
        metadata={
            "dagster/row_count": len(digests),
            "formulas": MetadataValue.md(f"| formula | digest |\n|---|---|\n{table}"),
        },
        data_version=DataVersion(_digest_of(digests)),
    )


@asset(
    deps=[factors, formulas],
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"parquet"},
    tags=_TAGS,
    description="The release that agents pin: the factor table and the formulas under one name and digest.",
)
def factor_release(factory: FactoryResource) -> MaterializeResult:
    """Read both back as an agent's build reads them."""
    table = factory.factor_table()
    rows = Counter(f"{row.publisher}/{row.dataset}/{row.vintage}" for row in table)
    lines = "\n".join(f"| {name} | {n} |" for name, n in sorted(rows.items()))
    digest = _digest_of({"factors": table.digest, "formulas": [f.digest for f in factory.formulas()]})
    return MaterializeResult(
        metadata={
            "release": table.release,
            "digest": digest,
            "tables": MetadataValue.md(f"| table | rows |\n|---|---|\n{lines}"),
        },
        data_version=DataVersion(digest),
    )


@asset_check(asset=raw_embedded, description="There are factor files, and none is empty.")
def embedded_files_are_there(factory: FactoryResource) -> AssetCheckResult:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    files = factory.embedded_files()
    bad = sorted(name for name, digest in files.items() if digest == empty)
    return AssetCheckResult(passed=bool(files) and not bad, metadata={"files": len(files), "empty": len(bad)})


@asset_check(asset=factors, blocking=True, description="No factor key stands twice.")
def factor_keys_are_unique(factory: FactoryResource) -> AssetCheckResult:
    counts = Counter(row.key for row in factory.factor_table())
    twice = sorted(key for key, n in counts.items() if n > 1)
    shown = {"rows": counts.total(), "twice": ", ".join(twice[:10])}
    return AssetCheckResult(passed=bool(counts) and not twice, metadata=shown)


@asset_check(asset=factors, blocking=True, description="The Parquet holds exactly the embedded figures.")
def parquet_equals_the_embedded_figures(factory: FactoryResource) -> AssetCheckResult:
    stored, entered = factory.factor_table().digest, factory.factor_table(embedded=True).digest
    return AssetCheckResult(passed=stored == entered, metadata={"stored": stored, "entered": entered})


@asset_check(asset=formulas, description="Every formula is cited and has a worked example.")
def formulas_are_cited_and_worked(factory: FactoryResource) -> AssetCheckResult:
    library = factory.formulas()
    bare = sorted(f.id for f in library if not f.citation.document or not f.vectors)
    return AssetCheckResult(passed=len(library) > 0 and not bare, metadata={"without": ", ".join(bare)})


ASSETS = [raw_embedded, factors, formulas, factor_release]
CHECKS = [
    embedded_files_are_there,
    factor_keys_are_unique,
    parquet_equals_the_embedded_figures,
    formulas_are_cited_and_worked,
]
