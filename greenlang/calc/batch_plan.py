"""A batch as one query: rows in, results with status, reason and digest out.

The query is made in layers, each a SELECT over the one before:

    1  the row joined to its combination, its numbers in narrow types
    2  the first thing that is wrong with the row, by number (0: nothing)
    3  each output in plain SQL, exact (`greenlang.formulas.sql`); why not, where it has no answer
    4  the declared Decimal function, for the few rows that 38 digits do not hold
    5  status and reason; outputs where the status is ok
    6  the digest

Belongs here: these layers. Does not belong here: checks of single symbols (``batch_checks``), the compiled outputs
(``batch_outputs``), running (``batch``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlang.calc.batch_binding import Binding
from greenlang.calc.batch_checks import Check, Names, RowChecks, row_checks
from greenlang.calc.batch_combinations import Combinations
from greenlang.calc.batch_mapping import BatchMapping
from greenlang.calc.batch_numbers import NumberColumn
from greenlang.calc.batch_outputs import OutputSql, bases_by_row, compile_outputs
from greenlang.calc.batch_rows import Field, row_digest
from greenlang.calc.batch_source import Source
from greenlang.sql import quoted

if TYPE_CHECKING:
    import duckdb

DIGEST = "row_digest"


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of the results. ``role``: given, output, basis, key, combination, status, reason, digest."""

    name: str
    type: str
    role: str
    unit: str = ""

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"name": self.name, "type": self.type, "role": self.role, "unit": self.unit}


