"""Every combination of old and new: one plan for each set of causes, all of them over the same rows in one query.

Factors, GWP set and formula make plans; the activities are the old or the new ones. A row that only one side has counts
as zero on the other, so it belongs to the activities.

Belongs here: the values v(S) of each row. Does not belong here: dividing differences (``restate_attribution``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.calc.batch import plan_batch
from greenlang.calc.batch_formula import BatchFormula
from greenlang.calc.batch_mapping import BatchMapping, MappingMistake, stored_mapping
from greenlang.calc.batch_plan import Plan
from greenlang.calc.batch_source import Source
from greenlang.calc.batch_sql import Progress, run
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.restate_attribution import Causes, subsets
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

ACTIVITIES = "activities"
_LOST = ("doubled_id", "missing_id", "unreadable")


@dataclass(frozen=True, slots=True)
class Side:
    """What a calculation stands on: table, GWP set, formula, activities."""

    engine: CalculationEngine
    gwp_set: str
    formula: BatchFormula
    source: Source


@dataclass(frozen=True, slots=True)
class Change:
    """From one side to the other, over one mapping."""

    mapping: BatchMapping
    before: Side
    after: Side
    causes: tuple[str, ...]  # those that change, in their order

    def side(self, changed: Causes) -> tuple[CalculationEngine, BatchMapping, BatchFormula]:
        """What stands where these causes have changed."""

        def chosen(cause: str) -> Side:
            return self.after if cause in changed else self.before

        engine = chosen("factors").engine
        mapping = mapping_with(self.mapping, engine, chosen("gwp_set").gwp_set)
        return engine, mapping, chosen("formula").formula


@dataclass(frozen=True, slots=True)
class Output:
    """An output that both formulas have, in one unit."""

    name: str
    column: str
    unit: str
    decimals: int


@dataclass(slots=True)
class Values:
    """A table with the values of every row under every set of causes."""

    relation: str
    causes: tuple[str, ...]
    outputs: list[Output]
    first: Plan
    last: Plan

    def sets(self) -> list[Causes]:
        """Every set of causes."""
        return subsets(self.causes)

    def column(self, changed: Causes, output: int) -> str:
        """The column of one value; NULL where the row has no answer."""
        return f"v{self.sets().index(changed)}_{output}"


def mapping_with(mapping: BatchMapping, engine: CalculationEngine, gwp_set: str) -> BatchMapping:
    """The mapping for another release and GWP set; references lose the release that they were pinned to."""
    content: dict[str, Any] = mapping.model_dump(mode="json", exclude_defaults=True)
    context = dict(content.get("context", {}))
    if context.get("release"):
        context["release"] = engine.table.release
    context["gwp_set"] = gwp_set
    content["context"] = context
    for entry in content.get("factors", {}).values():
        if entry.get("ref"):
            entry["ref"] = str(entry["ref"]).partition("@")[0]
    return stored_mapping(content)


def make_values(
    connection: duckdb.DuckDBPyConnection, change: Change, folder: Path, progress: Progress | None
) -> tuple[Values | None, list[MappingMistake]]:
    """The table of all values, in a Parquet file in ``folder``; or what keeps a plan from being made."""
    plans: dict[tuple[Causes, bool], Plan] = {}
    fixed = [cause for cause in change.causes if cause != ACTIVITIES]
    sources = [(change.before.source, False)]
    if ACTIVITIES in change.causes:
        sources.append((change.after.source, True))
    for source, new in sources:
        for number, changed in enumerate(subsets(fixed)):
            engine, mapping, formula = change.side(changed)
            plan, mistakes = plan_batch(
                connection, source, mapping, engine, formula=formula, prefix=f"gl{'n' if new else 'o'}{number}"
            )
            if plan is None:
                what = " and ".join(sorted(changed)) or "nothing"
                return None, [MappingMistake(m.place, f"with {what} changed: {m.message}", m.mend) for m in mistakes]
            plans[changed, new] = plan
    first = plans[frozenset(), False]
    last = plans[frozenset(fixed), ACTIVITIES in change.causes]
    outputs = list(_common(list(plans.values())))
    if not outputs:
        return None, [MappingMistake("outputs", "the two formulas have no output in common, in one unit")]
    for source, new in sources:
        own = [(changed, plan) for (changed, side), plan in plans.items() if side == new]
        sql = _side(source, own, fixed, change.mapping, outputs, before=not new)
        target = folder / f"{'new' if new else 'old'}.parquet"
        run(connection, f"COPY ({sql}) TO {literal(str(target))} (FORMAT parquet)", "evaluating", progress)
    made = Values("", change.causes, outputs, first, last)
    target = folder / "values.parquet"
    sql = _joined(made, change.mapping, folder, fixed)
    run(connection, f"COPY ({sql}) TO {literal(str(target))} (FORMAT parquet)", "comparing", progress)
    made.relation = f"read_parquet({literal(str(target))})"
    return made, []


def _common(plans: Sequence[Plan]) -> Iterator[Output]:
    """Outputs that every plan has under one name, in one unit, with the same digits."""
    others = [{out.name: out for out in plan.outputs} for plan in plans[1:]]
    for out in plans[0].outputs:
        if all(
            o.get(out.name) and (o[out.name].unit, o[out.name].decimals) == (out.unit, out.decimals) for o in others
        ):
            yield Output(out.name, out.column, out.unit, out.decimals)


def _side(
    source: Source,
    plans: Sequence[tuple[Causes, Plan]],
    fixed: Sequence[str],
    mapping: BatchMapping,
    outputs: Sequence[Output],
    *,
    before: bool,
) -> str:
    """SQL: ids, and for each plan the values, the status, the bases. Rows that cannot be told apart are left out."""
    sql = f"SELECT * FROM {source.relation}"  # noqa: S608 - ours
    parts = [f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in mapping.id]
    order = subsets(fixed)
    for changed, plan in plans:
        sql = plan.computed(sql)
        number, own = order.index(changed), plan.names.own
        places = {out.name: place for place, out in enumerate(plan.outputs)}
        for place, output in enumerate(outputs):
            value = own(f"v_{places[output.name]}")
            parts.append(f"CASE WHEN {own('status')} = 'ok' THEN {value} END AS p{number}_{place}")
        parts.append(f"{own('status')} AS status{number}")
        if not changed or len(changed) == len(fixed):
            for name in plan.binding.basis_columns:
                parts.append(f"{_basis(plan, name)} AS {quoted(f'basis{number}_{name}')}")
    if before:
        parts.append("gl_was_status AS was_status")
        parts += [f"{quoted(f'gl_was_{output.column}')} AS was{place}" for place, output in enumerate(outputs)]
    lost = ", ".join(map(literal, _LOST))
    first = plans[0][1].names.own("status")
    return f"SELECT {', '.join(parts)} FROM ({sql}) WHERE {first} NOT IN ({lost})"  # noqa: S608


def _basis(plan: Plan, output: str) -> str:
    own = plan.names.own
    label = quoted(own(f"basis_{output}"))
    if plan.by_row:
        place = list(plan.binding.basis_columns).index(output) + 1
        label = f"coalesce({label}, {own('asked')}[{place}])"
    return f"CASE WHEN {own('status')} = 'ok' THEN {label} END"


def _joined(made: Values, mapping: BatchMapping, folder: Path, fixed: Sequence[str]) -> str:
    """SQL: one row an id, with the values of every set, the statuses before and after, and the bases."""
    ids = ", ".join(map(quoted, mapping.id))
    both = ACTIVITIES in made.causes
    order = subsets(fixed)
    parts = [ids]
    for changed in made.sets():
        side = "n" if ACTIVITIES in changed else "o"
        number = order.index(changed - {ACTIVITIES})
        for place, output in enumerate(made.outputs):
            value = f"{side}.p{number}_{place}"
            if both:
                value = f"CASE WHEN {side}.there THEN {value} ELSE CAST(0 AS DECIMAL(38,{output.decimals})) END"
            parts.append(f"{value} AS {made.column(changed, place)}")
    last, end = len(order) - 1, "n" if both else "o"
    parts += ["o.status0 AS status_before", f"{end}.status{last} AS status_after", "o.was_status AS was_status"]
    parts += [f"o.was{place} AS was{place}" for place in range(len(made.outputs))]
    for name in made.first.binding.basis_columns:
        parts.append(f"o.{quoted(f'basis0_{name}')} AS {quoted(f'before_{name}')}")
    for name in made.last.binding.basis_columns:
        parts.append(f"{end}.{quoted(f'basis{last}_{name}')} AS {quoted(f'after_{name}')}")
    sql = f"SELECT {', '.join(parts)} FROM {_written(folder, 'old')} o"  # noqa: S608 - names are quoted
    return f"{sql} FULL OUTER JOIN {_written(folder, 'new')} n USING ({ids})" if both else sql


def _written(folder: Path, side: str) -> str:
    path = literal(str(folder / f"{side}.parquet"))
    return f"(SELECT *, TRUE AS there FROM read_parquet({path}))"  # noqa: S608
