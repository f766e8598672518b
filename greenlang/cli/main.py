"""The whole command line, assembled. Each group of commands has a module of its own; this one joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli import (
    agent_check,
    agent_judge,
    agent_life,
    agent_publish,
    agent_start,
    alerts,
    api,
    audit,
    backup,
    calc,
    calc_verify,
    catalogue,
    demo,
    doctor,
    factors,
    factory_digest,
    factory_exchange,
    factory_mirror,
    formulas,
    jobs,
    key,
    llm,
    policy,
    quality,
    query,
    registry_emit,
    registry_find,
    registry_life,
    registry_versions,
    spec,
    telemetry,
    template,
    tenant,
)
from greenlang.cli.app import Group, settings, version_asked
from greenlang.telemetry import process

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
    _server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="URL",
            envvar="GREENLANG_SERVER",
            help="Act on the factory of this server, signed in by GREENLANG_API_KEY, not on this machine's.",
        ),
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=version_asked, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that every command knows."""
    context.obj = var
    if process.asked():
        process.start(settings(context))


app.command("demo")(demo.demo)
app.command("query")(query.query)
app.command("verify")(calc_verify.verify)
app.command("doctor")(doctor.doctor)
app.command("restore")(backup.restore)
app.add_typer(backup.app, name="backup")
_agent = (agent_check, agent_judge, agent_life, agent_publish, agent_start)  # each joins its commands to one app
app.add_typer(_agent[0].app, name="agent")
_registry = (registry_emit, registry_find, registry_life, registry_versions)
app.add_typer(_registry[0].app, name="registry")
app.add_typer(policy.app, name="policy")
app.add_typer(api.app, name="api")
app.add_typer(audit.app, name="audit")
app.add_typer(tenant.app, name="tenant")
app.add_typer(key.app, name="key")
app.add_typer(quality.app, name="quality")
app.add_typer(factors.app, name="factors")
app.add_typer(formulas.app, name="formulas")
app.add_typer(calc.app, name="calc")
app.add_typer(spec.app, name="spec")
app.add_typer(telemetry.app, name="telemetry")
app.add_typer(template.app, name="template")
app.add_typer(catalogue.app, name="catalogue")
_factory = (alerts, factory_digest, factory_exchange, factory_mirror, jobs)
app.add_typer(_factory[0].app, name="factory")
app.add_typer(llm.app, name="llm")

if __name__ == "__main__":
    app()
