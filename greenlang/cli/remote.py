"""`--server URL`: commands that act on a server's factory instead of this machine's.

The one seam: `take_over` gives every command the invocation that it has in `REMOTE`, or one that says that the command
acts here only. A command that touches no factory at all (`ANYWHERE`) stays as it is. Belongs here: which command is
which request, and how its answer is shown. Does not belong here: requests (`greenlang.client`).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from greenlang.cli.app import NEGATIVE, not_found
from greenlang.errors import LifecycleError, RemoteRefused, SettingsError

if TYPE_CHECKING:
    from greenlang.client import Call, Client

KEY = "GREENLANG_API_KEY"
ANYWHERE = ("agent diff", "agent scaffold", "api", "formulas", "quality dimensions", "spec", "template")


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its name as one types it."""
    for child, command in group.commands.items():
        whole = f"{name} {child}".strip()
        if getattr(command, "commands", None):
            yield from commands(command, whole)
        else:
            yield whole, command


def take_over(group: Any, server: str) -> None:
    """Have every command below ``group`` act on the server, or say that it does not."""
    for name, command in commands(group):
        if not any(name == one or name.startswith(f"{one} ") for one in ANYWHERE):
            command.invoke = partial(_act, name, server)


def _act(name: str, server: str, context: Any) -> None:
    action = REMOTE.get(name)
    if action is None:
        raise SettingsError(
            f"`greenlang {name}` works on this machine's own factory: leave --server and GREENLANG_SERVER out, or call "
            "it where the server runs"
        )
    known = inspect.signature(action).parameters
    for option, value in context.params.items():
        if option not in known and context.get_parameter_source(option).name == "COMMANDLINE":
            raise SettingsError(f"`greenlang {name}` has no --{option.replace('_', '-')} with --server ({value!r})")
    from greenlang.client import Client

    with Client(server, key=os.environ.get(KEY, "")) as client:
        given = {option: value for option, value in context.params.items() if option in known}
        here = {"context": context} if "context" in known else {}
        try:
            action(client, **here, **given)
        except RemoteRefused as error:
            if error.status == 401 and not os.environ.get(KEY):
                raise SettingsError(f"{server} wants to know who calls: set {KEY}") from error
            raise


# --- the commands -------------------------------------------------------------------------------------------------


def _search(
    client: Client,
    words: list[str] | None,
    domain: str | None,
    capability: str | None,
    unit: str | None,
    regulation: str | None,
    state: str | None,
    all_versions: bool,
    limit: int,
    json: bool,
) -> None:
    from greenlang.cli.registry import show_entries
    from greenlang.client import search

    asked = {"domain": domain, "capability": capability, "unit": unit, "regulation": regulation, "state": state}
    filters = {name: value for name, value in asked.items() if value}
    found = client.send(search(" ".join(words or ()), **filters, all_versions=all_versions, limit=min(limit, 200)))
    show_entries(found, json=json)
    if not found:
        raise typer.Exit(NEGATIVE)


def _list(client: Client, json: bool) -> None:
    from greenlang.cli.registry import show_entries
    from greenlang.client import agents

    page = client.send(agents())
    found = list(page.items)
    while page.next:
        page = client.send(agents(cursor=page.next))
        found += page.items
    show_entries(found, json=json)


def _info(client: Client, agent_id: str, json: bool) -> None:
    from greenlang.cli.registry import show_entry
    from greenlang.cli.show import as_json, facts, table
    from greenlang.client import agent, builds, transitions, versions

    entry = client.send(agent(agent_id))
    known = [other.version for other in client.send(versions(entry.agent_id))]
    ref = f"{entry.agent_id}@{entry.version}"
    made, life = client.send(builds(ref)), client.send(transitions(ref))
    if json:
        as_json({**entry.as_dict(), "versions": known, "builds": made, "transitions": life})
        return
    show_entry(entry)
    facts([("versions", ", ".join(known))])
    told = ("built_at", "state", "factor_release", "score", "pack_digest")
    table([name.replace("_", " ") for name in told], [[one[name] for name in told] for one in made], right=(3,))
    told = ("at", "before", "after", "actor", "reason")
    table(told, [[step[name] for name in told] for step in life])


def _publish(
    client: Client,
    context: typer.Context,
    agent: str,
    name: str,
    version: str,
    domain: str,
    kind: str,
    dry_run: bool,
    json: bool,
) -> None:
    """A pack of this machine to the server."""
    from greenlang.cli.agent_publish import pack_said

    _push(client, pack_said(context, agent, name=name, version=version, domain=domain, kind=kind), dry_run, json)


def _push(client: Client, folder: Path, dry_run: bool, json: bool) -> None:
    from greenlang.cli.show import as_json
    from greenlang.client import publish
    from greenlang.registry.pack_reading import read_pack

    entry, _ = read_pack(Path(folder))
    if not dry_run:
        entry = client.send(publish(Path(folder)))
    if json:
        as_json(entry.as_dict())
    else:
        said = "would be published" if dry_run else "is published"
        typer.echo(f"{entry.agent_id}@{entry.version}#{entry.pack_digest[:12]} {said} on {client.server}")


def _pull(client: Client, ref: str, target: Path, key: Path | None) -> None:
    """The pack of a build of the server; its bytes are checked against what is registered before they lie there."""
    from greenlang.cli.registry_versions import named_key
    from greenlang.client import agent, pack
    from greenlang.registry.pack_exchange import unpack

    build = client.send(agent(ref))
    data = client.send(pack(f"{build.agent_id}@{build.version}#{build.pack_digest}"))
    typer.echo(str(unpack(data, build, Path(target), named_key(key))))


