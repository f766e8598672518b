"""The catalogue: a DuckDB file of views only, built anew and swapped, so that nobody ever waits for a lock.

Belongs here: the views' SQL, building and swapping the file. Does not belong here: rows, questions, what a past night
is and the names of the macros (`nights`).
"""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path

import duckdb

from greenlang.metrics.factor_fields import factor_fields
from greenlang.metrics.fields import FACTORS_DESCRIPTION, FIELDS, JOURNALS, TABLES, VIEWS, Field
from greenlang.metrics.nights import factors_of_sql, macros_sql, releases_folder
from greenlang.metrics.parts import ensure_schema_parts
from greenlang.replacing import replacing
from greenlang.sql import literal

_CHILDREN = ("tests", "qa_dimensions", "qa_measures", "mutants", "differences", "repairs", "lineage")
STANDS = "coalesce(replaced_by, '') = ''"  # of an outcome: no corrected spec has followed its own
READABLE_SINCE = "v1.0.0"  # of DuckDB: analysts' tools bring a driver of their own, older or newer than ours
OUTCOMES = ("registered", "incomplete", "refused", "quarantined", "infrastructure")


def view_fields(view: str) -> dict[str, Field]:
    """The columns of a view, in order."""
    if view == "factors":
        return factor_fields()
    return {name: FIELDS[name] for name in VIEWS[view].fields}


def descriptions() -> dict[str, str]:
    """Every view and its sentence, in the order of the documentation."""
    return {**{name: view.description for name, view in VIEWS.items()}, "factors": FACTORS_DESCRIPTION}


def rows_sql(tables: Path, table: str) -> str:
    """Every stored row of a table, in its declared columns and types."""
    columns = ", ".join(f'"{name}"::{FIELDS[name].type} AS "{name}"' for name in {**TABLES, **JOURNALS}[table].fields)
    pattern = literal(str(Path(glob.escape(str(tables / table))) / "*.parquet"))
    return f"SELECT {columns} FROM read_parquet({pattern}, union_by_name = true)"  # noqa: S608 - declared names


def latest_sql(tables: Path, until: str = "true") -> str:
    """The last outcome of every key, of those rows that fulfil ``until``.

    A row that stands in two parts while these are merged is taken once.
    """
    return (
        f"SELECT * FROM ({rows_sql(tables, 'outcomes')}) WHERE {until} "  # noqa: S608 - declared names
        "QUALIFY row_number() OVER (PARTITION BY key ORDER BY written_at DESC, part DESC) = 1"
    )


def _agents(source: str, view: str = "agents") -> str:
    renamed = {"partition": "key", "finished_at": "written_at"}
    columns = []
    for name, field in view_fields(view).items():
        value = renamed.get(name, name)
        columns.append(f"nullif({value}, '') AS \"{name}\"" if field.type == "VARCHAR" else f'{value} AS "{name}"')
    return f"SELECT {', '.join(columns)} FROM ({source})"  # noqa: S608 - declared names


def _child(tables: Path, table: str, until: str) -> str:
    renamed = {"partition": "key"}
    columns = ", ".join(f'child.{renamed.get(name, name)} AS "{name}"' for name in view_fields(table))
    key = ", ".join(f"child.{name}" for name in TABLES[table].key)
    # Outcomes first: DuckDB lists the files of a scan as it meets them, and an outcome's rows were written before it.
    return (
        f"SELECT DISTINCT ON ({key}) {columns} FROM ({latest_sql(tables, until)}) latest "  # noqa: S608 - declared names
        f"JOIN ({rows_sql(tables, table)}) child ON child.key = latest.key AND child.part = latest.part"
    )


def _journal(tables: Path, table: str, until: str) -> str:
    """Every row once, also while parts are merged or were written twice."""
    columns = ", ".join(f'{"key" if name == "partition" else name} AS "{name}"' for name in view_fields(table))
    key = ", ".join(JOURNALS[table].key)
    return f"SELECT DISTINCT ON ({key}) {columns} FROM ({rows_sql(tables, table)}) WHERE {until}"  # noqa: S608


def _runs(tables: Path, until: str) -> str:
    counts = ", ".join(f"count(DISTINCT key) FILTER (outcome = {literal(name)}) AS {name}" for name in OUTCOMES)
    columns = ", ".join(
        f"coalesce(counted.{name}, 0) AS {name}" if name in OUTCOMES else f"run.{name}" for name in VIEWS["runs"].fields
    )
    return (
        f"SELECT {columns} FROM (SELECT * FROM ({rows_sql(tables, 'runs')}) WHERE {until} "  # noqa: S608 - declared names
        "QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY written_at DESC, part DESC) = 1) run "
        f"LEFT JOIN (SELECT run_id, {counts} FROM ({rows_sql(tables, 'outcomes')}) "
        f"WHERE {until} AND {STANDS} GROUP BY run_id) counted USING (run_id)"
    )


