"""What the image runs: one process of the factory, by name, with its secrets read from files.

    docker run greenlang api            # the API and the console; also: webserver, daemon, migrate
    docker run greenlang worker -Q dagster         # builds shards; at home -Q greenlang-home: the other steps
    docker run greenlang greenlang doctor                    # anything else is a command

Belongs here: names of processes, secrets from files, whether the process answers. Does not belong here: anything that
the commands do themselves. Python's own library alone: this runs before anything else is known to work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

SECRETS = Path("/run/secrets")  # where Docker mounts them; other variables that end in _FILE are left alone
PROCESSES: dict[str, list[str]] = {
    "api": ["greenlang", "api", "serve", "--host", "0.0.0.0"],  # noqa: S104 - a container's own network
    "webserver": ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "/app/workspace.yaml"],  # noqa: S104
    "daemon": ["dagster-daemon", "run", "-w", "/app/workspace.yaml"],
    "worker": [
        "celery",
        "--workdir",
        "/app",
        "-A",
        "greenlang_pipelines.celery_worker",
        "worker",
        "--loglevel",
        "INFO",
    ],
    # Both databases: the registry's with what follows, as --app-role, then Dagster's, which makes its tables, too.
    "migrate": ["sh", "-c", 'greenlang registry migrate "$@" && exec dagster instance migrate', "migrate"],
}
_ADDRESS = {"api": "http://127.0.0.1:{}/health", "webserver": "http://127.0.0.1:3000/server_info"}


def command(arguments: Sequence[str]) -> list[str]:
    """What to run for these arguments: that of a process by its name, with what follows; else the arguments."""
    if not arguments:
        raise SystemExit(f"which process? {', '.join(PROCESSES)}, or a command")
    return [*PROCESSES.get(arguments[0], arguments[:1]), *arguments[1:]]


def environment(given: Mapping[str, str], secrets: Path = SECRETS) -> dict[str, str]:
    """The environment with ``NAME`` read from the file that ``NAME_FILE`` names, where that lies below ``secrets``.

    Ends the process where such a file cannot be read, or ``NAME`` is set as well.
    """
    found = dict(given)
    for name, value in given.items():
        plain = name.removesuffix("_FILE")
        if plain == name or not Path(value).is_relative_to(secrets):
            continue
        if plain in given:
            raise SystemExit(f"{plain} and {name} are both set: leave one out")
        try:
            found[plain] = Path(value).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise SystemExit(f"{name}: {error}") from None
        del found[name]
    return found


def healthy(process: str, port: str) -> int:
    """0 if the process answers, else 1."""
    if process == "daemon":
        return subprocess.run(["dagster-daemon", "liveness-check"], check=False, timeout=30).returncode
    try:
        with urllib.request.urlopen(_ADDRESS[process].format(port), timeout=4) as answer:  # noqa: S310 - see _ADDRESS
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201 - Docker keeps it beside the state
        return 1


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the process, or end with whether it is well."""
    found = environment(os.environ)
    if arguments[:1] == ["healthy"]:
        process = arguments[1] if len(arguments) > 1 else "api"
        os.environ.update(found)
        sys.exit(healthy(process, found.get("GREENLANG_API_PORT", "8080")))
    wanted = command(arguments)
    os.execvpe(wanted[0], wanted, found)  # noqa: S606 - becoming it is the point


if __name__ == "__main__":
    main(sys.argv[1:])
