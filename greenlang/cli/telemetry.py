"""`greenlang telemetry`: the factory's Prometheus series where no API serves them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.app import settings

app = typer.Typer(help="The factory's series for Prometheus, on a machine without the API.", no_args_is_help=True)


@app.command()
def serve(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port (GREENLANG_TELEMETRY_PORT).")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="File with the token that a reader has to send.")
    ] = None,
) -> None:
    """Serve /metrics until it is stopped (SIGINT or SIGTERM). On another address than loopback it wants a token."""
    from greenlang.telemetry.serving import Served

    found = settings(context)
    with Served(found, host, found.telemetry_port if port is None else port, token_file) as served:
        typer.echo(f"greenlang: metrics: {served.address}/metrics", err=True)
        served.run()


@app.command()
def write(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write, as *.prom in node_exporter's folder of text files.")],
) -> None:
    """Write the series to a file, at once and whole: for node_exporter's textfile collector, from cron or a timer."""
    from greenlang.telemetry.serving import written

    written(settings(context), file)
