"""`greenlang agent create | batch`: from a spec file to an agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.agent_explain import app
from greenlang.cli.agent_spec import SpecFile
from greenlang.cli.app import NEGATIVE, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

if TYPE_CHECKING:
    from greenlang.settings import Settings
    from greenlang.specs.diagnostics import Diagnostic

__all__ = ["app"]


@app.command()
def create(context: typer.Context, spec: SpecFile, json: AsJson = False) -> None:
    """Put one spec into the bucket and run the line on it. Exit code 1 if it is not registered."""
    _drop_and_run(context, [spec], json=json)


@app.command()
def batch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder of specs.")],
    json: AsJson = False,
) -> None:
    """Put every *.yaml of a folder into the bucket and run the line. Exit code 1 if any is not registered."""
    _drop_and_run(context, sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]), json=json)


def _drop_and_run(context: typer.Context, paths: list[Path], *, json: bool) -> None:
    from greenlang.bucket import Bucket
    from greenlang.factory import line

    found = settings(context)
    bucket = Bucket.open(found.bucket_address)
    for path in paths:
        bucket.write(f"inbox/{path.name}", path.read_bytes())
    rows: list[dict[str, Any]] = []
    told: dict[str, tuple[Diagnostic, ...]] = {}
    for stage in line.run_batch(found, files=[p.name for p in paths], entrance="command line", settle=False):
        if stage.agent is not None:
            rows.append({name: getattr(stage.agent, name) for name in _SHOWN})
            told[stage.agent.file] = stage.agent.diagnostics
    rows += _standing(found, [p for p in paths if p.name not in told])
    if json:
        as_json(rows)
    elif rows:
        for file, findings in told.items():
            for finding in findings:
                typer.echo(finding.text(file))
        table(list(_SHOWN), [list(r.values()) for r in rows], right=(4, 5, 6))
    if any(r["outcome"] != "registered" for r in rows):
        if not json:
            typer.echo(f"reports: {found.bucket_address}/rejected and {found.bucket_address}/reports")
        raise typer.Exit(NEGATIVE)


_SHOWN = ("file", "agent_id", "version", "outcome", "score", "coverage", "tests_passed", "reason")


def _standing(found: Settings, paths: list[Path]) -> list[dict[str, Any]]:
    """What stands for files whose very bytes have been through the line before."""
    from greenlang.metrics import MetricsStore
    from greenlang.specs.reader import read

    store = MetricsStore(found)
    out: list[dict[str, Any]] = []
    for path in paths:
        spec, _ = read(path.read_bytes(), path.name, max_bytes=found.max_spec_bytes)
        row = store.latest(spec.partition) if spec is not None else None
        if row is not None:
            out.append({name: row[name] for name in _SHOWN} | {"file": path.name})
    return out
