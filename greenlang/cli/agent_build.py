"""`greenlang agent create | batch | refine`: from a spec file to an agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.agent_explain import app
from greenlang.cli.agent_spec import OverlayOption, SpecFile, validate
from greenlang.cli.app import NEGATIVE, built_settings, not_found, settings
from greenlang.cli.jobs import Follow, send_specs
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import server_of
from greenlang.cli.show import as_json, facts, progress_bar, table

if TYPE_CHECKING:
    from greenlang.settings import Settings
    from greenlang.specs.diagnostics import Diagnostic

__all__ = ["app"]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write and build nothing: what `agent validate` says of it.")]
MOST = 50  # specs that are all listed; of more, only those that are not registered


@app.command()
def create(
    context: typer.Context,
    spec: SpecFile,
    overlay: OverlayOption = None,
    *,
    follow: Follow = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Put one spec, with its overlay, into the bucket and run the line on it. Exit code 1 if it is not registered.

    With --server it is a job there: its id is printed, or with --follow its end is waited for.
    """
    if dry_run:
        validate(context, [spec], overlay=overlay, json=json)
        return
    from greenlang.specs.overlay import overlay_name

    files = {spec.name: spec}
    beside = spec.with_name(overlay_name(spec.name))
    if server_of(context):
        send_specs(context, [(spec, overlay or (beside if beside.is_file() else None))], wait=follow, json=json)
        return
    if overlay is not None or beside.is_file():
        files[beside.name] = overlay or beside
    _drop_and_run(context, files, json=json)


@app.command()
def batch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder of specs and overlays.")],
    *,
    follow: Follow = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Put every *.yaml of a folder into the bucket and run the line. Exit code 1 if any is not registered.

    With --server it is a batch there: its id is printed, or with --follow its end is waited for.
    """
    from greenlang.specs.overlay import is_overlay, overlay_name

    paths = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not paths:
        typer.echo(f"greenlang: {folder} holds no *.yaml", err=True)
        raise typer.Exit(NEGATIVE)
    if dry_run:
        validate(context, [folder], json=json)
        return
    if server_of(context):
        overlays = {path.name: path for path in paths}
        specs = [(path, overlays.get(overlay_name(path.name))) for path in paths if not is_overlay(path.name)]
        send_specs(context, specs, wait=follow, json=json)
        return
    _drop_and_run(context, {path.name: path for path in paths}, json=json)


@app.command()
def refine(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="agent_id, agent_id@version, or the key of a build.")],
    json: AsJson = False,
) -> None:
    """Build and judge one accepted agent anew, whatever stands, and climb the repair ladder where it fails.

    The spec stays as its author wrote it: what is proposed for it lies in the dossier. Exit code 1 if the agent is not
    registered.
    """
    from greenlang.bucket import Bucket
    from greenlang.factory.inbox.shelf import accepted_keys
    from greenlang.specs.model import identity

    found = built_settings(context)
    known = {key: identity(key) for key in accepted_keys(Bucket.open(found.bucket_address))}
    keys = [key for key, (name, version) in known.items() if agent in {key, name, f"{name}@{version}"}]
    if not keys:
        raise not_found(f"no accepted spec is called {agent}")
    if len(keys) > 1:
        raise not_found(f"{agent} has several accepted specs; name one: {', '.join(keys)}")
    rows, told = _built(found, json=json, keys=keys, force=True)
    _end(found, rows, told, json=json)


def _drop_and_run(context: typer.Context, files: dict[str, Path], *, json: bool) -> None:
    """Files by their names in the inbox, through the line; a row for each spec, and for each file that was refused."""
    from greenlang.bucket import Bucket

    found = settings(context)
    bucket = Bucket.open(found.bucket_address)
    for name, path in files.items():
        bucket.write(f"inbox/{name}", path.read_bytes())
    rows, told = _built(found, json=json, files=list(files))
    _end(found, rows + _standing(found, files, told), told, json=json)


_Told = dict[str, tuple[str, "tuple[Diagnostic, ...]"]]  # key -> file and findings


def _built(found: Settings, *, json: bool, **asked: Any) -> tuple[list[dict[str, Any]], _Told]:
    """A batch: a row for each outcome, and the findings."""
    from greenlang.factory import line
    from greenlang.factory.reporting import pages_of

    rows: list[dict[str, Any]] = []
    told: _Told = {}
    with progress_bar("building agents", hidden=json) as progress:
        batch = line.run_batch(found, **asked, entrance="command line", settle=False, on_progress=progress)
        for stage in batch:
            if stage.agent is not None:
                row = {name: getattr(stage.agent, name) for name in _SHOWN}
                rows.append(row | pages_of(found, stage.agent.key))
                told[stage.agent.key] = stage.agent.file, stage.agent.diagnostics
    return rows, told


def _end(found: Settings, rows: list[dict[str, Any]], told: _Told, *, json: bool) -> None:
    """Show what became of it. Exits 1 if any is not registered."""
    if json:
        as_json(rows)
    else:
        _show(rows, told.values())
    if any(r["outcome"] != "registered" for r in rows):
        if not json:
            typer.echo(f"reports: {found.bucket_address}/rejected and {found.bucket_address}/reports")
        raise typer.Exit(NEGATIVE)


def _show(rows: list[dict[str, Any]], told: Iterable[tuple[str, tuple[Diagnostic, ...]]]) -> None:
    """Findings, and a row for each spec; of many specs only those that are not registered, and the counts."""
    many = len(rows) > MOST
    listed = [r for r in rows if not many or r["outcome"] != "registered"]
    files = {r["file"] for r in listed}
    for file, findings in told:
        for finding in findings if file in files else ():
            typer.echo(finding.text(file))
    if listed:
        table(list(_SHOWN), [[r[name] for name in _SHOWN] for r in listed], right=(4, 5, 6))
    for row in listed:
        if len(rows) == 1 or row["outcome"] != "registered":
            facts((f"{name}:", row[name]) for name in ("report", "dossier"))
    if many:
        counts = Counter(r["outcome"] for r in rows)
        typer.echo(", ".join(f"{n:,} {outcome}" for outcome, n in counts.most_common()))


_SHOWN = ("file", "agent_id", "version", "outcome", "score", "coverage", "tests_passed", "reason")


def _standing(found: Settings, files: dict[str, Path], told: Collection[str]) -> list[dict[str, Any]]:
    """What stands for specs whose very bytes have been through the line before."""
    from greenlang.factory.reporting import pages_of
    from greenlang.metrics import MetricsStore
    from greenlang.specs.overlay import is_overlay
    from greenlang.specs.reader import read

    standing = {row["key"]: row for row in MetricsStore(found).outcomes()}  # one scan: a batch may hold thousands
    out: list[dict[str, Any]] = []
    for name, path in files.items():
        if is_overlay(name):
            continue
        spec, _ = read(path.read_bytes(), name, max_bytes=found.max_spec_bytes)
        row = standing.get(spec.partition) if spec is not None and spec.partition not in told else None
        if row is not None:
            out.append({name: row[name] for name in _SHOWN} | {"file": path.name} | pages_of(found, row["key"]))
    return out
