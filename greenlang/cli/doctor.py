"""`greenlang doctor`: what is wrong with this installation, and what mends it.

Belongs here: the command. Does not belong here: the checks (`greenlang.doctor`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from greenlang.cli.app import NEGATIVE, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, progress_bar, table
from greenlang.errors import SettingsError


def doctor(
    context: typer.Context,
    *,
    check: Annotated[list[str] | None, typer.Option("--check", help="Only this one; may be given again.")] = None,
    json: AsJson = False,
) -> None:
    """Look for the faults that stop a factory, and say what mends each. Exits 1 if there is one."""
    from greenlang.doctor.examine import CHECKS, examine

    found = settings(context)
    unknown = [name for name in check or [] if name not in CHECKS]
    if unknown:
        raise SettingsError(f"there is no check {unknown[0]!r}; there are: {', '.join(CHECKS)}")
    chosen = {name: one for name, one in CHECKS.items() if not check or name in check}
    with progress_bar("looking", hidden=json) as told:
        results = list(examine(found, checks=chosen, told=told))
    faults = sum(1 for one in results if one.state == "fault")
    if json:
        as_json([{name: getattr(one, name) for name in one.__slots__} for one in results])
    else:
        table(("check", "state", "what", "mend"), [(r.check, r.state, r.message, r.mend) for r in results])
        warnings = sum(1 for one in results if one.state == "warning")
        typer.echo(f"{faults} faults, {warnings} warnings, {len(chosen)} checks")
    if faults:
        raise typer.Exit(NEGATIVE)