def _metrics(client: Client, json: bool) -> None:
    from greenlang.client import factory_metrics

    _show(client.send(factory_metrics()), json=json)


def _status(client: Client, json: bool) -> None:
    from greenlang.client import factory_health

    _show(client.send(factory_health()), json=json)


def _create(client: Client, spec: Path, overlay: Path | None, json: bool) -> None:
    from greenlang.client import generate
    from greenlang.specs.overlay import overlay_name

    beside = spec.with_name(overlay_name(spec.name))
    more = overlay or (beside if beside.is_file() else None)
    text = more.read_text(encoding="utf-8") if more is not None else ""
    _show(client.send(generate(spec.read_text(encoding="utf-8"), name=spec.name, overlay=text)), json=json)


def _batch(client: Client, folder: Path, json: bool) -> None:
    from greenlang.client import generate_batch
    from greenlang.specs.overlay import is_overlay, overlay_name

    paths = [p for p in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if not is_overlay(p.name)]
    if not paths:
        raise not_found(f"{folder} holds no *.yaml")
    overlays = [path.with_name(overlay_name(path.name)) for path in paths]
    specs = [
        (path.name, path.read_text(encoding="utf-8"), beside.read_text(encoding="utf-8") if beside.is_file() else "")
        for path, beside in zip(paths, overlays, strict=True)
    ]
    _show(client.send(generate_batch(specs)), json=json)


def _batch_status(client: Client, batch: str, json: bool) -> None:
    from greenlang.client import batch as asked

    if not batch:
        raise SettingsError("with --server a batch is named: `agent batch` printed its batch_id")
    _show(client.send(asked(batch)), json=json)


def _promote(client: Client, ref: str, to: Any, reason: str, fast_track: bool, dry_run: bool, json: bool) -> None:
    from greenlang.client import promote

    _step(client, promote(ref, _word(to), reason, fast_track=fast_track, dry_run=dry_run), json=json)


def _approve(client: Client, ref: str, to: Any, comment: str, reject: bool, dry_run: bool, json: bool) -> None:
    from greenlang.client import approve

    _show(client.send(approve(ref, _word(to), comment, approved=not reject, dry_run=dry_run)), json=json)


def _deprecate(
    client: Client, ref: str, reason: str, successor: str, no_successor: bool, dry_run: bool, json: bool
) -> None:
    from greenlang.client import deprecate

    if bool(successor) == no_successor:
        raise LifecycleError("say what to use instead by --successor, or that there is nothing by --no-successor")
    _step(client, deprecate(ref, successor, reason, dry_run=dry_run), json=json)


def _retire(client: Client, ref: str, reason: str, dry_run: bool, json: bool) -> None:
    from greenlang.client import retire

    _step(client, retire(ref, reason, dry_run=dry_run), json=json)


def _rollback(client: Client, ref: str, reason: str, dry_run: bool, json: bool) -> None:
    from greenlang.client import rollback

    _step(client, rollback(ref, reason, dry_run=dry_run), json=json)


def _promotion_status(client: Client, ref: str, to: Any, fast_track: bool, json: bool) -> None:
    from greenlang.client import promotion_status

    decision = client.send(promotion_status(ref, _word(to), fast_track=fast_track))
    _show(decision, json=json)
    if not decision["allowed"]:
        raise typer.Exit(NEGATIVE)


def _usage(client: Client, ref: str, window: str, json: bool) -> None:
    from greenlang.client import usage

    days = window.removesuffix("d")
    if not days.isdecimal():
        raise LifecycleError(f"`{window}` is no number of days: write 30d")
    _show(client.send(usage(ref, int(days))), json=json)


def _step(client: Client, call: Call[dict[str, Any]], *, json: bool) -> None:
    """A step in the life of a build. What a policy refuses is an answer, too: with what lacks, and exit code 1."""
    try:
        _show(client.send(call), json=json)
    except RemoteRefused as error:
        answer = error.problem.get("answer")
        if isinstance(answer, dict):
            _show(answer, json=json)
            raise typer.Exit(NEGATIVE) from error
        raise


def _word(to: Any) -> str:
    """The value of an option that takes one of several words."""
    return str(getattr(to, "value", to) or "")


def _show(document: dict[str, Any], *, json: bool) -> None:
    """An answer for people: values below each other, lists as tables; or as it came."""
    from greenlang.cli.show import as_json, facts, table

    if json:
        as_json(document)
        return
    facts((name.replace("_", " "), value) for name, value in document.items() if not _rows(value))
    for value in document.values():
        if _rows(value):
            columns = list(value[0])
            table([name.replace("_", " ") for name in columns], [[row.get(name) for name in columns] for row in value])


def _rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


REMOTE: dict[str, Callable[..., None]] = {
    "agent batch": _batch,
    "agent batch-status": _batch_status,
    "agent create": _create,
    "agent inspect": _info,
    "agent list": _list,
    "agent approve": _approve,
    "agent deprecate": _deprecate,
    "agent metrics": _usage,
    "agent promote": _promote,
    "agent publish": _publish,
    "agent promotion-status": _promotion_status,
    "agent retire": _retire,
    "agent rollback": _rollback,
    "agent search": _search,
    "factory metrics": _metrics,
    "factory status": _status,
    "registry info": _info,
    "registry pull": _pull,
    "registry push": _push,
    "registry search": _search,
}
