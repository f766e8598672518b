"""`greenlang catalogue`: a catalogue of agents becomes specs.

Belongs here: options, progress, what people read. Does not belong here: the choice of templates, the files
(``greenlang.catalogue``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

if TYPE_CHECKING:
    from greenlang.catalogue.build import Build

app = typer.Typer(help="A catalogue of agents becomes specs.", no_args_is_help=True)
MOST = 12  # reasons that are listed


@app.callback()
def catalogue() -> None:
    """A catalogue of agents becomes specs."""


@app.command()
def build(
    context: typer.Context,
    csv: Annotated[Path, typer.Argument(metavar="CSV", exists=True, dir_okay=False, help="The catalogue.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the specs and reports.")],
    limit: Annotated[int | None, typer.Option(min=1, help="The first rows only.")] = None,
    json: AsJson = False,
) -> None:
    """Write a spec for every row that a template honestly serves, and list the others with the reason.

    Three numbers, never one: rows catalogued, specs generated, agents certified (from the outcomes of the factory's
    folder).
    """
    from greenlang.catalogue.build import build as build_catalogue
    from greenlang.catalogue.manager import TemplateManager
    from greenlang.cli.factors import factor_table

    templates = TemplateManager().templates.values()
    with _progress(json) as told:
        done = build_catalogue(csv, out, templates, factor_table(context), limit=limit, progress=told)
    outcomes = _outcomes(context, done.keys)
    if json:
        as_json({**done.summary(), **outcomes, "written": done.written, "removed": done.removed, "folder": str(out)})
        return
    _show(done, outcomes)


def _show(done: Build, outcomes: dict[str, Any]) -> None:
    summary = done.summary()
    rows = [
        (name, n["catalogued"], n["generated"], n["catalogued"] - n["generated"])
        for name, n in summary["domain"].items()
    ]
    table(("domain", "catalogued", "generated", "not served"), rows, right=(1, 2, 3))
    if done.not_served:
        reasons = Counter((n.row.domain, n.reason) for n in done.not_served).most_common(MOST)
        table(("not served", "reason", "rows"), [(*key, n) for key, n in reasons], right=(2,))
    typer.echo(f"catalogued {done.catalogued:,}")
    changed = f"{done.written:,} written, {done.removed:,} removed"
    typer.echo(f"generated  {done.generated:,} specs in {done.folder / 'specs'} ({changed})")
    if outcomes["outcomes"] is None:
        typer.echo(
            "certified  not known: nothing was built in the factory's folder; `greenlang agent batch` builds the specs"
        )
    else:
        counts = ", ".join(f"{n:,} {name}" for name, n in outcomes["outcomes"].items()) or "none of them was built"
        typer.echo(f"certified  {outcomes['certified']:,} (outcomes: {counts})")
    typer.echo(f"not served {len(done.not_served):,}, each with its reason in {done.folder / 'not_served.csv'}")


def _outcomes(context: typer.Context, keys: Iterable[str]) -> dict[str, Any]:
    """What became of the specs, by outcome: certified are those registered with a certificate."""
    from greenlang.metrics import MetricsStore

    found = settings(context)
    rows = MetricsStore(found).outcomes() if (found.tables / "outcomes").is_dir() else None
    if rows is None:
        return {"certified": None, "outcomes": None}
    wanted = set(keys)
    mine = [row for row in rows if row["key"] in wanted]
    certified = sum(row["outcome"] == "registered" and bool(row["certificate_digest"]) for row in mine)
    return {"certified": certified, "outcomes": dict(sorted(Counter(row["outcome"] for row in mine).items()))}


@contextmanager
def _progress(json: bool) -> Iterator[Callable[[int, int], None] | None]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("writing specs", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
