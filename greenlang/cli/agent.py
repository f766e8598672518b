"""`greenlang agent`: the agents that the factory made."""

from __future__ import annotations

import typer

from greenlang.cli.app import built_settings, not_found
from greenlang.cli.registry import AgentId, AsJson, found, open_registry, show_entries, show_entry
from greenlang.cli.show import as_json, facts, table

app = typer.Typer(help="The agents that the factory made.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, json: AsJson = False) -> None:
    """Every registered agent version."""
    with open_registry(context) as registry:
        show_entries(registry.all(), json=json)


@app.command()
def inspect(context: typer.Context, agent_id: AgentId, json: AsJson = False) -> None:
    """One agent: what it takes and gives, how it was judged, which factors and formulas it uses.

    An agent that could not be registered is shown with the reason; the exit code is then 1.
    """
    from greenlang.metrics.query import query

    settings = built_settings(context)
    name, _, version = agent_id.partition("@")
    with open_registry(context) as registry:
        entry = registry.find(name, version or None)
        if entry is None:
            rows = query(
                settings,
                "SELECT outcome, version, file, reason, waits_for, run_id FROM agents WHERE agent_id = $id "
                "AND ($version IS NULL OR version = $version) ORDER BY finished_at DESC LIMIT 1",
                {"id": name, "version": version or None},
            ).as_dicts()
            if not rows:
                found(registry, agent_id)  # says what is near, and exits
            row = rows[0]
            why = row["reason"] or "but the registry does not hold it"
            waits = f"; it waits for: {row['waits_for']}" if row["waits_for"] else ""
            raise not_found(f"{name} {row['version']} from {row['file']} is {row['outcome']}: {why}{waits}")
    identity = {"id": entry.agent_id, "version": entry.version}
    judged = query(
        settings,
        "SELECT title, status, score, threshold, evidence, reason FROM qa_dimensions "
        "WHERE agent_id = $id AND version = $version",
        identity,
    )
    used = query(
        settings,
        "SELECT kind, ref, citation FROM lineage WHERE agent_id = $id AND version = $version ORDER BY ALL",
        identity,
    )
    if json:
        as_json({**entry.as_dict(), "qa_dimensions": judged.as_dicts(), "lineage": used.as_dicts()})
        return
    show_entry(entry)
    if judged.rows:
        table(("dimension", "status", "score", "least", "evidence", "why"), judged.rows, right=(2, 3))
    if used.rows:
        table(("uses", "reference", "citation"), used.rows)
    if entry.pack:
        facts([("files", entry.pack)])
