"""`greenlang factory`: what became of the specs."""

from __future__ import annotations

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

app = typer.Typer(help="What became of the specs.", no_args_is_help=True)


@app.command()
def status(context: typer.Context, json: AsJson = False) -> None:
    """Specs by outcome, the last run, and what failed."""
    from greenlang.metrics.query import query

    settings = built_settings(context)
    counts = query(settings, "SELECT outcome, count(*) AS specs FROM agents GROUP BY outcome ORDER BY outcome")
    last = query(settings, "SELECT * FROM runs ORDER BY started_at DESC LIMIT 1").as_dicts()
    failed = query(
        settings,
        "SELECT coalesce(agent_id || ' ' || version, file) AS spec, outcome, reason FROM agents "
        "WHERE outcome <> 'registered' ORDER BY outcome, spec",
    )
    if json:
        outcomes = dict(counts.rows)
        as_json({"outcomes": outcomes, "last_run": last[0] if last else None, "failed": failed.as_dicts()})
        return
    if not counts.rows:
        typer.echo("no spec has been through the factory yet")
        return
    table(counts.columns, counts.rows, right=(1,))
    if failed.rows:
        table(failed.columns, failed.rows)
    if last:
        run = last[0]
        ended = f"finished {run['finished_at']:%Y-%m-%d %H:%M}" if run["finished_at"] else "not finished"
        typer.echo(f"last run {run['run_id']} ({run['entrance']}): started {run['started_at']:%Y-%m-%d %H:%M}, {ended}")
