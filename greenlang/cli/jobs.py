"""Jobs and batches of a server: `greenlang factory follow`, and what `agent create | batch --server` do.

A job belongs to the server: whoever stops following it does not stop it. Belongs here: sending specs, following, how
jobs are shown. Does not belong here: building on this machine (`greenlang.cli.agent_build`).
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import INFRASTRUCTURE, NEGATIVE, not_found
from greenlang.cli.factory import app
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, progress_bar, table
from greenlang.client.call import FACTORY, part
from greenlang.errors import RemoteRefused, SettingsError

if TYPE_CHECKING:
    from greenlang.client import Client, Document

__all__ = ["app"]

INTERRUPTED = 130  # as a shell tells of Ctrl-C
MOST = 50  # jobs that are all listed

Follow = Annotated[
    bool, typer.Option("--follow", help="With --server: wait for the end. On this machine it is always waited for.")
]


@app.command()
def follow(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="Id of a job, or of a batch.")],
    json: AsJson = False,
) -> None:
    """Follow a job or a batch of a server to its end. Exits 1 if something is not registered, 3 if the run failed.

    Ctrl-C ends the following, and not the job.
    """
    if not server_of(context):
        raise SettingsError("jobs are those of a server: name it by --server; here `agent batch-status` tells of runs")
    with connected(context) as client:
        follow_to_end(client, job, json=json)


def send_specs(context: typer.Context, specs: Sequence[tuple[Path, Path | None]], *, wait: bool, json: bool) -> None:
    """Have a server build specs, each a file and its overlay; say how to follow them, or follow them to their end."""
    from greenlang.client import factory

    texts = [(spec.name, _text(spec), _text(overlay) if overlay else "") for spec, overlay in specs]
    with connected(context) as client:
        try:
            asked = client.send(factory.generate_batch(texts))
        except RemoteRefused as error:
            if not _show_refused(error, json=json):
                raise
            raise typer.Exit(NEGATIVE) from error
        if wait:
            follow_to_end(client, asked["batch_id"], json=json)
        elif json:
            as_json(asked)
        else:
            facts([("batch", asked["batch_id"]), ("jobs", len(asked["job_ids"])), ("status", asked["status"])])
            typer.echo(_come_back(client, asked["batch_id"]))


def follow_to_end(client: Client, identity: str, *, json: bool) -> None:
    """A bar of what is over, then the outcome; exits as the outcome is."""
    kind, told = _state(client, identity)
    try:
        with progress_bar("building agents, %", hidden=json) as progress:
            for told in client.events(f"{FACTORY}/{kind}/{part(identity)}/events"):
                if progress is not None:
                    progress(int(told["progress"]), 100)
    except KeyboardInterrupt:
        typer.echo(f"\nit goes on without you. {_come_back(client, identity)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    show_batch(told, json=json)
    jobs = _jobs(told)
    if any(job["outcome"] in ("", "infrastructure") for job in jobs):
        raise typer.Exit(NEGATIVE if told["status"] == "cancelled" else INFRASTRUCTURE)
    if any(job["outcome"] != "registered" for job in jobs):
        raise typer.Exit(NEGATIVE)


def show_batch(told: Document, *, json: bool) -> None:
    """How far a job or a batch is; of many jobs those that are not registered."""
    if json:
        as_json(told)
        return
    names = ("batch_id", "job_id", "status", "reason", "total", "completed", "failed", "cancelled")
    facts([*((name.replace("_", " "), told.get(name)) for name in names), ("progress", f"{told['progress']} %")])
    jobs = _jobs(told)
    listed = jobs if len(jobs) <= MOST else [job for job in jobs if job["outcome"] != "registered"]
    columns = ("file", "key", "status", "stage", "outcome", "reason")
    if listed:
        table(columns, [[job[name] for name in columns] for job in listed])
    for job in listed:
        for finding in job["errors"]:
            typer.echo(_line(job["file"], finding))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def _state(client: Client, identity: str) -> tuple[str, Document]:
    """Whether that is a batch or a job, and how far it is; exits where it is neither."""
    from greenlang.client import factory

    for kind, call in (("batch", factory.batch(identity)), ("jobs", factory.job(identity))):
        try:
            return kind, client.send(call)
        except RemoteRefused as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY):  # 422: it can name none
                raise
    raise not_found(f"{client.server} knows no job and no batch {identity}")


def _jobs(told: Document) -> list[Document]:
    return list(told.get("jobs", [told]))


def _come_back(client: Client, identity: str) -> str:
    return f"`greenlang --server {client.server} factory follow {identity}` goes on watching it"


def _show_refused(error: RemoteRefused, *, json: bool) -> bool:
    """Print what is wrong with specs; False where that is not why the server refused."""
    found = error.problem.get("diagnostics")
    if not isinstance(found, list):
        return False
    if json:
        as_json(found)
    else:
        for one in found:
            typer.echo(_line(one["file"], one))
    return True


def _line(file: str, finding: Document) -> str:
    hint = f" ({finding['hint']})" if finding.get("hint") else ""
    place = f"{file}:{finding['line']}:{finding['column']}"
    return f"{place}: {finding['severity']} {finding['code']}: {finding['message']}{hint}"
