"""`greenlang factory`: what became of the specs, the factory's figures, its settings."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from greenlang.cli.app import built_settings, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table

app = typer.Typer(help="What became of the specs, the factory's figures, its settings.", no_args_is_help=True)

_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/\s]*@")
_KEY = re.compile(
    r"([?&;][^=&;\s]*(?:key|secret|token|password|passwd|sig|credential)[^=&;\s]*)=[^&;\s]*", re.IGNORECASE
)


class Fate(StrEnum):
    """The outcomes of a spec."""

    registered = "registered"
    incomplete = "incomplete"
    refused = "refused"
    quarantined = "quarantined"
    infrastructure = "infrastructure"


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


@app.command()
def metrics(context: typer.Context, json: AsJson = False) -> None:
    """The factory's figures over every spec: how many, success rate, times, refinements, quality, cost of models."""
    from greenlang.metrics.totals import totals

    show_metrics(asdict(totals(built_settings(context))), json=json)


@app.command()
def logs(
    context: typer.Context,
    rows: Annotated[int, typer.Option("--rows", min=1, help="At most so many, the newest.")] = 50,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="Only of this run (its id, or how it begins).")] = "",
    outcome: Annotated[Fate | None, typer.Option("--outcome", help="Only this outcome.")] = None,
    json: AsJson = False,
) -> None:
    """What the factory did, a line an outcome, the newest last."""
    from greenlang.metrics.query import query

    found = query(
        built_settings(context),
        "SELECT history.finished_at, run_id, entrance, coalesce(agent_id || ' ' || version, file) AS spec, outcome,"
        " round(seconds, 2) AS seconds, coalesce(reason, '') AS reason FROM history LEFT JOIN runs USING (run_id)"
        " WHERE starts_with(run_id, $run) AND ($outcome IS NULL OR outcome = $outcome)"
        " ORDER BY history.finished_at DESC NULLS FIRST, spec DESC LIMIT $rows",
        {"run": run, "outcome": outcome.value if outcome else None, "rows": rows},
    )
    if json:
        as_json(found.as_dicts()[::-1])
    elif found.rows:
        table(found.columns, found.rows[::-1], right=(5,))
    else:
        typer.echo("no such outcome is recorded")


@app.command()
def config(context: typer.Context, json: AsJson = False) -> None:
    """Every setting in force and where it comes from. Passwords and keys are not shown."""
    found = settings(context)
    rows = []
    for name in type(found).model_fields:
        origin = f"GREENLANG_{name.upper()}" if name in found.model_fields_set else "default"
        value = getattr(found, name)
        shown = without_secrets(str(value)) if value is not None else None
        rows.append({"setting": name, "value": shown, "from": "--var" if name == "var" and context.obj else origin})
    if json:
        as_json(rows)
    else:
        table(("setting", "value", "from"), [tuple(row.values()) for row in rows])


def without_secrets(text: str) -> str:
    """A setting without the password of an address and without keys in its query."""
    text = _PASSWORD.sub(r"\1:***@", text)
    return _KEY.sub(r"\1=***", text)


def show_metrics(figures: dict[str, Any], *, json: bool) -> None:
    """The figures for people or for programs."""
    if json:
        as_json(figures)
        return
    shares = {"success_rate": " %"}
    units = {"avg_generation_time": " s", "avg_coverage": " %", "total_cost_usd": " USD", "avg_cost_usd": " USD"}
    pairs = []
    for name, value in figures.items():
        number = float(value) * 100 if name in shares else value
        text = f"{number:,}" if isinstance(number, int) else f"{float(number):,.2f}"
        pairs.append((name.replace("_", " "), f"{text}{shares.get(name) or units.get(name, '')}"))
    facts(pairs)
