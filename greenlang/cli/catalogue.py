"""`greenlang catalogue`: a catalogue of agents becomes specs, and how far their agents have come.

Belongs here: options, what people read, asking the factory. Does not belong here: choosing and filling templates,
comparing (``greenlang.catalogue``).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, progress_bar, table

if TYPE_CHECKING:
    from greenlang.catalogue.standing import Registered, Standing

app = typer.Typer(help="A catalogue of agents becomes specs.", no_args_is_help=True)
MOST = 12  # groups that are listed
WIDTH = 100
_HEADS = ("domain", "catalogued", "served", "generated", "certified")


@app.callback()
def catalogue() -> None:
    """A catalogue of agents becomes specs."""


@app.command()
def build(
    context: typer.Context,
    csv: Annotated[Path, typer.Argument(metavar="CSV", exists=True, dir_okay=False, help="The catalogue.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Folder of specs and reports; default: catalogue in --var."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first rows only.")] = None,
    json: AsJson = False,
) -> None:
    """Write a spec for every row that a template honestly serves, and list the others with the reason.

    `greenlang agent batch DIR/specs` generates and certifies; `greenlang catalogue report DIR` says how far that is.
    """
    from greenlang.catalogue.build import build as build_catalogue
    from greenlang.catalogue.manager import TemplateManager
    from greenlang.catalogue.standing import NOT_SERVED, WAITING, by_reason
    from greenlang.cli.factors import factor_table

    folder = out or settings(context).var / "catalogue"
    templates = TemplateManager().templates.values()
    with progress_bar("writing specs", hidden=json) as told:
        done = build_catalogue(csv, folder, templates, factor_table(context), limit=limit, progress=told)
    found = _standings(context, folder)
    if json:
        _as_json(found, done.summary() | {"written": done.written, "removed": done.removed, "folder": str(folder)})
        return
    _counts_by_domain(found)
    refused = [group for group in by_reason(found) if group.state == NOT_SERVED]
    if refused:
        _groups("why not served", [(g.rows, f"{g.failed_by}: {g.reason}") for g in refused])
        typer.echo(f"every row that is not served, with its reason: {folder / 'not_served.csv'}\n")
    typer.echo(f"specs      {folder / 'specs'} ({done.written:,} written, {done.removed:,} removed)")
    _counts(found)
    if any(s.state == WAITING for s in found):
        typer.echo(f"next: `greenlang agent batch {folder / 'specs'}`, then `greenlang catalogue report {folder}`")


@app.command()
def report(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", file_okay=False, help="Folder of a build; default: catalogue in --var."),
    ] = None,
    *,
    json: AsJson = False,
) -> None:
    """How many rows are catalogued, served, generated and certified, and why the others are not.

    Reads the outcomes, the registry and the packs of the factory's folder (--var). Certified are agents that are
    registered with this very spec and whose pack holds the certificate that the registry names. Every row goes to
    DIR/report.csv.
    """
    from greenlang.catalogue.standing import by_reason, report_csv

    folder = folder or settings(context).var / "catalogue"
    found = _standings(context, folder)
    path = folder / "report.csv"
    path.write_bytes(report_csv(found))
    if json:
        _as_json(found, {"folder": str(folder), "report": str(path)})
        return
    _counts_by_domain(found)
    groups = by_reason(found)
    if groups:
        told = ((g.rows, ", ".join(filter(None, (g.state, g.failed_by))), g.reason) for g in groups)
        _groups("why not certified", [(rows, f"{what}: {reason}") for rows, what, reason in told])
    typer.echo(f"every row with its state, reason and certificate: {path}\n")
    _counts(found)


def _standings(context: typer.Context, folder: Path) -> list[Standing]:
    """The rows of a build beside what the factory says of them."""
    from greenlang.catalogue.standing import standings
    from greenlang.metrics import MetricsStore

    return standings(folder, MetricsStore(settings(context)).outcomes(), _registered(context))


def _registered(context: typer.Context) -> dict[tuple[str, str], Registered]:
    """The registered agents; none where nothing was built yet."""
    from greenlang.catalogue.standing import Registered
    from greenlang.registry import Registry
    from greenlang.registry.packs import PackNotHere, homes, pack_of

    found = settings(context)
    if not found.registry_url and not (found.var / "registry.sqlite").is_file():
        return {}  # nothing was built yet; opening it would make one
    out = {}
    with Registry(found.registry) as registry:
        for entry in registry.all():
            try:
                certificate = pack_of(entry, homes(found, entry.tenant)).certificate.digest
            except PackNotHere:
                certificate = ""
            out[entry.agent_id, entry.version] = Registered(entry.spec_digest, certificate)
    return out


def _as_json(found: list[Standing], more: dict[str, Any]) -> None:
    from greenlang.catalogue.standing import by_domain, by_reason, counts

    groups = [asdict(group) for group in by_reason(found)]
    as_json({**more, **counts(found), "by_domain": by_domain(found), "not_certified": groups})


def _counts_by_domain(found: list[Standing]) -> None:
    from greenlang.catalogue.standing import by_domain

    rows = [(domain, *counts.values()) for domain, counts in by_domain(found).items()]
    table(_HEADS, rows, right=range(1, len(_HEADS)))


def _counts(found: list[Standing]) -> None:
    from greenlang.catalogue.standing import counts

    meaning = {
        "catalogued": "rows of the catalogue",
        "served": "rows that a template honestly serves: a spec each",
        "generated": "specs of which the factory made a pack",
        "certified": "agents registered with a certificate: tests passed, quality judged",
    }
    for name, n in counts(found).items():
        typer.echo(f"{name:<10} {n:>7,}  {meaning[name]}")


def _groups(title: str, groups: list[tuple[int, str]]) -> None:
    """Counts with their reasons, wrapped; the last line counts what is not listed."""
    typer.echo(f"{'rows':>7}  {title}")
    for rows, text in groups[:MOST]:
        typer.echo(fill(text, WIDTH, initial_indent=f"{rows:>7,}  ", subsequent_indent=" " * 9))
    if groups[MOST:]:
        typer.echo(f"{sum(rows for rows, _ in groups[MOST:]):>7,}  for {len(groups) - MOST} other reasons")
