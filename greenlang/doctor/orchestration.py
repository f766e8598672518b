"""Dagster, seen from outside: its files, and its webserver over HTTP. Nothing of its packages is imported.

Belongs here: whether schedules and sensors can do their work. Does not belong here: what they do.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx

from greenlang.doctor.result import Found, fault, ok, warning
from greenlang.masking import without_secrets
from greenlang.settings import Settings, secret
from greenlang.sql import said

_ADDRESS = "DAGSTER_PG_URL"
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_REVISION = re.compile(r'^(down_)?revision\b[^=]*=\s*(?:"([0-9a-f]+)"|None)', re.MULTILINE)
_ASK = """{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { __typename ... on PythonError { message } ... on Workspace { locationEntries { name
    locationOrLoadError { __typename ... on PythonError { message } } } } }
  repositoriesOrError { ... on RepositoryConnection { nodes {
    schedules { name scheduleState { status } } sensors { name sensorState { status } } } } } }"""


def dagster(settings: Settings) -> Iterator[Found]:
    """Whether the instance is ours and of this release, the daemon runs, and schedules and sensors are on."""
    home = settings.var / "dagster"
    named = os.environ.get("DAGSTER_HOME")
    if named and not (Path(named) / "dagster.yaml").is_file():
        yield fault(
            f"DAGSTER_HOME is {named}, where there is no dagster.yaml",
            f"`make up` uses {home}; for a service copy deploy/dagster.yaml there",
        )
    elif named and Path(named).absolute() != home and home.is_dir():
        yield warning(
            f"DAGSTER_HOME is {named}, and `make up` uses {home}: what one shows the other does not",
            f"unset it, or set it to {home}",
        )
    if not home.is_dir() and not named and secret(_ADDRESS, os.environ) is None:
        yield ok("not used here")
        return
    old = list(_outdated(Path(named) if named else home))
    yield from _postgresql(Path(named) if named else home)
    if old:
        yield fault(
            f"the tables of {', '.join(old)} are of another release of Dagster",
            "stop it, back up, then `dagster instance migrate` (docs/upgrades.md)",
        )
    yield from _running(settings, home)


def _outdated(home: Path) -> Iterator[str]:
    """The instance's SQLite files with another revision than the installed Dagster's newest."""
    newest = _newest()
    for name in _DATABASES:
        file = home / name
        if not newest or not file.is_file():
            continue
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as database:
                row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.Error:
            row = None  # not written yet, or no database: Dagster says so when it starts
        if row is not None and row[0] not in newest:
            yield name


def _postgresql(home: Path) -> Iterator[Found]:
    """The same where the instance is in PostgreSQL, as deploy/dagster.yaml has it."""
    from sqlalchemy import inspect, text
    from sqlalchemy.exc import SQLAlchemyError

    from greenlang.registry.schema import engine_for

    address = secret(_ADDRESS, os.environ)
    file = home / "dagster.yaml"
    if address is None:
        if file.is_file() and "postgres" in file.read_text(encoding="utf-8", errors="replace"):
            yield warning(
                f"the instance is in PostgreSQL, whose tables were not checked: {_ADDRESS} is not set here",
                f"set {_ADDRESS}, or {_ADDRESS}_FILE, as for the daemon",
            )
        return
    newest = _newest()
    if not newest:
        yield warning("the tables in PostgreSQL were not checked: Dagster is not installed here", "run it where it is")
        return
    try:
        engine = engine_for(address.get_secret_value())
        try:
            with engine.connect() as connection:
                there = inspect(connection).has_table("alembic_version")
                asked = text("SELECT version_num FROM alembic_version")
                found = set(connection.execute(asked).scalars()) if there else set()
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as error:  # its text may repeat the address
        yield fault(
            f"Dagster's PostgreSQL cannot be read: {without_secrets(said(error))}",
            f"see that the server runs, and {_ADDRESS}",
        )
        return
    if not found:
        yield warning("Dagster's PostgreSQL has no tables yet", "the first start of daemon or webserver makes them")
    elif not found <= newest:
        yield fault(
            f"the tables in PostgreSQL are of another release of Dagster (revision {', '.join(sorted(found))})",
            "stop it, back up, then `dagster instance migrate` (docs/upgrades.md)",
        )


def _newest() -> set[str]:
    """The revisions that no other follows, of the migrations that the installed Dagster ships."""
    try:
        files = metadata.files("dagster") or []
    except metadata.PackageNotFoundError:
        return set()
    found: set[str] = set()
    followed: set[str] = set()
    for file in files:
        if "storage/alembic/versions/" in file.as_posix() and file.suffix == ".py":
            for down, number in _REVISION.findall(Path(str(file.locate())).read_text(encoding="utf-8")):
                (followed if down else found).add(number)
    return found - followed


def _running(settings: Settings, home: Path) -> Iterator[Found]:
    url = settings.dagster_url if settings.launcher == "dagster" else f"http://127.0.0.1:{_port(settings, home)}"
    try:
        answer = httpx.post(f"{url.rstrip('/')}/graphql", json={"query": _ASK}, timeout=8)
        told = answer.raise_for_status().json()["data"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        silent = f"no webserver answers at {url} ({type(error).__name__})"
        mend = "`make up` starts webserver and daemon; see the end of `var/dagster/logs/webserver.log`"
        yield fault(silent, mend) if settings.launcher == "dagster" else warning(f"{silent}: no schedule runs", mend)
        return
    found = [*_location(told), *_daemons(told), *_switched_off(told)]
    yield from found
    if not found:
        yield ok(f"webserver and daemon run at {url}, schedules and sensors are on")


def _port(settings: Settings, home: Path) -> int:
    try:
        return int(json.loads((home / "up.json").read_text(encoding="utf-8"))["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return settings.webserver_port


def _location(told: dict[str, Any]) -> Iterator[Found]:
    workspace = told["workspaceOrError"]
    wrong = [workspace] if workspace["__typename"] == "PythonError" else []
    for entry in workspace.get("locationEntries") or []:
        loaded = entry["locationOrLoadError"] or {}
        wrong += [loaded] if loaded.get("__typename") == "PythonError" else []
    for one in wrong:
        last = str(one["message"]).strip().splitlines()[-1:]
        yield fault(f"the code location does not load: {''.join(last)}", "mend what it names, then reload it in the UI")


def _daemons(told: dict[str, Any]) -> Iterator[Found]:
    statuses = told["instance"]["daemonHealth"]["allDaemonStatuses"]
    still = sorted(one["daemonType"].lower() for one in statuses if one["required"] and not one["healthy"])
    if still:
        yield fault(
            f"the daemon does not run ({', '.join(still)} without a heartbeat): no schedule or queued run starts",
            "`make up` starts it; as a service: `dagster-daemon run` with the same DAGSTER_HOME",
        )


def _switched_off(told: dict[str, Any]) -> Iterator[Found]:
    nodes = told["repositoriesOrError"].get("nodes") or []
    off = [
        one["name"]
        for node in nodes
        for kind, state in (("schedules", "scheduleState"), ("sensors", "sensorState"))
        for one in node[kind]
        if one[state]["status"] != "RUNNING"
    ]
    if off:
        yield warning(f"switched off: {', '.join(sorted(off))}", "switch them on in the UI under Automation")
