"""`greenlang factory`: what became of the specs, the factory's figures, its settings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import built_settings, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, plain, table, when

if TYPE_CHECKING:
    from greenlang.client import Document

app = typer.Typer(help="What became of the specs, the factory's figures, its settings.", no_args_is_help=True)


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
    from greenlang.client import factory
    from greenlang.metrics import log

    if server_of(context):
        with connected(context) as client:
            found = client.send(factory.status())
            failed = client.every(factory.failed())
    else:
        settings = built_settings(context)
        stands = log.status(settings)
        found = plain({"outcomes": stands.outcomes, "last_run": stands.last_run})
        failed = log.failed(settings)
    outcomes, last = found["outcomes"], found["last_run"]
    if json:
        as_json({"outcomes": outcomes, "last_run": last, "failed": failed})
        return
    if not outcomes:
        typer.echo("no spec has been through the factory yet")
        return
    table(("outcome", "specs"), list(outcomes.items()), right=(1,))
    if failed:
        table(("spec", "outcome", "reason"), [(f["spec"], f["outcome"], f["reason"]) for f in failed])
    if last:
        ended = f"finished {_minute(last['finished_at'])}" if last["finished_at"] else "not finished"
        started = _minute(last["started_at"])
        typer.echo(f"last run {last['run_id']} ({last['entrance']}): started {started}, {ended}")


@app.command()
def metrics(context: typer.Context, json: AsJson = False) -> None:
    """The factory's figures over every spec: how many, success rate, times, refinements, quality, cost of models."""
    from greenlang.metrics.totals import totals

    if server_of(context):
        from greenlang.client import factory

        with connected(context) as client:
            told = client.send(factory.metrics())
        cost = told["cost_metrics"]
        same = ("registered", "success_rate", "avg_generation_time", "avg_refinements", "avg_score", "avg_coverage")
        figures = {
            "total_agents": told["total_generated"],
            **{name: told[name] for name in same},
            "total_cost_usd": Decimal(cost["total_usd"]),
            "avg_cost_usd": Decimal(cost["avg_usd"]),
            "model_calls": cost["model_calls"],
        }
    else:
        figures = asdict(totals(built_settings(context)))
    show_metrics(figures, json=json)


@app.command()
def logs(
    context: typer.Context,
    rows: Annotated[int, typer.Option("--rows", min=1, help="At most so many, the newest.")] = 50,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="Only of this run (its id, or how it begins).")] = "",
    outcome: Annotated[Fate | None, typer.Option("--outcome", help="Only this outcome.")] = None,
    json: AsJson = False,
) -> None:
    """What the factory did, a line an outcome, the newest last."""
    from greenlang.client import factory
    from greenlang.metrics import log

    fate = outcome.value if outcome else ""
    lines: list[Document]
    if server_of(context):
        with connected(context) as client:
            lines = client.every(factory.log(run=run, outcome=fate, limit=min(rows, 1000)), rows)
    else:
        found = log.log(built_settings(context), run=run, outcome=fate or None, limit=rows)
        lines = [plain({name: one[name] for name in _LINE}) for one in found]
    lines.reverse()
    if json:
        as_json(lines)
    elif lines:
        shown = [(when(one["finished_at"]), *(one[name] for name in _LINE[1:])) for one in lines]
        table(_LINE, shown, right=(5,))
    else:
        typer.echo("no such outcome is recorded")


_LINE = ("finished_at", "run_id", "entrance", "spec", "outcome", "seconds", "reason")


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"


@app.command()
def config(context: typer.Context, json: AsJson = False) -> None:
    """Every setting in force and where it comes from. Passwords and keys are not shown."""
    found = settings(context)
    rows = []
    for name in type(found).model_fields:
        origin = f"GREENLANG_{name.upper()}" if name in found.model_fields_set else "default"
        rows.append(
            {"setting": name, "value": found.shown(name), "from": "--var" if name == "var" and context.obj else origin}
        )
    if json:
        as_json(rows)
    else:
        table(("setting", "value", "from"), [tuple(row.values()) for row in rows])


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
