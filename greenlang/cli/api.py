"""`greenlang api`: the HTTP service, and its OpenAPI document."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import settings
from greenlang.errors import RegistryError, SettingsError

if TYPE_CHECKING:
    import uvicorn

    from greenlang.settings import Settings

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
    """Serve the API and the console until it is stopped (SIGINT or SIGTERM)."""
    import uvicorn

    from greenlang.api.serving import BROKEN
    from greenlang.telemetry import logs

    found = settings(context)
    if no_sign_in:
        _refuse_without_sign_in(host, found.registry)
        typer.echo(
            f"greenlang: NO SIGN-IN: whoever reaches {host} on this machine, every user and program of it, may do "
            "everything with this registry",
            err=True,
        )
    number = workers or processes(found)
    os.environ |= {"GREENLANG_VAR": str(found.var), "GREENLANG_API_WORKERS": str(number)}
    os.environ[NO_SIGN_IN] = "1" if no_sign_in else ""
    _tell(found, host, found.api_port if port is None else port, sign_in=not no_sign_in)
    config = uvicorn.Config(
        "greenlang.api.serving:application",
        factory=True,
        host=host,
        port=found.api_port if port is None else port,
        workers=number,
        access_log=False,
        log_config=None if logs.on() else uvicorn.config.LOGGING_CONFIG,
        log_level="info",
        server_header=False,
        h11_max_incomplete_event_size=65536,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )
    if not _ran(config):
        typer.echo("greenlang: error: the API did not start: what it said above is why", err=True)
        raise typer.Exit(BROKEN)


def processes(settings: Settings) -> int:
    """How many processes serve where nobody says it."""
    if settings.api_workers is not None:
        return settings.api_workers
    return 1 if settings.registry.startswith("sqlite") else min(4, len(os.sched_getaffinity(0)))


def _ran(config: uvicorn.Config) -> bool:
    """Serve until it is stopped; whether it ever served."""
    from uvicorn import Server
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    try:
        if config.workers == 1:
            server = Server(config)
            server.run()
            return server.started
        supervisor = Multiprocess(config, [config.bind_socket()])
        supervisor.run()
        return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)
    except KeyboardInterrupt:  # how the server says that SIGINT ended it
        return True
    except SystemExit as ended:
        return not ended.code


def _tell(found: Settings, host: str, port: int, *, sign_in: bool) -> None:
    """Where the console is, and how to come in where nobody can yet. Raises SettingsError for an unfit registry."""
    from greenlang.registry import Registry
    from greenlang.registry.keys import Keys

    with Registry(found.registry, keys=found.keys) as registry:
        try:
            keys = Keys(registry).list()
        except RegistryError as error:
            typer.echo(f"greenlang: {error}; requests are answered 503 until it can", err=True)
            return
    if port:
        typer.echo(f"greenlang: console: http://{f'[{host}]' if ':' in host else host}:{port}/console", err=True)
    if sign_in and found.api_jwks is None and not any(key.state == "valid" for key in keys):
        typer.echo("greenlang: there is no API key yet: greenlang key issue NAME --role super_admin", err=True)


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
