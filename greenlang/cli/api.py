"""`greenlang api`: the HTTP service, and its OpenAPI document."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.app import settings
from greenlang.errors import SettingsError

app = typer.Typer(help="The HTTP service.", no_args_is_help=True)

NO_SIGN_IN = "GREENLANG_API_NO_SIGN_IN"  # how `serve` tells its worker processes


@app.command()
def serve(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port (GREENLANG_API_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes (GREENLANG_API_WORKERS).")] = None,
    no_sign_in: Annotated[
        bool, typer.Option("--no-sign-in", help="Serve the person at this machine: an SQLite registry on loopback.")
    ] = False,
) -> None:
    """Serve the API until it is stopped (SIGINT or SIGTERM)."""
    import uvicorn

    found = settings(context)
    if no_sign_in:
        _refuse_without_sign_in(host, found.registry)
        typer.echo(
            f"greenlang: NO SIGN-IN: whoever reaches {host} on this machine, every user and program of it, may do "
            "everything with this registry",
            err=True,
        )
    processes = workers or found.api_workers
    os.environ |= {"GREENLANG_VAR": str(found.var), "GREENLANG_API_WORKERS": str(processes)}
    os.environ[NO_SIGN_IN] = "1" if no_sign_in else ""
    uvicorn.run(
        "greenlang.api.serving:application",
        factory=True,
        host=host,
        port=found.api_port if port is None else port,
        workers=processes,
        access_log=False,
        log_level="info",
        server_header=False,
        h11_max_incomplete_event_size=65536,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )


@app.command()
def openapi(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
) -> None:
    """Print the OpenAPI 3.1 document."""
    from greenlang.api.app import create_app

    text = json.dumps(create_app(settings(context)).openapi(), indent=2, sort_keys=True) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text)


def _refuse_without_sign_in(host: str, registry: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(f"--no-sign-in serves loopback alone, not {host}: use 127.0.0.1, or issue keys")
    if not registry.startswith("sqlite"):
        raise SettingsError("--no-sign-in is for a registry in an SQLite file; on this one issue keys")
