"""`greenlang factors refused` and `release`: what a stored release holds, and which one is in force.

Belongs here: the commands. Does not belong here: making and storing releases (``greenlang.factors.release``).
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import not_found, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors.release import Release

SHOWN = 40

ReleaseName = Annotated[str, typer.Argument(metavar="[RELEASE]", help="A stored release; default: the one in force.")]
release_app = typer.Typer(help="Releases of the emission factors.", no_args_is_help=True)


def refused(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[PUBLISHER/DATASET/VINTAGE]", help="One edition; default: all.")] = "",
    release: Annotated[str, typer.Option("--release", help="A stored release; default: the one in force.")] = "",
    json: AsJson = False,
) -> None:
    """Source values that gave no factor, counted by reason; with an edition, each of them. Exits 1 for one that is not
    in the release."""
    stored = _stored(context, release)
    known = [edition["name"] for edition in stored.editions]
    if name and name not in known:
        raise _no_edition(name, known, stored.name)
    if not name:
        rows = [
            (edition["name"], reason, number)
            for edition in stored.editions
            for reason, number in edition["refused"].items()
        ]
        if json:
            as_json([dict(zip(("edition", "reason", "values"), row, strict=True)) for row in rows])
        else:
            table(("edition", "reason", "values"), rows, right=(2,))
        return
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT file, place, reason, text FROM read_parquet(?) WHERE edition = ? ORDER BY ALL",
            [str(stored.folder / "refused.parquet"), name],
        ).fetchall()
    if json:
        as_json([dict(zip(("file", "place", "reason", "text"), row, strict=True)) for row in found])
        return
    table(("file", "place", "reason", "text"), found[:SHOWN])
    more = f"; the first {SHOWN} are shown, --json has all" if len(found) > SHOWN else ""
    typer.echo(f"{len(found):,} values of {name} were refused in {stored.name}{more}")


@release_app.command("list")
def list_(context: typer.Context, json: AsJson = False) -> None:
    """The stored releases, and which one is in force."""
    from greenlang.sync import releases

    store = releases(settings(context))
    rows = [store.get(name) for name in store.names()]
    if json:
        as_json([{"name": r.name, "rows": r.rows, "digest": r.digest, "pinned": r.name == store.pinned} for r in rows])
        return
    table(
        ("release", "rows", "catalogued", "eligible", "digest", "in force"),
        [
            (
                r.name,
                r.rows,
                r.counts["catalogued"],
                r.counts["eligible"],
                r.digest,
                "yes" if r.name == store.pinned else "",
            )
            for r in rows
        ],
        right=(1, 2, 3),
    )
    if not store.pinned:
        typer.echo("in force: the embedded base")


@release_app.command("show")
def show(context: typer.Context, name: ReleaseName = "", json: AsJson = False) -> None:
    """One release: its editions, counts, and what the gates found with the decision on each."""
    stored = _stored(context, name)
    findings = stored.findings_list()
    if json:
        as_json(
            {
                "name": stored.name,
                "digest": stored.digest,
                "rows": stored.rows,
                "before": stored.before,
                "counts": stored.counts,
                "editions": list(stored.editions),
                "findings": findings,
            }
        )
        return
    facts(
        [
            ("release", stored.name),
            ("digest", stored.digest),
            ("rows", stored.rows),
            ("before", stored.before),
            *((k, v) for k, v in stored.counts.items() if not isinstance(v, dict)),
        ]
    )
    table(
        ("edition", "read", "kept", "derived", "refused"),
        [(e["name"], e["seen"], e["kept"], e["derived"], sum(e["refused"].values())) for e in stored.editions],
        right=(1, 2, 3, 4),
    )
    table(
        ("gate", "row", "finding", "decision", "reason"),
        [(f["gate"], f["key"], f["message"], f["decision"], f["reason"]) for f in findings[:SHOWN]],
    )
    typer.echo(f"{len(findings)} findings, all reviewed")


@release_app.command("diff")
def diff(context: typer.Context, name: ReleaseName = "", json: AsJson = False) -> None:
    """What changed against the release before: changed values first, the largest relative change on top."""
    stored = _stored(context, name)
    import duckdb

    with duckdb.connect() as connection:
        columns = "what, key, old, new, unit, relative, fields"
        sql = f"SELECT {columns} FROM read_parquet(?)"  # noqa: S608
        rows = connection.execute(sql, [str(stored.folder / "changelog.parquet")]).fetchall()
    if json:
        as_json([dict(zip(columns.split(", "), row, strict=True)) for row in rows])
        return
    shown = [
        (what, key, *("" if v is None else digits(v) for v in (old, new)), unit, relative, fields)
        for what, key, old, new, unit, relative, fields in rows[:SHOWN]
    ]
    table(("what", "row", "old", "new", "unit", "relative", "fields"), shown, right=(2, 3, 5))
    against = f"against {stored.before}" if stored.before else "the first release: everything is new"
    typer.echo(f"{len(rows):,} rows differ, {against}")


@release_app.command("pin")
def pin(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="RELEASE|embedded", help="A stored release, or the base that comes with GreenLang.")
    ],
) -> None:
    """Put a stored release in force, or the embedded base again. Agents that pin changed rows become stale."""
    from greenlang.factors import FactorTable
    from greenlang.sync import put_in_force

    found = settings(context)
    decay = put_in_force(found, "" if name == "embedded" else name)
    table = FactorTable.in_force(found.tables)
    typer.echo(f"in force: {table.release}, {len(table):,} rows, digest {table.digest}")
    if decay is not None and (decay.flagged or decay.cleared):
        builds = len({build for build, _ in decay.flagged})
        typer.echo(
            f"{builds:,} builds flagged, {decay.cleared:,} flags ended: `greenlang registry decay` lists the pins"
        )


def _no_edition(name: str, known: list[str], release: str) -> typer.Exit:
    """Say that a release has no edition of that name, and which come nearest; raise what this returns."""
    from greenlang.factors.catalogue import catalogue

    if name in {edition.name for edition in catalogue() if not edition.cross_check}:
        return not_found(f"`{name}` is not in {release}: `greenlang factors sync` loads it")
    nearest = ", ".join(f"`{near}`" for near in get_close_matches(name, known, n=3, cutoff=0))
    return not_found(f"no edition is called `{name}` in {release}; the nearest are {nearest}")


def _stored(context: typer.Context, name: str) -> Release:
    from greenlang.sync import releases

    store = releases(settings(context))
    wanted = name or store.pinned
    if not wanted:
        raise not_found("the embedded base is in force, which is no stored release: `greenlang factors sync` makes one")
    return store.get(wanted)
