"""Restating results: computed anew with another release, GWP set, formula or activities, and the difference explained.

Three files come of it. The new results with their own certificate, like those of any batch. The attribution: for each
row what it was, what it is and how much of the difference each cause has. The restatement: totals, method, and whether
the base year must be recalculated.

Base year: GHG Protocol, A Corporate Accounting and Reporting Standard, revised edition (2004), chapter 5, "Tracking
Emissions Over Time": base-year emissions are recalculated where changes of method, factors or data, or errors, are
significant; the company states its own significance threshold. Growth or decline of the activities themselves is no
reason, so new activities given here must be corrections of the base year's own.

Belongs here: the order of the steps, the threshold. Does not belong here: weights (``restate_attribution``), values of
rows (``restate_plans``), their sums (``restate_rows``).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import normal_text

from greenlang.calc.batch import MEMORY, THREADS, BatchRun, plan_batch, workshop, write_batch
from greenlang.calc.batch_certificate import BatchCertificate
from greenlang.calc.batch_formula import BatchFormula
from greenlang.calc.batch_mapping import MappingMistake
from greenlang.calc.batch_recompute import as_activities, formula_of_certificate
from greenlang.calc.batch_results import open_results
from greenlang.calc.batch_source import open_source
from greenlang.calc.batch_sql import Progress, run
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.restate_attribution import CAUSES, METHODS, Method
from greenlang.calc.restate_plans import ACTIVITIES, Change, Side, Values, make_values, mapping_with
from greenlang.calc.restate_rows import Line, attribution, lines
from greenlang.errors import FormulaError
from greenlang.sql import literal

if TYPE_CHECKING:
    import duckdb

FORMAT = "greenlang-restatement/1"
STANDARD = (
    "GHG Protocol, A Corporate Accounting and Reporting Standard, revised edition (2004), chapter 5: "
    "Tracking Emissions Over Time"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changes. None stays as the certificate says; at least one must be given."""

    engine: CalculationEngine | None = None  # over the table of the other release
    gwp_set: str | None = None
    formula: BatchFormula | None = None
    activities: Path | None = None


@dataclass(frozen=True, slots=True)
class Restatement:
    """What came of it. ``content`` is the restatement as it is written, with its digest."""

    run: BatchRun
    lines: list[Line]
    content: dict[str, Any]
    attribution: Path
    path: Path

    @property
    def must_recalculate(self) -> bool | None:
        """Whether a total moved by the threshold or more; None where no threshold was given."""
        found: bool | None = self.content["base_year"]["recalculate"]
        return found


def restate(
    results: Path,
    certificate: BatchCertificate,
    out: Path,
    before: CalculationEngine,
    changes: Changes,
    *,
    method: Method = "shapley",
    order: tuple[str, ...] = CAUSES,
    threshold: Decimal | None = None,
    threads: int = THREADS,
    memory: str = MEMORY,
    progress: Progress | None = None,
) -> tuple[Restatement | None, list[MappingMistake]]:
    """New results in ``out``, the attribution and the restatement beside it.

    ``before`` is an engine over the release of the certificate. ``order`` is that of the method "order", and of the
    columns. ``threshold`` is in percent of the total before. Mistakes come back as values.
    """
    with workshop(out, threads, memory) as (connection, folder):
        found = open_results(connection, results, certificate, folder)
        if isinstance(found, str):
            return None, [MappingMistake("results", found, "`greenlang calc check` names what differs")]
        change, mistakes = _change(connection, found, certificate, before, changes, order, folder)
        if change is None:
            return None, mistakes
        values, mistakes = make_values(connection, change, folder, progress)
        if values is None:
            return None, mistakes
        if wrong := _differs(connection, values):
            return None, [wrong]
        rows = folder / "attribution.parquet"
        sql = f"COPY ({attribution(values, change.mapping, method)}) TO {literal(str(rows))} (FORMAT parquet)"
        run(connection, sql, "attributing", progress)
        summed = lines(connection, values, rows)
        made, mistakes = _new_results(connection, change, out, folder, progress)
        if made is None:
            return None, mistakes
        target = out.with_name(f"{out.stem}.attribution.parquet")
        rows.replace(target)
    content = _content(certificate, made, change, summed, method, threshold)
    path = out.with_name(f"{out.stem}.restatement.json")
    _write(content, path)
    return Restatement(made, summed, content, target, path), []