def _rungs(tables: Path, until: str) -> str:
    """Attempts over all builds: a row of the table is one class of an attempt, with its part of seconds and dollars."""
    key = ", ".join(TABLES["repairs"].key)
    columns = ", ".join(f'"{name}"' for name in VIEWS["repair_rungs"].fields)
    rows = f"SELECT DISTINCT ON ({key}) * FROM ({rows_sql(tables, 'repairs')})"  # noqa: S608 - declared names
    if until != "true":
        rows += f" SEMI JOIN (FROM ({rows_sql(tables, 'outcomes')}) WHERE {until}) USING (part, key)"
    which = {
        "tries": "status NOT IN ('infrastructure', 'no_answer')",
        "mended": "status IN ('repaired', 'proposed')",
        "improved": "status = 'improved'",
        "unanswered": "status = 'no_answer'",
    }
    counts = ", ".join(f"count(DISTINCT (part, key, n)) FILTER ({rule}) AS {name}" for name, rule in which.items())
    summed = (
        f"SELECT rung, error_class, {counts}, sum(seconds) AS seconds, sum(usd) AS usd FROM ({rows}) "  # noqa: S608
        "WHERE rung <> 'quarantine' AND status <> 'skipped' GROUP BY GROUPING SETS ((rung), (rung, error_class))"
    )
    return f'SELECT {columns} FROM (SELECT *, round(mended / nullif(tries, 0), 4) AS "yield" FROM ({summed}))'  # noqa: S608


def _file(tables: Path, name: str) -> str:
    """A view of one Parquet file that another room writes; without the file it has its columns and no row."""
    path = tables / f"{name}.parquet"
    fields = view_fields(name)
    if path.exists():
        columns = ", ".join(f'"{column}"::{field.type} AS "{column}"' for column, field in fields.items())
        return f"SELECT {columns} FROM read_parquet({literal(glob.escape(str(path)))})"  # noqa: S608 - declared names
    nulls = ", ".join(f'NULL::{field.type} AS "{column}"' for column, field in fields.items())
    return f"SELECT {nulls} WHERE false"


def _of_metrics(tables: Path, written: str = "true", called: str = "true") -> dict[str, str]:
    """The views over what runs wrote: of rows that fulfil ``written``, calls of models that fulfil ``called``."""
    every = f"SELECT DISTINCT ON (part, key) * FROM ({rows_sql(tables, 'outcomes')}) WHERE {written}"  # noqa: S608
    return {
        "agents": _agents(f"FROM ({latest_sql(tables, written)}) WHERE {STANDS}"),
        "history": _agents(every, "history"),
        "runs": _runs(tables, written),
        **{name: _child(tables, name, written) for name in _CHILDREN},
        "repair_rungs": _rungs(tables, written),
        **{name: _journal(tables, name, called) for name in JOURNALS},
    }


def _factor_changes(tables: Path) -> str:
    """The changelogs of all stored releases; without any the columns and no row."""
    fields = view_fields("factor_changes")
    folder = releases_folder(tables)
    if not any(folder.glob("factors-*/changelog.parquet")):
        return f"SELECT {', '.join(f'NULL::{field.type} AS {name}' for name, field in fields.items())} WHERE false"
    stored = {
        "release": "parse_path(filename)[-2]",
        "change": "what",
        "factor_key": "key",
        "old_value": "old",
        "new_value": "new",
        "unit": "unit",
        "relative_change": "relative",
        "changed_fields": "fields",
    }
    columns = ", ".join(f"{stored[name]}::{field.type} AS {name}" for name, field in fields.items())
    pattern = literal(str(Path(glob.escape(str(folder))) / "factors-*" / "changelog.parquet"))
    return f"SELECT {columns} FROM read_parquet({pattern}, filename = true)"  # noqa: S608 - declared names


def views_sql(tables: Path) -> dict[str, str]:
    """The SQL of every view over the tables in this folder."""
    return {
        **_of_metrics(tables),
        "factor_changes": _factor_changes(tables),
        "formulas": _file(tables, "formulas"),
        "factors": _file(tables, "factors"),
    }


def table_macros_sql(tables: Path) -> dict[str, str]:
    """Every table macro with its parameter, ``agents_at(night)``, and its SQL."""
    return {
        "factors_of(release)": factors_of_sql(tables, view_fields("factors")),
        **macros_sql(lambda written, called: _of_metrics(tables, written, called)),
    }


def fingerprint(tables: Path) -> str:
    """Changes when a catalogue built now would differ: other declarations or folder, factors arrived."""
    return hashlib.sha256(repr((views_sql(tables), table_macros_sql(tables), _comments())).encode()).hexdigest()


def _comments() -> list[str]:
    statements = []
    for view, description in descriptions().items():
        statements.append(f"COMMENT ON VIEW {view} IS {literal(description)}")
        statements += [
            f'COMMENT ON COLUMN {view}."{name}" IS {literal(field.description)}'
            for name, field in view_fields(view).items()
        ]
    return statements


def rebuild(catalogue: Path, tables: Path) -> None:
    """Build the catalogue under a temporary name and swap it in; whoever has the old one open reads on."""
    ensure_schema_parts(tables)
    with replacing(catalogue) as temporary:
        with duckdb.connect(str(temporary), config={"storage_compatibility_version": READABLE_SINCE}) as connection:
            connection.begin()  # each statement by itself would take twice as long
            for name, sql in views_sql(tables).items():
                connection.execute(f"CREATE VIEW {name} AS {sql}")
            for name, sql in table_macros_sql(tables).items():
                connection.execute(f"CREATE MACRO {name} AS TABLE {sql}")
            for statement in _comments():
                connection.execute(statement)
            connection.execute(f"CREATE MACRO catalogue_fingerprint() AS {literal(fingerprint(tables))}")
            connection.commit()
        temporary.with_name(temporary.name + ".wal").unlink(missing_ok=True)
