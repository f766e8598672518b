"""The difference of each row and of all rows, divided among the causes.

A row is divided where it has an answer under every set of causes. Where it has none under one of them (a factor that
the new release withdrew), its difference stands apart as ``unattributed``, with the status that kept it from it; so
attributed and unattributed always add up to the difference, in each row and in each total.

Belongs here: the attribution's columns and sums. Does not belong here: weights (``restate_attribution``), files.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import calculation, normal_text

from greenlang.calc.batch_mapping import BatchMapping
from greenlang.calc.quantity import BIOGENIC_CO2, power_of
from greenlang.calc.restate_attribution import MORE, Method, amount, parts, whole, with_rest
from greenlang.calc.restate_plans import Output, Values
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

_PERCENT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One total: an output on one basis before and one after. The parts and what is unattributed add up exactly."""

    output: str
    unit: str
    basis_before: str
    basis_after: str
    rows: int
    before: Decimal
    after: Decimal
    parts: dict[str, Decimal]
    unattributed: Decimal
    unattributed_rows: int

    @property
    def name(self) -> str:
        """The output, with its bases where it has any."""
        bases = dict.fromkeys(basis for basis in (self.basis_before, self.basis_after) if basis)
        return f"{self.output} ({' to '.join(bases)})" if bases else self.output

    @property
    def difference(self) -> Decimal:
        """After minus before."""
        with calculation() as context:
            context.prec = 60
            return self.after - self.before

    @property
    def percent(self) -> Decimal | None:
        """The difference in percent of the total before, to six digits; None where that is zero."""
        if not self.before:
            return None
        with calculation() as context:
            context.prec = 60
            found = self.difference / abs(self.before) * 100
            return found.quantize(Decimal(1).scaleb(-_PERCENT_DIGITS))

    def reaches(self, threshold: Decimal) -> bool:
        """Whether the total moved by that many percent or more; anything moves a total of zero without end."""
        if power_of(BIOGENIC_CO2, self.unit):
            return False  # outside every total
        with calculation() as context:
            context.prec = 60
            return bool(self.difference) and abs(self.difference) * 100 >= threshold * abs(self.before)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "output": self.output,
            "unit": self.unit,
            "basis_before": self.basis_before,
            "basis_after": self.basis_after,
            "rows": self.rows,
            "before": normal_text(self.before),
            "after": normal_text(self.after),
            "difference": normal_text(self.difference),
            "percent": None if self.percent is None else normal_text(self.percent),
            "parts": {cause: normal_text(value) for cause, value in self.parts.items()},
            "unattributed": normal_text(self.unattributed),
            "unattributed_rows": self.unattributed_rows,
        }


def attribution(values: Values, mapping: BatchMapping, method: Method) -> str:
    """SQL: ids, statuses, and for each output before, after, difference, the part of each cause, unattributed."""
    sql = f"SELECT * FROM {values.relation}"  # noqa: S608 - names of ours
    for place, output in enumerate(values.outputs):
        sql = _divided(sql, values, place, output, method)
    columns = [quoted(name) for name in mapping.id] + ["status_before", "status_after"]
    for place, output in enumerate(values.outputs):
        columns += _columns(values, place, output)
    return f"SELECT {', '.join(columns)} FROM ({sql})"  # noqa: S608


def _divided(sql: str, values: Values, place: int, output: Output, method: Method) -> str:
    """Layers with the whole numbers of an output: w each value, d the difference, a and b the parts."""
    sets = values.sets()
    answered = " AND ".join(f"{values.column(changed, place)} IS NOT NULL" for changed in sets)
    small = [
        f"TRY(CASE WHEN {answered} THEN {whole(values.column(changed, place), output.decimals)} END) AS w{n}_{place}"
        for n, changed in enumerate(sets)
    ]
    wholes = {changed: f"w{number}_{place}" for number, changed in enumerate(sets)}
    found = parts(wholes, values.causes, method)
    first = [f"TRY({part}) AS a{n}_{place}" for n, part in enumerate(found.values())]
    first.append(f"w{len(sets) - 1}_{place} - w0_{place} AS d_{place}")
    columns = {cause: f"a{number}_{place}" for number, cause in enumerate(values.causes)}
    second = with_rest(columns, f"d_{place}")
    last = [
        f"TRY({amount(part, output.decimals + MORE)}) AS b{number}_{place}"
        for number, part in enumerate(second.values())
    ]
    for layer in (small, first, last):
        sql = f"SELECT *, {', '.join(layer)} FROM ({sql})"  # noqa: S608
    return sql


