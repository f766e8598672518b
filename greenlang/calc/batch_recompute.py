"""Results computed again from what they hold: the columns of the activities are in them, as they were given.

Belongs here: results as activities of a new plan, and where the two differ. Does not belong here: findings
(``batch_verify``), attribution (``restate``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenlang.calc.batch import plan_batch
from greenlang.calc.batch_certificate import BatchCertificate
from greenlang.calc.batch_formula import OWN_ID, BatchFormula, formula_from_text, formula_of
from greenlang.calc.batch_mapping import BatchMapping, MappingMistake
from greenlang.calc.batch_plan import Plan
from greenlang.calc.batch_results import Results
from greenlang.calc.batch_source import UNREADABLE, Source
from greenlang.calc.engine import CalculationEngine
from greenlang.errors import FormulaError
from greenlang.formulas.library import FormulaLibrary
from greenlang.sql import quoted

if TYPE_CHECKING:
    import duckdb

WAS = "gl_was_"


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that comes out otherwise: the first cell that does, and how many more."""

    ids: tuple[Any, ...]
    column: str
    stated: object
    found: object
    more: int


@dataclass(slots=True)
class Recomputed:
    """A plan over results; what they state stands beside it in columns ``gl_was_<name>``.

    The number of a combination is not compared: it may move when another row is new; its digest says what it is.
    """

    plan: Plan
    compared: list[str]

    def differences(self, connection: duckdb.DuckDBPyConnection, limit: int) -> Iterator[Difference]:
        """The first cells that differ, by id."""
        names = self.compared
        pairs = ", ".join(f"{quoted(name)}, {quoted(WAS + name)}" for name in names)
        ids = self.plan.mapping.id
        where = " OR ".join(f"{quoted(name)} IS DISTINCT FROM {quoted(WAS + name)}" for name in names)
        found = connection.execute(
            f"SELECT {', '.join(map(quoted, ids))}, {pairs} FROM ({self.plan.results()}) "  # noqa: S608
            f"WHERE {where} ORDER BY ALL LIMIT {limit}"
        ).fetchall()
        for row in found:
            cells = row[len(ids) :]
            told = [(n, cells[2 * at + 1], cells[2 * at]) for at, n in enumerate(names)]
            wrong = [cell for cell in told if cell[1] != cell[2]]
            yield Difference(row[: len(ids)], *wrong[0], more=len(wrong) - 1)


def as_activities(results: Results, mapping: BatchMapping) -> Source:
    """The results as activities: what they state stands beside as ``gl_was_<name>``; unreadable lines stay so."""
    given = [column for column in results.of("given") if column["name"] in mapping.columns]
    own = [column for column in results.columns if column["role"] != "given"]
    parts = [quoted(column["name"]) for column in given]
    parts += [f"{quoted(column['name'])} AS {quoted(WAS + column['name'])}" for column in own]
    parts.append(f"CASE WHEN status = 'unreadable' THEN reason END AS {UNREADABLE}")
    relation = f"(SELECT {', '.join(parts)} FROM {results.relation})"  # noqa: S608 - names are quoted
    types = {column["name"]: column["type"] for column in given}
    return Source(relation, types, results.rows, results.path.name, "", 0, unreadable=True)


def recomputed(
    connection: duckdb.DuckDBPyConnection,
    results: Results,
    mapping: BatchMapping,
    engine: CalculationEngine,
    formula: BatchFormula,
) -> tuple[Recomputed | None, list[MappingMistake]]:
    """A plan over results, or why there is none."""
    source = as_activities(results, mapping)
    plan, mistakes = plan_batch(connection, source, mapping, engine, formula=formula)
    if plan is None:
        return None, mistakes
    roles = {"output", "basis", "key", "status", "reason"}
    stated = {column["name"] for column in results.columns if column["role"] in roles}
    return Recomputed(plan, [column.name for column in plan.columns if column.name in stated]), []


def formula_of_certificate(certificate: BatchCertificate, formulas: FormulaLibrary) -> tuple[BatchFormula, str]:
    """The formula that a certificate holds, and in what it differs from its digest or from the library's, if it does.

    Raises FormulaError if it cannot be read.
    """
    content = certificate.content["formula"]
    formula_id, stated = str(content["id"]), str(content["digest"])
    if formula_id == OWN_ID:
        found, mistakes = formula_of(certificate.mapping, formulas)
        if found is None:
            raise FormulaError("; ".join(map(str, mistakes)))
    else:
        found = formula_from_text(formula_id, str(content["text"]), dict(content["tables"]))
    if found.formula.digest != stated:
        return found, "the formula's text is not the one of its digest"
    library = formulas.get(formula_id) if formula_id in formulas else None
    if formula_id != OWN_ID and library is None:
        return found, f"the library has no formula `{formula_id}`"
    if library is not None and library.digest != stated:
        return found, f"the library's {formula_id} was changed since"
    return found, ""
