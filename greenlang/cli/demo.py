"""`greenlang demo` (what `make run` calls): the example specs through the whole line, in one process tree."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import INFRASTRUCTURE, NEGATIVE, settings
from greenlang.cli.show import table

if TYPE_CHECKING:
    from greenlang.sandbox.verdict import Profile
    from greenlang.settings import Settings


def demo(
    context: typer.Context,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
) -> None:
    """Drop the example specs into the bucket, run the line, and show what became of them."""
    from rich.console import Console

    from greenlang import _paths
    from greenlang.bucket import Bucket
    from greenlang.errors import SandboxUnavailable
    from greenlang.factory import line
    from greenlang.sandbox import Sandbox
    from greenlang.specs.reader import read

    found = settings(context)
    console = Console(highlight=False)
    try:
        profile = Sandbox(found).prove()
    except SandboxUnavailable as error:
        typer.echo(f"greenlang: {error}", err=True)
        typer.echo("\nTo run the generated tests without confinement (limits on time and memory only):\n", err=True)
        typer.echo("    GREENLANG_SANDBOX=weak make run\n", err=True)
        raise typer.Exit(INFRASTRUCTURE) from error
    _confinement(profile, console)

    info = line.prepare(found)
    console.print(f"Factor tables:   {info.rows:,} factors, release {info.release}, in {info.seconds:.1f} s")
    bucket = Bucket.open(found.bucket_address)
    keys: dict[str, str] = {}
    for path in sorted((_paths.data() / "templates" / "specs" / "examples").glob("*.yaml")):
        data = path.read_bytes()
        spec, _ = read(data, path.name)
        assert spec is not None, f"the example {path.name} cannot be read"
        keys[spec.partition] = path.name
        bucket.write(f"inbox/{path.name}", data)
    console.print(f"Bucket:          {len(keys)} example specs in {found.bucket_address}/inbox\n")
    _run(found, workers, console)
    rows = _standing(found, keys)
    table(
        ("agent", "dialect", "tests passed", "coverage", "score", "state", "seconds"),
        [_line(row) for row in rows],
        right=(2, 3, 4, 6),
    )
    bad = [r for r in rows if r["outcome"] != "registered"]
    _not_registered(found, bad, console)
    _what_next(found, rows, console)
    if bad or len(rows) < len(keys):
        raise typer.Exit(NEGATIVE)


def _confinement(profile: Profile, console: Any) -> None:
    """The profile in force, what weakens it, and what is not there and not needed."""
    console.print(f"Sandbox profile: {profile.name} ({', '.join(profile.primitives)})", soft_wrap=True, markup=False)
    for weakness in profile.weaknesses:
        console.print(f"  weak: {weakness}", soft_wrap=True, markup=False)
    for note in profile.notes:
        console.print(f"  note: {note}", soft_wrap=True, markup=False)


def _not_registered(found: Settings, rows: list[dict[str, Any]], console: Any) -> None:
    """Why, and the pages that say more."""
    from greenlang.factory.reporting import pages_of

    for row in rows:
        console.print(f"{row['agent_id'] or row['file']}: {row['outcome']}: {row['reason']}", markup=False)
        for name, page in pages_of(found, row["key"]).items():
            if page:
                console.print(f"  {name}: {page}", soft_wrap=True, markup=False)


def _run(found: Settings, workers: int | None, console: Any) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from greenlang.factory import line

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("building agents", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        batch = line.run_batch(found, entrance="make run", workers=workers, settle=False, on_progress=advance)
        for stage in batch:
            if stage.agent is not None and stage.agent.outcome != "registered":
                said = f"  {stage.agent.outcome}: {stage.agent.file}: {stage.agent.reason}"
                progress.console.print(said, markup=False)


def _standing(found: Settings, keys: dict[str, str]) -> list[dict[str, Any]]:
    from greenlang.metrics import MetricsStore

    return [row for row in MetricsStore(found).outcomes() if row["key"] in keys]


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    percent = "" if row["coverage"] is None else f"{row['coverage']:.1f} %"
    score = "" if row["score"] is None else f"{row['score']:.1f}"
    return (
        f"{row['agent_id']} {row['version']}",
        row["dialect"],
        f"{row['tests_passed']}/{row['tests_total']}",
        percent,
        score,
        row["state"] or row["outcome"],
        f"{row['seconds']:.1f}",
    )


def _what_next(found: Settings, rows: list[dict[str, Any]], console: Any) -> None:
    """The lines that a person copies: the UI, the metrics, a quality report, and one agent installed and called."""
    from greenlang.factory.reporting import PAGE, folder_of
    from greenlang.specs.model import slug

    greenlang = f"{sys.prefix}/bin/greenlang"
    console.print("Open the UI:       make up, then http://127.0.0.1:" + str(found.webserver_port), soft_wrap=True)
    query = "select agent_id, outcome, score, coverage, tests_passed from agents order by score"
    console.print(f'Query the metrics: {greenlang} query "{query}"', soft_wrap=True)
    good = next((r for r in rows if r["outcome"] == "registered" and "carbon_calculator" in r["agent_id"]), None)
    if good is None:
        return
    console.print(f"Read a report:     {found.var / folder_of(good['key']) / PAGE}", soft_wrap=True, markup=False)
    pack = found.packs / slug(good["key"])
    console.print("\nInstall one agent anywhere, and call it:", soft_wrap=True)
    for command in ("python3 -m venv agent", f"agent/bin/pip install {pack}/wheels/*.whl"):
        console.print(f"    {command}", soft_wrap=True, markup=False)
    console.print(f"    {_call(pack)}", soft_wrap=True, markup=False)


def _call(pack: Path) -> str:
    """A shell line that calls the installed agent on the first input of its own test vectors."""
    vectors = json.loads((pack / "tests" / "vectors.json").read_text())
    package = next(p.name for p in sorted(pack.glob("gl_*")) if p.is_dir())
    given = vectors["base"]
    return f"agent/bin/python -m {package} '{json.dumps(given)}'"
