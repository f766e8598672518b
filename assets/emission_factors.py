"""The reference tables' assets: embedded factors, formulas, and the release that agents pin.

Belongs here: declarations, thin bodies, checks. Does not belong here: figures (``emission_factors/``) and
readers (``greenlang.factors``).
"""

import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetMaterialization,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
    multi_asset_check,
)

from assets import names, raw_factors
from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.run import gate_name
from resources.factory import FactoryResource

_TAGS = {"domain": "reference"}
INPUTS = 50  # drawn for each formula each day; a seed of its own each day


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
    deps=[raw_embedded, *raw_factors.RAW.values()],
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"parquet", "duckdb"},
    tags=_TAGS,
    description="The next release's candidate: the embedded base and the publishers' files that are there, joined.",
)
def factors(context: AssetExecutionContext, factory: FactoryResource) -> MaterializeResult:
    """Read what is there, join it."""
    done = factory.prepare_factors()
    table = factory.prepared_table()
    for read in done.read:
        if read.fresh:  # an edition that was read here is as good as one that was read in its own partition
            publisher, dataset, vintage = read.name.split("/")
            context.log_event(
                AssetMaterialization(
                    f"raw_{publisher}", partition=f"{dataset}@{vintage}", metadata=raw_factors.metadata(read)
                )
            )
    lines = "\n".join(f"| {e.name} | {e.seen:,} | {e.kept:,} | {e.refused_total:,} |" for e in done.read)
    missing = "\n".join(f"| {m.name} | {m.problem} | {m.mend} |" for m in done.missing)
    return MaterializeResult(
        metadata={
            "dagster/row_count": len(table),
            "digest": table.digest,
            "editions": MetadataValue.md(f"| edition | values read | kept | refused |\n|---|---|---|---|\n{lines}"),
            "not_read": MetadataValue.md(f"| edition | problem | mend |\n|---|---|---|\n{missing}"),
        },
        data_version=DataVersion(table.digest),
    )


@asset(
    group_name=names.EMISSION_FACTORS,
    owners=names.OWNERS,
    kinds={"yaml"},
    tags=_TAGS,
    description="The formula library: cited, parsed, unit-checked, and proved on its worked examples.",
)
def formulas(factory: FactoryResource) -> MaterializeResult:
    """Read the library."""
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
    """Publish the candidate, and read the table back as an agent's build reads it."""
    release = factory.publish_factors()
    table = factory.factor_table()
    tables = ("publisher", "dataset", "vintage")
    rows = Counter("/".join(parts) for parts in zip(*(table.column(name) for name in tables), strict=True))
    lines = "\n".join(f"| {name} | {n} |" for name, n in sorted(rows.items()))
    digest = _digest_of({"factors": table.digest, "formulas": [f.digest for f in factory.formulas()]})
    pictures = factory.draw_release(release) if release else {}
    return MaterializeResult(
        metadata={
            "release": table.release,
            "digest": digest,
            "tables": MetadataValue.md(f"| table | rows |\n|---|---|\n{lines}"),
            **{name: number for name, number in (release.counts if release else {}).items() if name != "kinds"},
            # A path, since the UI's Markdown drops a picture at a data: address.
            **{name: MetadataValue.path(str(path)) for name, path in pictures.items()},
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
    counts = Counter(factory.prepared_table().column("key"))
    twice = sorted(key for key, n in counts.items() if n > 1)
    shown = {"rows": counts.total(), "twice": ", ".join(twice[:10])}
    return AssetCheckResult(passed=bool(counts) and not twice, metadata=shown)


@asset_check(asset=factors, blocking=True, description="The Parquet holds the embedded figures, unchanged.")
def parquet_holds_the_embedded_figures(factory: FactoryResource) -> AssetCheckResult:
    table, entered = factory.prepared_table(), factory.factor_table(embedded=True)
    changed = [row.key for row in entered if table.get(row.key) != row]
    return AssetCheckResult(passed=not changed, metadata={"embedded": len(entered), "changed": ", ".join(changed[:10])})


@multi_asset_check(
    name="plausibility_gates",
    specs=[
        AssetCheckSpec(gate_name(gate), asset=factors, blocking=True, description=inspect.getdoc(gate))
        for gate in GATES
    ],
)
def plausibility_gates(factory: FactoryResource) -> Iterator[AssetCheckResult]:
    """Every gate over the candidate: passes where what it finds is exactly what people have reviewed."""
    report = factory.judge_factors() if factory.has_candidate() else None
    for gate in GATES:
        name = gate_name(gate)
        found = [f for f in report.findings if f.gate == name] if report else []
        open_ = [f for f in found if not f.decision]
        gone = [line for line in (report.vanished if report else ()) if line.startswith(f"{name} ")]
        yield AssetCheckResult(
            check_name=name,
            passed=not open_ and not gone,
            metadata={
                "rows_compared": report.examined.get(name, 0) if report else 0,
                "report": "kept beside these very rows" if report and report.kept else "made now",
                "reviewed": len(found) - len(open_),
                "open": "\n".join(f"{f.key}: {f.message}" for f in open_[:20]),
                "vanished": "\n".join(gone[:20]),
            },
        )


@asset_check(asset=formulas, blocking=True, description="Every formula fits its units and gives its worked cases.")
def formulas_are_cited_and_worked(factory: FactoryResource) -> AssetCheckResult:
    library = factory.formulas()
    problems = factory.formula_problems()
    published = sum(vector.published for formula in library for vector in formula.vectors)
    return AssetCheckResult(
        passed=len(library) > 0 and not problems,
        metadata={"formulas": len(library), "published_cases": published, "problems": "\n".join(problems[:20])},
    )


@asset_check(asset=formulas, description="Decimal and SQL agree on every formula, on the inputs that the day draws.")
def back_ends_agree(context: AssetCheckExecutionContext, factory: FactoryResource) -> AssetCheckResult:
    """Run by the job `daily_agreement`; the run's tag `greenlang/seed` repeats another day's draw."""
    seed = context.run.tags.get("greenlang/seed") or context.run.run_id
    rows = factory.back_ends(seed, INPUTS)
    differing = [row for row in rows if row.differences]
    return AssetCheckResult(
        passed=bool(rows) and not differing,
        metadata={
            "seed": seed,
            "outputs": len(rows),
            "inputs": sum(row.inputs + row.vectors for row in rows),
            "exact": sum(row.exact for row in rows),
            "differences": "\n".join(f"{row.formula} {row.output}: {row.example}" for row in differing[:20]),
        },
    )


ASSETS = [raw_embedded, *raw_factors.RAW.values(), factors, formulas, factor_release]
CHECKS = [
    embedded_files_are_there,
    factor_keys_are_unique,
    parquet_holds_the_embedded_figures,
    plausibility_gates,
    formulas_are_cited_and_worked,
    back_ends_agree,
]
