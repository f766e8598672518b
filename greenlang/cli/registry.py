"""`greenlang registry`: what is registered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, built_settings, not_found
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, plain, table, when

if TYPE_CHECKING:
    from greenlang.client import Client, Document
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
    from greenlang.client import registry as calls

    text = " ".join(words or ())
    asked = {"domain": domain, "capability": capability, "unit": unit, "regulation": regulation, "state": state}
    if server_of(context):
        filters = {name: value for name, value in asked.items() if value}
        with connected(context) as client:
            call = calls.search(text, **filters, all_versions=all_versions, limit=min(limit, 1000))
            entries = client.every(call, limit)
    else:
        with open_registry(context) as registry:
            entries = registry.search(text, **asked, all_versions=all_versions, limit=limit)
    show_entries(entries, json=json)
    if not entries:
        raise typer.Exit(NEGATIVE)


@app.command()
def info(context: typer.Context, agent_id: AgentId, json: AsJson = False) -> None:
    """Everything the registry holds about one agent: digests, builds, life, needs, pins, yanks."""
    if server_of(context):
        with connected(context) as client:
            entry, more = _info_there(client, agent_id)
    else:
        with open_registry(context) as registry:
            entry, more = _info_here(registry, agent_id)
    if json:
        as_json({**entry.as_dict(), **more})
        return
    show_entry(entry)
    facts([("versions", ", ".join(more["versions"]))])
    table(
        ("built", "factor release", "score", "tests", "pack digest"),
        [
            (
                when(b["built_at"]),
                b["factor_release"],
                b["score"],
                f"{b['tests_passed']}/{b['tests_total']}",
                b["pack_digest"],
            )
            for b in more["builds"]
        ],
        right=(2,),
    )
    steps = [(when(step["at"]), step["before"], step["after"], step["reason"]) for step in more["transitions"]]
    table(("when", "from", "to", "why"), steps)
    if more["needs"]:
        table(("needs", "in the versions"), list(more["needs"].items()))
    if more["pins"]:
        pins = [(pin["kind"], pin["ref"], pin["digest"]) for pin in more["pins"]]
        table(("pinned", "reference", "digest"), pins)
    if more["yanks"]:
        yanks = [(when(y["at"]), "yes" if y["yanked"] else "no", y["actor"], y["reason"]) for y in more["yanks"]]
        table(("when", "yanked", "who", "why"), yanks)


_BUILD = (
    "pack_digest",
    "certificate_digest",
    "factor_release",
    "pack",
    "score",
    "coverage",
    "tests_passed",
    "tests_total",
    "judgement",
    "built_at",
    "published_by",
    "state",
    "yanked",
    "successor",
    "flags",
)
_STEP = ("before", "after", "at", "reason")


def _info_here(registry: Registry, agent_id: str) -> tuple[RegistryEntry, Document]:
    from greenlang.registry import details

    entry = found(registry, agent_id)
    builds = registry.builds(entry.agent_id, entry.version)
    now = next(build for build in builds if build.pack_digest == entry.pack_digest)
    more: Document = plain(
        {
            "versions": [other.version for other in registry.versions(entry.agent_id)],
            "builds": [{name: getattr(build, name) for name in _BUILD} for build in builds],
            "transitions": [
                {name: getattr(step, name) for name in _STEP}
                for step in registry.transitions(entry.agent_id, entry.version)
            ],
            **details.as_json(
                details.needs_of(registry, entry.agent_id).get((entry.tenant, entry.version), {}),
                details.pins_of(registry, now.id),
                details.yanks_of(registry, now.id),
            ),
        }
    )
    return entry, more


def _info_there(client: Client, agent_id: str) -> tuple[RegistryEntry, Document]:
    from greenlang.client import lives
    from greenlang.client import registry as calls

    entry = client.send(calls.agent(agent_id))
    ref = f"{entry.agent_id}@{entry.version}"
    hangs: Document = client.send(calls.details(ref))
    return entry, {
        "versions": [other.version for other in client.every(calls.versions(entry.agent_id))],
        "builds": [{name: build[name] for name in _BUILD} for build in client.every(calls.builds(ref))],
        "transitions": [{name: step[name] for name in _STEP} for step in client.every(lives.history(ref))],
        **hangs,
    }


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
