"""The machine: disk, sandbox, clock, limits, packages, ports.

Belongs here: what the machine must have. Does not belong here: what the factory keeps (`stores`).
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from packaging.requirements import InvalidRequirement, Requirement

from greenlang import _paths
from greenlang.doctor.result import Found, fault, ok, warning
from greenlang.errors import SandboxUnavailable
from greenlang.settings import Settings

LEAST_FREE, LITTLE_FREE = 1 << 30, 5 << 30  # bytes: a batch stops; a large batch may
LEAST_NODES = 100_000  # files: a thousand agents
LEAST_OPEN, GOOD_OPEN = 256, 1024  # descriptors: the API's connections, Dagster's SQLite files and workers' pipes
AHEAD = 300  # seconds that a file may be from the future
_SHOWN = 5


def disk(settings: Settings) -> Iterator[Found]:
    """Whether ``var`` can be written, and how much fits."""
    var = settings.var
    if not var.is_dir():
        above = next(path for path in (var, *var.parents) if path.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            yield fault(f"{var} is not there and cannot be made", f"make it, owned by {_user()}; or name another --var")
            return
        yield warning(f"{var} is not there yet", "`greenlang demo` makes it; or name another folder by --var")
        var = above
    else:
        try:
            with tempfile.TemporaryFile(dir=var) as file:
                file.write(b"\0")
        except OSError as error:
            mend = f"give {_user()} the right to write there (`chown -R {_user()} {var}`), or mount it for writing"
            yield fault(f"{var} cannot be written: {error.strerror}", mend)
    free = shutil.disk_usage(var).free
    nodes = os.statvfs(var)
    mend = f"free some on the disk of {var}: old backups and `var/cache` first; or move var to a larger disk"
    if free < LEAST_FREE:
        yield fault(f"{_size(free)} are free on the disk of {var}", mend)
    elif free < LITTLE_FREE:
        yield warning(f"{_size(free)} are free on the disk of {var}", mend)
    elif nodes.f_files and nodes.f_favail < LEAST_NODES:
        yield warning(f"{nodes.f_favail:,} files more fit on the disk of {var}", mend)
    else:
        yield ok(f"{_size(free)} free")


def _size(number: int) -> str:
    return f"{number / (1 << 30):,.1f} GB"


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def sandbox(settings: Settings) -> Iterator[Found]:
    """Whether generated code can be confined as the settings ask."""
    from greenlang.sandbox import Sandbox

    try:
        with Sandbox(settings) as jail:
            profile = jail.prove()
    except SandboxUnavailable as error:
        yield fault(
            str(error).splitlines()[0],
            "run on a Linux of 5.13 or newer with Landlock and seccomp; in a container allow both system calls "
            "(docs/sandbox.md)",
        )
        return
    if profile.name == "weak":
        yield warning("generated code runs with limits only", "unset GREENLANG_SANDBOX where the machine has Landlock")
    else:
        yield ok("strict")


def clock(settings: Settings) -> Iterator[Found]:
    """Whether the time zone exists and the clock has not been set back."""
    good = True
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        good = False
        yield fault(
            f"GREENLANG_TIMEZONE is {settings.timezone!r}, which is no time zone of this machine",
            "name one of the IANA list, as Europe/Berlin; without any, install the package tzdata",
        )
    newest = max((path.stat().st_mtime for path in settings.tables.glob("*/*.parquet")), default=0.0)
    if newest > time.time() + AHEAD:
        good = False
        yield fault(
            f"the clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, and outcomes were written at "
            f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M}",
            "set the clock (`timedatectl set-ntp true`): signatures, schedules and the newest outcome go by it",
        )
    if good:
        yield ok(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; the night is planned in {settings.timezone}")


def open_files(settings: Settings) -> Iterator[Found]:
    """How many files a process may hold open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    mend = f"`ulimit -n {4 * GOOD_OPEN}` before the start, LimitNOFILE= in a unit, `ulimits` in a compose file"
    if limit != resource.RLIM_INFINITY and limit < LEAST_OPEN:
        yield fault(f"a process may open {limit} files", mend)
    elif limit != resource.RLIM_INFINITY and limit < GOOD_OPEN:
        yield warning(f"a process may open {limit} files", mend)
    else:
        yield ok("no limit" if limit == resource.RLIM_INFINITY else f"{limit:,}")


def packages(settings: Settings) -> Iterator[Found]:
    """Whether what is installed is what greenlang asks for, and in a checkout what the lock names."""
    missing = list(_unmet(metadata.requires("greenlang") or []))
    if missing:
        yield fault(_few(missing), "install it anew: `make setup`, or `pip install --upgrade greenlang`")
    lock = _paths.data() / "requirements.lock"
    other = list(_unmet(locked(lock))) if lock.is_file() else []
    if other:
        yield warning(f"not as in the lock: {_few(other)}", "`make setup` installs what the lock names")
    if not missing and not other:
        yield ok("as the lock says" if lock.is_file() else "as greenlang asks for")


def locked(lock: Path) -> list[str]:
    """The requirements of a lock file, a line each, without its hashes."""
    lines = (line.split("\\")[0].split(" --hash")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "--"))]


def _unmet(wanted: list[str]) -> Iterator[str]:
    for line in wanted:
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue
        if asked.marker is not None and not asked.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(asked.name)
        except metadata.PackageNotFoundError:
            yield f"{asked.name} is not installed"
            continue
        if not asked.specifier.contains(found, prereleases=True):
            yield f"{asked.name} is {found}, not {asked.specifier}"


def _few(lines: list[str]) -> str:
    more = f"; {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more


def ports(settings: Settings) -> Iterator[Found]:
    """Whether the ports of webserver and API are free, or answer as these do."""
    taken = []
    for port, path, word, name in (
        (settings.webserver_port, "/server_info", "dagster_webserver_version", "webserver"),
        (settings.api_port, "/openapi.json", "GreenLang", "api"),
    ):
        with socket.socket() as probe:
            probe.settimeout(1)
            if not port or probe.connect_ex(("127.0.0.1", port)):
                continue  # nobody is there
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=3).text
        except (httpx.HTTPError, UnicodeDecodeError):
            answer = ""
        if word not in answer:
            taken.append(port)
            yield fault(
                f"port {port}, meant for {'Dagster' if name == 'webserver' else 'the API'}, is held by another program",
                f"end it (`ss -ltnp 'sport = :{port}'` names it), or set GREENLANG_{name.upper()}_PORT",
            )
    if not taken:
        yield ok(f"{settings.webserver_port} and {settings.api_port}")
