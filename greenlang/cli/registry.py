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

    found = built_settings(context)
    return Registry(found.registry, keys=found.keys)


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
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Words with their synonyms, or an id.")
    ] = None,
    *,
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    capability: Annotated[str | None, typer.Option(help="Only with this output or tag.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only with an output in this unit, as 'kg CO2e'.")] = None,
    regulation: Annotated[str | None, typer.Option(help="Only for this rule or standard, as 'ISO 14083'.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state of its life.")] = None,
    all_versions: Annotated[bool, typer.Option("--all-versions", help="Every version, not only the latest.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """Find agents by words and by what they are, the best first. Exits 1 if there is none."""
    with open_registry(context) as registry:
        entries = registry.search(
            " ".join(words or ()),
            domain=domain,
            capability=capability,
            unit=unit,
            regulation=regulation,
            state=state,
            all_versions=all_versions,
            limit=limit,
        )
    show_entries(entries, json=json)
    if not entries:
        raise typer.Exit(NEGATIVE)


@app.command()
def info(context: typer.Context, agent_id: AgentId, json: AsJson = False) -> None:
    """Everything the registry holds about one agent: digests, builds, life, needs, pins, yanks."""
    from greenlang.registry import details

    with open_registry(context) as registry:
        entry = found(registry, agent_id)
        versions = [other.version for other in registry.versions(entry.agent_id)]
        builds = registry.builds(entry.agent_id, entry.version)
        life = registry.transitions(entry.agent_id, entry.version)
        now = next(build for build in builds if build.pack_digest == entry.pack_digest)
        needs = details.needs_of(registry, entry.agent_id).get((entry.tenant, entry.version), {})
        pins, yanks = details.pins_of(registry, now.id), details.yanks_of(registry, now.id)
    if json:
        steps = [{"before": t.before, "after": t.after, "at": t.at, "reason": t.reason} for t in life]
        history = [{name: getattr(build, name) for name in build.__slots__} for build in builds]
        as_json(
            {
                **entry.as_dict(),
                "versions": versions,
                "builds": history,
                "transitions": steps,
                **details.as_json(needs, pins, yanks),
            }
        )
        return
    show_entry(entry)
    facts([("versions", ", ".join(versions))])
    table(
        ("built", "factor release", "score", "tests", "pack digest"),
        [(b.built_at, b.factor_release, b.score, f"{b.tests_passed}/{b.tests_total}", b.pack_digest) for b in builds],
        right=(2,),
    )
    table(("when", "from", "to", "why"), [(step.at, step.before, step.after, step.reason) for step in life])
    if needs:
        table(("needs", "in the versions"), list(needs.items()))
    if pins:
        table(("pinned", "reference", "digest"), [(pin.kind, pin.ref, pin.digest) for pin in pins])
    if yanks:
        table(("when", "yanked", "who", "why"), [(y.at, "yes" if y.yanked else "no", y.actor, y.reason) for y in yanks])


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
            ("use instead", entry.successor),
            ("superseded pins", entry.flags or ""),
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
