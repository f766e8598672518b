"""`--server URL`: commands that act on a server's factory instead of this machine's.

A command asks by `ask`, which has two ways to the same answer: this machine's registry, or a request to the server.
What it prints is the same for both. Every command is in one of three tables: `SERVED` by a server, `ANYWHERE` because
it touches no factory, `HERE` because it acts on what lies on this machine, with what one does instead.

Belongs here: the two ways, the tables. Does not belong here: requests (`greenlang.client`), commands.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from greenlang.cli.governed import governed
from greenlang.errors import RemoteRefused, SettingsError

if TYPE_CHECKING:
    from greenlang.client import Call, Client, Page
    from greenlang.registry import Registry

T = TypeVar("T")

KEY = "GREENLANG_API_KEY"
ANYWHERE = (
    "agent diff",
    "agent scaffold",
    "api",
    "formulas check",
    "quality dimensions",
    "spec",
    "template create",
    "template new-spec",
    "template validate",
)
_TENANT = ("tenant",)  # of an agent one asks as the tenant of one's key
SERVED: Mapping[str, tuple[str, ...]] = {  # with the options that act here only
    "agent approve": _TENANT,
    "agent batch": (),
    "agent batch-status": (),
    "agent check": (),
    "agent coverage": ("again",),
    "agent create": (),
    "agent deprecate": _TENANT,
    "agent determinism": ("again",),
    "agent health": _TENANT,
    "agent heartbeat": _TENANT,
    "agent history": _TENANT,
    "agent inspect": (),
    "agent list": (),
    "agent metrics": _TENANT,
    "agent promote": _TENANT,
    "agent promotion-status": _TENANT,
    "agent publish": _TENANT,
    "agent quality": ("again",),
    "agent report-usage": _TENANT,
    "agent retire": _TENANT,
    "agent rollback": _TENANT,
    "agent search": (),
    "agent security": ("again",),
    "audit export": ("dry_run",),
    "audit query": ("before",),
    "audit verify": ("file", "keys"),
    "calc once": ("tenant",),
    "factors explain": (),
    "factors search": (),
    "factors show": (),
    "factory follow": (),
    "factory logs": (),
    "factory metrics": (),
    "factory status": (),
    "formulas list": (),
    "formulas show": (),
    "key issue": (),
    "key list": (),
    "key revoke": (),
    "policy diff": _TENANT,
    "policy list": _TENANT,
    "policy show": _TENANT,
    "policy use": _TENANT,
    "quality report": ("open_path",),
    "registry as-of": _TENANT,
    "registry decay": (),
    "registry discover": _TENANT,
    "registry emit": (),
    "registry info": (),
    "registry pull": _TENANT,
    "registry push": _TENANT,
    "registry resolve": _TENANT,
    "registry search": (),
    "registry verify": ("tenant", "keys"),
    "registry yank": _TENANT,
    "template list": ("subdomain",),
    "template show": (),
    "tenant allow": (),
    "tenant create": (),
    "tenant deny": (),
    "tenant environment": (),
    "tenant list": (),
    "tenant quota": (),
    "tenant residency": (),
    "tenant resume": (),
    "tenant show": (),
    "tenant suspend": (),
    "tenant withdraw": (),
}
_FILES = "it reads files of this machine: leave --server out"
_PACK = "it works on a pack of this machine: `registry pull ID FOLDER` brings one, then name FOLDER without --server"
_TABLES = "it keeps the factor tables of the machine that it runs on: call it where the server runs"
_METRICS = "it asks the metrics of one machine: call it where the server runs"
_STORE = "it brings tables of this machine to the store, or from there: leave --server out"
_MODELS = "models, their keys and recordings are those of one machine: call it where the server runs"
_MACHINE = "it copies everything of the machine that it runs on: call it where the server runs"
HERE: Mapping[str, str] = {
    "agent benchmark": _PACK,
    "agent deploy": _PACK,
    "agent explain": _FILES,
    "agent export": _PACK,
    "agent profile": _PACK,
    "agent refine": "it runs the factory of this machine: with --server, `agent create` builds from the spec",
    "agent regenerate": _FILES,
    "agent test": _PACK,
    "agent validate": "it reads a spec on this machine, and needs no server: leave --server out",
    "agent verify": _PACK,
    "audit prune": "only who owns the database removes events: call it where the server runs",
    "backup": _MACHINE,
    "calc check": _FILES,
    "calc overlaps": _FILES,
    "calc prove": _FILES,
    "calc restate": _FILES,
    "calc run": _FILES,
    "calc scope2": _FILES,
    "calc spend": _FILES,
    "calc uncertainty": _FILES,
    "catalogue": _FILES,
    "doctor": "it looks at the machine that it runs on: call it where the server runs",
    "demo": "it builds examples on this machine: leave --server out",
    "factors refused": _TABLES,
    "factors release": _TABLES,
    "factors stats": _TABLES,
    "factors sync": _TABLES,
    "factory alert-test": "channels and their secrets are those of one machine: call it where the server runs",
    "factory config": "settings are those of one machine: call it where the server runs",
    "factory dashboard": _METRICS,
    "factory morning": _METRICS,
    "factory pull": _STORE,
    "factory push": _STORE,
    "factory mirror": "the mirror is filled from the tables of one machine: call it where the server runs",
    "formulas stats": _TABLES,
    "llm": _MODELS,
    "policy check": _FILES,
    "quality advisories": "the file of known vulnerabilities is that of one machine: call it where the server runs",
    "quality repairs": _METRICS,
    "quality validate": _PACK,
    "query": "free SQL is not served, for tenants share a server's metrics: `factory status`, `factory logs` and "
    "`factory metrics` are, `registry search` and `audit query` ask the rest",
    "restore": _MACHINE,
    "registry scan": "advisories are those of one machine: call it where the server runs",
    "telemetry": "it tells of the factory of this machine: a server's series are at its /metrics",
    "registry migrate": "only who owns the database changes its tables: call it where the server runs",
    "verify": _FILES,
}


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its name as one types it."""
    for child, command in group.commands.items():
        whole = f"{name} {child}".strip()
        if getattr(command, "commands", None):
            yield from commands(command, whole)
        else:
            yield whole, command