@dataclass(slots=True)
class Plan:
    """Everything that the query of a batch is made of."""

    source: Source
    mapping: BatchMapping
    binding: Binding
    numbers: dict[str, NumberColumn]
    made: Combinations
    names: Names
    checks: RowChecks
    outputs: list[OutputSql]
    by_row: str  # SQL of the bases that depend on the row, or empty
    doubled: str  # the table of ids that stand on several rows, or empty

    @property
    def columns(self) -> list[ResultColumn]:
        """The columns of the results."""
        given = [ResultColumn(name, self.source.types[name], "given") for name in self.mapping.columns]
        outputs = [ResultColumn(out.column, out.type, "output", out.unit) for out in self.outputs]
        bases = [ResultColumn(name, "VARCHAR", "basis") for name in self.binding.basis_columns.values()]
        keys = [ResultColumn(name, "VARCHAR", "key") for name in self.binding.factor_columns.values()]
        rest = [("combination", "INTEGER"), ("status", "VARCHAR"), ("reason", "VARCHAR")]
        return [*given, *outputs, *bases, *keys, *(ResultColumn(name, kind, name) for name, kind in rest)]

    @property
    def fields(self) -> list[Field]:
        """The fields of the canonical text of a row."""
        entries = self.mapping.inputs.values()
        itself = {*self.mapping.id, *self.mapping.carry, *(entry.column for entry in entries)}
        given = [name for name in self.mapping.columns if name in itself]
        out = [Field("given", name, self.source.types[name]) for name in given]
        out.append(Field("combination", "combination", "VARCHAR"))
        out += [Field("output", output.column, output.type) for output in self.outputs]
        if self.by_row:
            out += [Field("basis", name, "VARCHAR") for name in self.binding.basis_columns.values()]
        return [*out, Field("status", "status", "VARCHAR"), Field("reason", "reason", "VARCHAR")]

    def query(self) -> str:
        """Results with their digests, as they are written."""
        digest = row_digest(self.fields, self.names.own("digest"))
        listed = ", ".join(quoted(column.name) for column in self.columns)
        return f"SELECT {listed}, {digest} AS {DIGEST} FROM ({self.results()})"  # noqa: S608 - names are quoted

    def results(self) -> str:
        """Results without digests, with the columns that the query made for itself."""
        return self.shown(self.computed(f"SELECT * FROM {self.source.relation}"))  # noqa: S608

    def computed(self, sql: str) -> str:
        """The layers up to status and values: columns ``<prefix>_status``, ``<prefix>_why``, ``<prefix>_v<number>``.

        ``sql`` is a SELECT with the columns of the activities; all of its columns are kept.
        """
        sql = self._checked(self._joined(sql))
        plain, reasons, calls, values, fine = [], [], [], [], []
        own = self.names.own
        bad, wide = own("bad"), self._wide()
        for number, out in enumerate(self.outputs):
            p, r, c, v = (own(f"{letter}{number}") for letter in ("p_", "r_", "c_", "v_"))
            plain.append(f"CASE WHEN {bad} = 0 THEN {out.plain} END AS {p}")
            why = f"nullif({out.reason}, 'ok')"
            why = f"CASE WHEN {wide} THEN NULL ELSE {why} END" if wide else why
            reasons.append(f"CASE WHEN {bad} = 0 AND {p} IS NULL THEN {why} END AS {r}")
            if out.call:
                calls.append(f"CASE WHEN {bad} = 0 AND {p} IS NULL AND {r} IS NULL THEN {out.call} END AS {c}")
                values.append(f"coalesce({p}, TRY_CAST(substr({c}, 2) AS {out.type})) AS {v}")
                values.append(
                    f"coalesce({r}, CASE WHEN NOT starts_with({c}, '=') THEN {c} END) AS {own(f's_{number}')}"
                )
            else:
                values += [f"{p} AS {v}", f"{r} AS {own(f's_{number}')}"]
            fine.append(f"{v} IS NOT NULL")
        for layer in (plain, reasons, calls, values):
            if layer:
                sql = f"SELECT *, {', '.join(layer)} FROM ({sql})"  # noqa: S608 - names and expressions of ours
        return f"SELECT *, {self._status(fine)} AS {own('status')} FROM ({sql})"  # noqa: S608

    def shown(self, sql: str) -> str:
        """The results' own columns beside those of `computed`: outputs, bases, keys, status, reason."""
        own = self.names.own
        ok = f"{own('status')} = 'ok'"
        parts = [
            f"CASE WHEN {ok} THEN {own(f'v_{number}')} END AS {quoted(out.column)}"
            for number, out in enumerate(self.outputs)
        ]
        for number, (name, column) in enumerate(self.binding.basis_columns.items(), start=1):
            label = quoted(own(f"basis_{name}"))
            if self.by_row:
                label = f"coalesce({label}, {own('asked')}[{number}])"
            parts.append(f"CASE WHEN {ok} THEN {label} END AS {quoted(column)}")
        parts += [f"{self.names.of('k', name)} AS {quoted(c)}" for name, c in self.binding.factor_columns.items()]
        parts += [f"{own('c')} AS combination", f"{own('status')} AS status", f"{self._reason()} AS reason"]
        return f"SELECT *, {', '.join(parts)} FROM ({sql})"  # noqa: S608

    def _joined(self, sql: str) -> str:
        """Layer 1."""
        own, of = self.names.own, self.names.of
        parts = []
        for name, entry in self.binding.numbers.items():
            parts.append(f"{self.numbers[entry.column].value} AS {of('n', name)}")
        for name, column in self.binding.texts.items():
            parts.append(f"CAST({quoted(column)} AS VARCHAR) AS {of('x', name)}")
        for name, column in self.binding.truths.items():
            parts.append(f"{_truth(column, self.source.types[column])} AS {of('x', name)}")
        inner = f"SELECT *{''.join(f', {part}' for part in parts)} FROM ({sql})"  # noqa: S608
        on = " AND ".join(f"s.{quoted(c)} IS NOT DISTINCT FROM c.{quoted(c)}" for c in self.made.columns) or "TRUE"
        keys = f" EXCLUDE ({', '.join(map(quoted, self.made.columns))})" if self.made.columns else ""
        joins = f"LEFT JOIN {self.made.table} c ON {on}"
        more = ""
        if self.doubled:
            same = " AND ".join(f"s.{quoted(name)} = d.{quoted(name)}" for name in self.mapping.id)
            joins += f" LEFT JOIN {self.doubled} d ON {same}"
            more = f", d.gl_times AS {own('times')}"
        joined = f"SELECT s.*, c.*{keys}{more} FROM ({inner}) s {joins}"  # noqa: S608
        return f"SELECT *, {self.by_row} AS {own('asked')} FROM ({joined})" if self.by_row else joined  # noqa: S608

    def _checked(self, sql: str) -> str:
        """Layer 2."""
        fine = " AND ".join(self.checks.fine)
        cases = " ".join(f"WHEN {check.condition} THEN {n}" for n, check in enumerate(self.checks.checks, start=1))
        bad = f"CASE WHEN {fine} THEN 0 {cases} ELSE 0 END"
        return f"SELECT *, CAST({bad} AS SMALLINT) AS {self.names.own('bad')} FROM ({sql})"  # noqa: S608

    def _wide(self) -> str:
        """SQL: whether a number of the row does not fit its narrow type; empty where all do."""
        of = self.names.of
        tests = [
            f"({quoted(entry.column)} IS NOT NULL AND {of('n', name)} IS NULL)"
            for name, entry in self.binding.numbers.items()
            if self.numbers[entry.column].wide
        ]
        if self.made.wide:
            tests += [f"({of('f', name)} IS NULL)" for name in self.binding.factors]
        return " OR ".join(tests)

    def _status(self, fine: Sequence[str]) -> str:
        """Layer 5: the status."""
        own = self.names.own
        codes = " ".join(f"WHEN {n} THEN {check.code}" for n, check in enumerate(self.checks.checks, start=1))
        failed = ", ".join(own(f"s_{number}") for number in range(len(self.outputs)))
        return (
            f"CASE WHEN {own('bad')} = 0 AND {' AND '.join(fine)} THEN 'ok' "
            f"WHEN {own('bad')} > 0 THEN CASE {own('bad')} {codes} END ELSE coalesce({failed}, 'missing') END"
        )

    def _reason(self) -> str:
        """The sentence of a row without an answer."""
        own = self.names.own
        sentences = " ".join(f"WHEN {n} THEN {check.reason}" for n, check in enumerate(self.checks.checks, start=1))
        failed = " ".join(
            f"WHEN {own(f's_{n}')} IS NOT NULL THEN {out.sentence.replace('gl_why', own(f's_{n}'))}"
            for n, out in enumerate(self.outputs)
        )
        return (
            f"CASE WHEN {own('status')} = 'ok' THEN NULL WHEN {own('bad')} > 0 THEN CASE {own('bad')} {sentences} END "
            f"ELSE CASE {failed} END END"
        )


def make_plan(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    mapping: BatchMapping,
    binding: Binding,
    numbers: dict[str, NumberColumn],
    made: Combinations,
    *,
    doubled: str,
    prefix: str = "gl",
) -> Plan:
    """The plan of a batch; what its query calls is registered on the connection."""
    names = Names(prefix, binding.used)
    checks = row_checks(binding, numbers, made, names, mapping.id, unreadable=source.unreadable, doubled=bool(doubled))
    by_row = bases_by_row(connection, binding, numbers, made, names)
    if by_row:
        first = f"{names.own('asked')}[1]"
        refused = f"coalesce(starts_with({first}, '!'), FALSE)"
        told = Check(refused, "'mixed_basis'", f"substr({first}, 2)")
        checks = RowChecks((*checks.fine, f"NOT {refused}"), (*checks.checks, told))
    outputs = compile_outputs(connection, binding, numbers, made, names)
    return Plan(source, mapping, binding, numbers, made, names, checks, outputs, by_row, doubled)


def _truth(column: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return quoted(column)
    text = f"lower(trim({quoted(column)}))"
    return f"CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
