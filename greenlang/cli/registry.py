"""`greenlang registry`: what is registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, built_settings, not_found
from greenlang.cli.show import as_json, facts, table

if TYPE_CHECKING:
    from greenlang.registry import Port, Registry, RegistryEntry

app = typer.Typer(help="What is registered.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
AgentId = Annotated[
    str,
    typer.Argument(metavar="ID", help="agent_id, or agent_id@version; without a version the highest one."),
]


def open_registry(context: typer.Context) -> Registry:
    """The registry that the settings name."""
    from greenlang.registry import Registry

    return Registry(built_settings(context).registry)


def found(registry: Registry, reference: str) -> RegistryEntry:
    """The entry of ``agent_id`` or ``agent_id@version``; says what is near and exits if there is none."""
    agent_id, _, version = reference.partition("@")
    entry = registry.find(agent_id, version or None)
    if entry is not None:
        return entry
    others = [entry.version for entry in registry.versions(agent_id)]
    near = f"its versions are {', '.join(others)}" if others else "`greenlang agent list` shows what is"
    raise not_found(f"{reference} is not registered; {near}")


@app.command()
def search(
    context: typer.Context,
    *,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Words that the entry must hold.")] = "",
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    capability: Annotated[str | None, typer.Option(help="Only with this output or tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """Find agents by words, domain and capability. Exits 1 if there is none."""
    with open_registry(context) as registry:
        entries = registry.search(text, domain=domain, capability=capability, limit=limit)
    show_entries(entries, json=json)
    if not entries:
        raise typer.Exit(NEGATIVE)


@app.command()
def info(context: typer.Context, agent_id: AgentId, json: AsJson = False) -> None:
    """Everything the registry holds about one agent: digests, builds, life."""
    with open_registry(context) as registry:
        entry = found(registry, agent_id)
        versions = [other.version for other in registry.versions(entry.agent_id)]
        builds = registry.builds(entry.agent_id, entry.version)
        life = registry.transitions(entry.agent_id, entry.version)
    if json:
        steps = [{"before": t.before, "after": t.after, "at": t.at, "reason": t.reason} for t in life]
        history = [{name: getattr(build, name) for name in build.__slots__} for build in builds]
        as_json({**entry.as_dict(), "versions": versions, "builds": history, "transitions": steps})
        return
    show_entry(entry)
    facts([("versions", ", ".join(versions))])
    table(
        ("built", "factor release", "score", "tests", "pack digest"),
        [(b.built_at, b.factor_release, b.score, f"{b.tests_passed}/{b.tests_total}", b.pack_digest) for b in builds],
        right=(2,),
    )
    table(("when", "from", "to", "why"), [(step.at, step.before, step.after, step.reason) for step in life])


def show_entries(entries: Sequence[RegistryEntry], *, json: bool) -> None:
    """Print entries as a table or as JSON."""
    if json:
        as_json([entry.as_dict() for entry in entries])
    elif not entries:
        typer.echo("no agent")
    else:
        table(
            ("agent", "version", "state", "score", "coverage", "tests", "name"),
            [
                (
                    e.agent_id,
                    e.version,
                    e.state,
                    e.score,
                    e.coverage,
                    f"{e.tests_passed}/{e.tests_total}",
                    e.name,
                )
                for e in entries
            ],
            right=(3, 4, 5),
        )


def show_entry(entry: RegistryEntry) -> None:
    """Print one entry."""
    facts(
        [
            ("agent", f"{entry.agent_id} {entry.version}"),
            ("name", entry.name),
            ("summary", entry.summary),
            ("state", entry.state),
            ("domain", entry.domain),
            ("capabilities", ", ".join(entry.capabilities)),
            *((f"input {port.name}", _port(port)) for port in entry.inputs),
            *((f"output {port.name}", _port(port)) for port in entry.outputs),
            ("score", entry.score),
            ("coverage", entry.coverage),
            ("tests", f"{entry.tests_passed}/{entry.tests_total}"),
            ("factor release", entry.factor_release),
            ("pack", entry.pack),
            ("spec digest", entry.spec_digest),
            ("pack digest", entry.pack_digest),
            ("certificate digest", entry.certificate_digest),
        ]
    )


def _port(port: Port) -> str:
    unit = "" if port.unit in ("1", "") else f" {port.unit}"
    return f"{port.dtype}{unit}{'  ' + port.description if port.description else ''}"