def below(name: str, group: str) -> bool:
    """Whether a command is ``group`` or one of its commands."""
    return name == group or name.startswith(f"{group} ")


def take_over(group: Any) -> None:
    """Have every command below ``group`` that does not act on a server say so, and what one does instead."""
    for name, command in commands(group):
        if not any(below(name, one) for one in ANYWHERE) and not isinstance(command.invoke, partial):
            command.invoke = partial(_act, name, command.invoke)


def _act(name: str, invoke: Callable[[Any], Any], context: Any) -> Any:
    if not server_of(context):
        return invoke(context)  # in one process a server may be named for one command, and none for the next
    if name not in SERVED:
        why = next(why for one, why in HERE.items() if below(name, one))
        raise SettingsError(f"`greenlang {name}` does not act on a server (--server, GREENLANG_SERVER): {why}")
    for option in SERVED[name]:
        source = context.get_parameter_source(option)
        if source is not None and source.name == "COMMANDLINE":
            said = next(p for p in context.command.params if p.name == option)
            shown = said.opts[0] if said.param_type_name == "option" else str(said.name).upper()
            why = ": one asks as the tenant of one's key" if option == "tenant" else ": it acts on this machine alone"
            raise SettingsError(f"`greenlang {name}` has no {shown} with --server{why}")
    return invoke(context)


def server_of(context: typer.Context) -> str:
    """The server that is named; empty for this machine."""
    return str(context.find_root().params.get("_server") or "")


@contextmanager
def connected(context: typer.Context) -> Iterator[Client]:
    """A client of the server that is named. Raises SettingsError where it wants a key and there is none."""
    from greenlang.client import Client

    server = server_of(context)
    from greenlang.settings import secret

    key = secret(KEY, os.environ)
    with Client(server, key=key.get_secret_value() if key else "") as client:
        try:
            yield client
        except RemoteRefused as error:
            if error.status == 401 and key is None:
                raise SettingsError(
                    f"{server} wants to know who calls: set {KEY} (or {KEY}_FILE); `greenlang key issue` makes a key"
                ) from error
            raise


def ask(
    context: typer.Context,
    tenant: str | None,
    here: Callable[[Registry], T],
    there: Call[T] | Callable[[Client], T],
    *,
    write: bool = False,
) -> T:
    """What this machine's registry says, or what the server that is named says."""
    if not server_of(context):
        with governed(context, tenant, write=write) as registry:
            return here(registry)
    from greenlang.client import Call

    with connected(context) as client:
        return client.send(there) if isinstance(there, Call) else there(client)


def every(call: Call[Page[T]], most: int | None = None) -> Callable[[Client], list[T]]:
    """The way to a list of the server, page by page."""
    return lambda client: client.every(call, most)


def tenant_there(client: Client, tenant: str | None) -> str:
    """The tenant that a request names: the one that is said, or that of one's key. Raises SettingsError."""
    if not (found := tenant or client.tenant):
        raise SettingsError("your token names no tenant in its claim `tenant`: name yours by --tenant")
    return found
