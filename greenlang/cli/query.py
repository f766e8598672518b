"""`greenlang query`: SQL over the metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.show import as_csv, as_json, table

_FIGURES = (
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "HUGEINT",
    "UBIGINT",
    "UINTEGER",
)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help='For example "select * from agents order by score".')],
    json: Annotated[bool, typer.Option("--json", help="A JSON list with one object a row.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows of a table to show; 0 shows all.")] = 100,
) -> None:
    """Ask the metrics: agents, history, runs, tests, qa_dimensions, lineage, factors, formulas.

    Answers while a batch is writing. Read-only. The columns stand in docs/metrics.md.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    from greenlang.metrics.query import query as ask

    result = ask(built_settings(context), sql)
    if json:
        as_json(result.as_dicts())
    elif csv:
        as_csv(result.columns, result.rows)
    else:
        shown = result.rows[:rows] if rows else result.rows
        figures = [i for i, kind in enumerate(result.types) if kind.startswith(_FIGURES)]
        table(result.columns, shown, right=figures)
        more = len(result.rows) - len(shown)
        count = f"{len(result.rows)} row{'' if len(result.rows) == 1 else 's'}"
        typer.echo(f"{count}, the first {len(shown)} shown (--rows 0 shows all)" if more else count)
