"""`greenlang factory alert-test`: whether alerts arrive.

Belongs here: the command. Does not belong here: channels (`greenlang.alerts`).
"""

from __future__ import annotations

import typer

from greenlang.cli.app import INFRASTRUCTURE, settings
from greenlang.cli.factory import app
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

__all__ = ["app"]


@app.command("alert-test")
def alert_test(context: typer.Context, json: AsJson = False) -> None:
    """Send a test message on every channel of the alerts. Exits 3 if one did not take it."""
    from greenlang.alerts import try_out

    told = try_out(settings(context))
    if json:
        as_json(told)
    else:
        table(("channel", "message"), [(name, why or "taken") for name, why in told.items()])
    if any(told.values()):
        raise typer.Exit(INFRASTRUCTURE)
