"""`greenlang query`: SQL over the metrics, and the questions that analysts ask most."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.show import as_csv, as_json, digits, table

if TYPE_CHECKING:
    from greenlang.metrics.query import QueryResult
    from greenlang.settings import Settings


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help='Such as "select * from agents order by score".')] = "",
    question: Annotated[
        str, typer.Option("--question", "-q", metavar="NAME", help="A ready question instead of SQL.")
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="The ready questions and their parameters.")] = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter, of the question or $NAME in SQL."),
    ] = None,
    night: Annotated[
        str, typer.Option("--night", metavar="DAY", help="As it stood at the end of that day, or at that moment (UTC).")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="A JSON list with one object a row.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with a header.")] = False,
    bars: Annotated[bool, typer.Option("--bars", help="The first number as bars in the terminal.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write Parquet, in the types of the answer.")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Draw an .svg or .png: lines, bars or points.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows of a table to show; 0 shows all.")] = 100,
) -> None:
    """Ask the metrics: agents, history, runs, tests, qa_dimensions, lineage, factors, formulas.

    Answers while a batch is writing. Read-only. The columns stand in docs/metrics.md, more in docs/analysts.md.
    """
    if sum(map(bool, (json, csv, bars, parquet, chart))) > 1:
        raise typer.BadParameter("--json and --csv exclude each other, and so do --bars, --parquet and --chart")
    if listed:
        _list(json=json)
        return
    asked, parameters = _asked(sql, question, given or [])
    settings = built_settings(context)
    if parquet is not None:
        _write_parquet(settings, asked, parameters, night, parquet)
        return
    from greenlang.metrics.query import query as ask

    result = ask(settings, asked, parameters, night=night)
    if json:
        as_json(result.as_dicts())
    elif csv:
        as_csv(result.columns, result.rows)
    elif bars or chart is not None:
        _draw(result, chart, question or asked)
    else:
        _table(result, rows)


def _list(*, json: bool) -> None:
    from greenlang.metrics.questions import questions

    found = questions().values()
    if json:
        as_json(
            [
                {
                    "name": one.name,
                    "question": one.sentence,
                    "parameters": {n: {"default": p.default, "meaning": p.meaning} for n, p in one.parameters.items()},
                }
                for one in found
            ]
        )
        return
    lines = []
    for one in found:
        told = [f"{name}={p.default}: {p.meaning}" for name, p in one.parameters.items()]
        lines.append((one.name, "\n".join([one.sentence, *told])))
    table(("question", "what it answers"), lines)


def _asked(sql: str, question: str, given: list[str]) -> tuple[str, dict[str, str]]:
    """The SQL and its parameters. Raises BadParameter, and QueryError for a question that there is not."""
    if bool(sql) == bool(question):
        raise typer.BadParameter("give SQL, or --question NAME (--list names them)")
    pairs = {}
    for one in given:
        name, mark, value = one.partition("=")
        if not mark:
            raise typer.BadParameter(f"--set {one}: say NAME=VALUE")
        pairs[name] = value
    if sql:
        return sql, pairs
    from greenlang.metrics.questions import question as ready

    found = ready(question)
    return found.sql, found.filled(pairs)


def _write_parquet(settings: Settings, sql: str, parameters: dict[str, str], night: str, target: Path) -> None:
    from greenlang.metrics.parts import write_arrow
    from greenlang.metrics.query import arrow

    made = arrow(settings, sql, parameters, night=night)
    write_arrow(target, made)
    typer.echo(f"{_rows(made.num_rows)} in {target}")


def _draw(result: QueryResult, target: Path | None, title: str) -> None:
    from greenlang.metrics import charts

    if target is None:
        for line in charts.bars(result):
            typer.echo(line)
        return
    drawn = charts.draw(result, target, title=title if len(title) <= 100 else "")
    numbers = ", ".join(result.columns[i] for i in drawn.numbers)
    typer.echo(f"{drawn.kind} chart of {numbers} by {', '.join(result.columns[i] for i in drawn.x)} in {target}")
    for part in drawn.left_out:
        typer.echo(f"not shown: {part}")


def _table(result: QueryResult, rows: int) -> None:
    from greenlang.metrics.charts import is_number, unit_of

    shown = result.rows[:rows] if rows else result.rows
    figures = [i for i, kind in enumerate(result.types) if is_number(kind)]
    units = [unit_of(name) if i in figures else "" for i, name in enumerate(result.columns)]
    names = [f"{name}\n{unit}" if unit else name for name, unit in zip(result.columns, units, strict=True)]
    table(names, [[_figure(value) for value in row] for row in shown], right=figures)
    more = len(result.rows) - len(shown)
    count = _rows(len(result.rows))
    typer.echo(f"{count}, the first {len(shown)} shown (--rows 0 shows all)" if more else count)


def _figure(value: Any) -> Any:
    """A figure as people read it; --json and --csv have every digit."""
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, float) and 0.001 <= abs(value) < 1e6:
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return value


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
