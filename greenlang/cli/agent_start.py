"""`greenlang agent scaffold | search | batch-status | deploy`: document 000's other words, each over what does it.

Belongs here: these commands. Does not belong here: what they stand for (templates, registry, metrics, exports).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli import registry, template
from greenlang.cli.agent_export import app, pack_folder
from greenlang.cli.app import NEGATIVE, built_settings, not_found
from greenlang.cli.jobs import show_batch
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import SettingsError

__all__ = ["app"]

app.command("search")(registry.search)


@app.command()
def scaffold(
    name: Annotated[str, typer.Argument(help="Id of the new agent, such as industrial/my_boiler_v1.")],
    *,
    source: Annotated[str, typer.Option("--template", help="A template to start from; default: an empty spec.")] = "",
    title: Annotated[str, typer.Option(help="What people read; default: made from the id.")] = "",
    summary: Annotated[str, typer.Option(help="One sentence, without a template.")] = "",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", dir_okay=False, help="File to write; default: the terminal.")
    ] = None,
) -> None:
    """A spec to go on writing for a new agent: `greenlang template new-spec`, without its questions."""
    words = name.rsplit("/", maxsplit=1)[-1].replace("_", " ").replace("-", " ")
    sentence = "" if source else summary or "Computes what it is for."
    template.new_spec(
        source, out=out, agent=name, title=title or words.title(), summary=summary if source else sentence
    )


@app.command("batch-status")
def batch_status(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="[BATCH]", help="Id of a run; default: the last one.")] = "",
    json: AsJson = False,
) -> None:
    """How far a batch is: specs by outcome, and what failed and why. Exits 1 if there is no such batch."""
    from greenlang.metrics.agents import run

    if server_of(context):
        from greenlang.client import factory

        if not batch:
            raise SettingsError("with --server a batch is named: `agent batch` printed its id")
        with connected(context) as client:
            show_batch(client.send(factory.batch(batch)), json=json)
        return
    try:
        told = run(built_settings(context), batch)
    except LookupError as error:
        raise not_found(str(error)) from error
    if json:
        as_json(told)
        return
    failed = told.pop("failed")
    facts(list(told.items()))
    if failed:
        table(("spec", "outcome", "reason"), [tuple(row.values()) for row in failed])


@app.command()
def deploy(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A registered agent, or a pack's folder.")],
) -> None:
    """Says what a deployment needs: GreenLang runs no agents and speaks to no cluster. Always exits 1.

    The pack holds an image file and Kubernetes manifests; `agent export --as oci` makes the image without a daemon.
    """
    folder = pack_folder(context, agent)
    typer.echo(
        f"greenlang: nothing was deployed: this factory makes agents and runs none; {folder} has what it takes",
        err=True,
    )
    facts(
        [
            (f"greenlang agent export {agent} --as oci -o out", "the image, to be pushed by skopeo or crane"),
            (
                f"kubectl apply -f {folder / 'deploy' / 'k8s'}",
                "deployment, service, autoscaler, budget, network policy",
            ),
        ]
    )
    raise typer.Exit(NEGATIVE)
