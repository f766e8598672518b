"""The whole command line, assembled. Each group of commands has a module of its own; this one joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli import (
    agent_export,
    calc,
    calc_verify,
    catalogue,
    demo,
    factors,
    factory,
    formulas,
    llm,
    quality,
    query,
    registry,
    spec,
    template,
)
from greenlang.cli.app import Group, version_asked

app = typer.Typer(
    cls=Group,
    name="greenlang",
    help="A batch factory for climate-calculation agents.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 something outside the command failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    context: typer.Context,
    var: Annotated[
        Path | None,
        typer.Option("--var", metavar="PATH", help="Folder of everything the factory writes (GREENLANG_VAR)."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=version_asked, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that every command knows."""
    context.obj = var


app.command("demo")(demo.demo)
app.command("query")(query.query)
app.command("verify")(calc_verify.verify)
app.add_typer(agent_export.app, name="agent")  # the commands that build and export join those that show
app.add_typer(registry.app, name="registry")
app.add_typer(quality.app, name="quality")
app.add_typer(factors.app, name="factors")
app.add_typer(formulas.app, name="formulas")
app.add_typer(calc.app, name="calc")
app.add_typer(spec.app, name="spec")
app.add_typer(template.app, name="template")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(factory.app, name="factory")
app.add_typer(llm.app, name="llm")

if __name__ == "__main__":
    app()
