"""`greenlang factory morning | dashboard`: what the factory did, as pages.

Belongs here: which night, where to write. Does not belong here: figures and pages (`greenlang.digest`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.factory import app

if TYPE_CHECKING:
    from datetime import date

    from greenlang.settings import Settings

__all__ = ["app"]


class Form(StrEnum):
    """The forms of a morning report."""

    html = "html"
    md = "md"
    json = "json"


Night = Annotated[
    datetime | None,
    typer.Option("--night", formats=["%Y-%m-%d"], metavar="DATE", help="The night that ends then. [default: the last]"),
]


@app.command()
def morning(
    context: typer.Context,
    night: Night = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="Print this form, and leave var/morning as it is.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where --format goes instead of the terminal.")
    ] = None,
) -> None:
    """The morning report of a night: new, rebuilt, failed and why, cost, slowest, factor changes and whom they touched.

    Written to var/morning/DATE as HTML, Markdown and JSON, over what is there. A past night can be made again.
    """
    if output is not None and form is None:
        raise typer.BadParameter("-o goes with --format")
    from greenlang.digest import forms, night_of, summary_text, write_morning

    settings = built_settings(context)
    found = night_of(settings, _night(settings, night))
    if form is None:
        typer.echo(summary_text(found))
        typer.echo(write_morning(settings, found) / "index.html")
    elif output is None:
        typer.echo(forms(found)[form.value], nl=form is Form.json)
    else:
        output.write_text(forms(found)[form.value], encoding="utf-8")
        typer.echo(output)


@app.command()
def dashboard(
    context: typer.Context,
    night: Night = None,
    nights: Annotated[int, typer.Option("--nights", min=1, max=400, help="At most so many nights.")] = 90,
) -> None:
    """One page over many nights: pass rate, cost, duration, dimensions, factor releases, lineage, slowest agents.

    Written to var/dashboard, over what is there.
    """
    from greenlang.digest import dashboard_of, write_dashboard

    settings = built_settings(context)
    until = _night(settings, night, under_way=True)
    typer.echo(write_dashboard(settings, dashboard_of(settings, until, nights)))


def _night(settings: Settings, given: datetime | None, *, under_way: bool = False) -> date:
    """The night that is asked for, which must have begun. Without one the last that has ended; or the one under way,
    where nothing ran before it, or with ``under_way`` where anything has run in it.
    """
    from greenlang.digest import last_night
    from greenlang.digest.nights import night_at, span
    from greenlang.digest.source import run_at

    now = datetime.now(UTC)
    of = span(settings, given.date() if given else last_night(settings, now))
    moment = now.replace(tzinfo=None)
    first, last = run_at(settings) if given is None else (None, None)
    if first is not None and last is not None and of.end <= (last if under_way else first) <= moment:
        of = span(settings, night_at(settings, moment))
    if of.begin > moment:
        raise typer.BadParameter(f"the night to {of.name} has not begun: it begins at {of.begin} UTC")
    if of.end > moment:
        typer.echo(f"the night to {of.name} has not ended: this is how it stands", err=True)
    return of.name