def _columns(values: Values, place: int, output: Output) -> list[str]:
    kind = f"DECIMAL(38,{output.decimals})"
    long = f"DECIMAL(38,{output.decimals + MORE})"
    zero = f"CAST(0 AS {kind})"
    first, last = values.column(frozenset(), place), values.column(frozenset(values.causes), place)
    before, after = f"coalesce({first}, {zero})", f"coalesce({last}, {zero})"
    divided = " AND ".join(f"b{number}_{place} IS NOT NULL" for number in range(len(values.causes)))
    name = output.column
    out = [
        f"CASE WHEN status_before = 'ok' THEN {first} END AS {quoted(f'{name}_before')}",
        f"CASE WHEN status_after = 'ok' THEN {last} END AS {quoted(f'{name}_after')}",
    ]
    out.append(f"CAST({after} - {before} AS {kind}) AS {quoted(f'{name}_difference')}")
    for number, cause in enumerate(values.causes):
        part = f"CASE WHEN {divided} THEN b{number}_{place} ELSE CAST(0 AS {long}) END"
        out.append(f"{part} AS {quoted(f'{name}_by_{cause}')}")
    rest = f"CASE WHEN {divided} THEN CAST(0 AS {long}) ELSE CAST({after} - {before} AS {long}) END"
    out.append(f"{rest} AS {quoted(f'{name}_unattributed')}")
    if output.name in values.first.binding.basis_columns:
        out.append(f"coalesce({quoted(f'before_{output.name}')}, '') AS {quoted(f'{name}_basis_before')}")
        out.append(f"coalesce({quoted(f'after_{output.name}')}, '') AS {quoted(f'{name}_basis_after')}")
    return out


def lines(connection: duckdb.DuckDBPyConnection, values: Values, rows: Path) -> list[Line]:
    """The totals of each output, by its bases before and after."""
    from greenlang import units

    relation = f"read_parquet({literal(str(rows))})"
    out = []
    for output in values.outputs:
        if units.is_rate(output.unit) or units.same_dimension(output.unit, units.DIMENSIONLESS):
            continue  # sums of rates and shares mean nothing
        name = output.column
        bases = ["''", "''"]
        if output.name in values.first.binding.basis_columns:
            bases = [quoted(f"{name}_basis_before"), quoted(f"{name}_basis_after")]
        sums = [f"{name}_before", f"{name}_after", *(f"{name}_by_{c}" for c in values.causes), f"{name}_unattributed"]
        summed = ", ".join(f"coalesce(sum({quoted(column)}), 0)" for column in sums)
        unattributed = f"count(*) FILTER ({quoted(f'{name}_unattributed')} <> 0)"
        found = connection.execute(
            f"SELECT {bases[0]} AS one, {bases[1]} AS other, count(*), {unattributed}, {summed} FROM {relation} "  # noqa: S608
            f"WHERE coalesce({quoted(f'{name}_before')}, {quoted(f'{name}_after')}) IS NOT NULL "
            "GROUP BY ALL ORDER BY one, other"
        ).fetchall()
        for one, other, count, apart, before, after, *rest in _one_basis(found):
            by = dict(zip(values.causes, rest[:-1], strict=True))
            out.append(Line(output.name, output.unit, one, other, count, before, after, by, rest[-1], apart))
    return out


def _one_basis(found: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows that have no answer on one side have no basis there: they join the others if those have one basis only."""
    ends: list[str | None] = []
    for side in (0, 1):
        bases = {row[side] for row in found if row[side]}
        ends.append(bases.pop() if len(bases) == 1 else None)
    out: dict[tuple[str, str], list[Any]] = {}
    with calculation() as context:
        context.prec = 60
        for one, other, *numbers in found:
            key = (one or ends[0] or "", other or ends[1] or "")
            before = out.get(key)
            out[key] = [*key, *numbers] if before is None else [*key, *map(add, before[2:], numbers)]
    return list(out.values())