def _change(
    connection: duckdb.DuckDBPyConnection,
    results: Any,
    certificate: BatchCertificate,
    before: CalculationEngine,
    changes: Changes,
    order: tuple[str, ...],
    folder: Path,
) -> tuple[Change | None, list[MappingMistake]]:
    """From what the certificate says to what is asked."""
    content = certificate.content
    if content["release"]["digest"] != before.table.digest:
        message = (
            f"the results were made with release {content['release']['name']}, this table is {before.table.release}"
        )
        return None, [MappingMistake("release", message)]
    try:
        formula, _ = formula_of_certificate(certificate, before.formulas)
    except (FormulaError, ValueError, KeyError) as error:
        return None, [MappingMistake("formula", f"the formula of the certificate cannot be read: {error}")]
    mapping = certificate.mapping
    gwp_set = str(content["context"]["gwp_set"])
    old = Side(before, gwp_set, formula, as_activities(results, mapping))
    source = old.source
    if changes.activities is not None:
        inner = folder / "new"
        inner.mkdir()
        opened, mistakes = open_source(connection, changes.activities, mapping, inner)
        if opened is None:
            return None, mistakes
        source = opened
    new = Side(
        changes.engine or before,
        gwp_set if changes.gwp_set is None else changes.gwp_set,
        changes.formula or formula,
        source,
    )
    differs = {
        "factors": new.engine.table.digest != before.table.digest,
        "gwp_set": new.gwp_set != gwp_set,
        "formula": new.formula.formula.digest != formula.formula.digest,
        ACTIVITIES: changes.activities is not None,
    }
    causes = tuple(cause for cause in order if differs[cause])
    if not causes:
        return None, [MappingMistake("changes", "nothing changes", "name another release, GWP set, formula or file")]
    return Change(mapping, old, new, causes), []


def _differs(connection: duckdb.DuckDBPyConnection, values: Values) -> MappingMistake | None:
    """Whether the results are those that come out now, before anything has changed."""
    nothing = frozenset[str]()
    tests = ["was_status IS DISTINCT FROM status_before"]
    for place in range(len(values.outputs)):
        tests.append(f"(was_status = 'ok' AND was{place} IS DISTINCT FROM {values.column(nothing, place)})")
    found = connection.execute(
        f"SELECT count(*) FROM {values.relation} WHERE was_status IS NOT NULL AND ({' OR '.join(tests)})"  # noqa: S608
    ).fetchall()[0]
    if not found[0]:
        return None
    message = f"{found[0]:,} rows of the results come out otherwise before anything has changed"
    return MappingMistake("results", message, "`greenlang calc check` names them")


def _new_results(
    connection: duckdb.DuckDBPyConnection, change: Change, out: Path, folder: Path, progress: Progress | None
) -> tuple[BatchRun | None, list[MappingMistake]]:
    """The results with everything changed, as a batch of its own."""
    after = change.after
    mapping = mapping_with(change.mapping, after.engine, after.gwp_set)
    plan, mistakes = plan_batch(
        connection, after.source, mapping, after.engine, formula=after.formula, progress=progress
    )
    if plan is None:
        return None, mistakes
    return write_batch(connection, plan, out, folder, after.engine, progress), []


def _content(
    certificate: BatchCertificate,
    made: BatchRun,
    change: Change,
    summed: list[Line],
    method: Method,
    threshold: Decimal | None,
) -> dict[str, Any]:
    moved = [line for line in summed if threshold is not None and line.reaches(threshold)]
    content: dict[str, Any] = {
        "format": FORMAT,
        "before": _standing(certificate),
        "after": _standing(made.certificate),
        "causes": list(change.causes),
        "method": {"name": method, "text": METHODS[method]},
        "totals": [line.as_dict() for line in summed],
        "base_year": {
            "standard": STANDARD,
            "threshold_percent": None if threshold is None else normal_text(threshold),
            "recalculate": None if threshold is None else bool(moved),
            "moved": [line.name for line in moved],
            "note": "new activities count as corrections of the base year's own, not as growth"
            if ACTIVITIES in change.causes
            else "",
        },
    }
    return {**content, "digest": digest(content)}


def _standing(certificate: BatchCertificate) -> dict[str, Any]:
    content = certificate.content
    return {
        "certificate": certificate.digest,
        "root": certificate.root,
        "release": content["release"],
        "gwp_set": content["context"]["gwp_set"],
        "formula": {"id": content["formula"]["id"], "digest": content["formula"]["digest"]},
        "activities": content["activities"],
        "rows": content["counts"],
    }


def _write(content: dict[str, Any], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
