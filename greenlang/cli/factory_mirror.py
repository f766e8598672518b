"""`greenlang factory mirror`: the metrics in PostgreSQL, under the names of document 000."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from greenlang.cli.app import built_settings
from greenlang.cli.factory import app
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json

__all__ = ["app"]


@app.command()
def mirror(
    context: typer.Context,
    to: Annotated[
        str, typer.Option("--downgrade", metavar="REVISION", help="Bring its tables back to that; base removes them.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Bring the mirror tables in PostgreSQL (GREENLANG_MIRROR_URL) up to date; they are made if missing."""
    from greenlang.metrics.mirror import current, downgrade, fill

    settings = built_settings(context)
    if to:
        downgrade(settings, to)
        found = current(settings)
        if json:
            as_json({"revision": found})
        else:
            typer.echo(f"the mirror has the revision {found}" if found else "the mirror has no tables any more")
        return
    filled = fill(settings)
    if json:
        as_json(asdict(filled))
        return
    typer.echo(
        f"mirrored: {filled.jobs:,} outcomes, {filled.calls:,} calls of models, {filled.steps:,} steps, "
        f"texts of {filled.packs:,} packs"
    )
    if filled.missing:
        typer.echo(f"{filled.missing:,} packs were not found: they are looked for again the next time")
