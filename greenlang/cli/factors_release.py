"""`greenlang factors sync`, `refused` and `release`: publishers' files in, releases out.

Belongs here: the commands. Does not belong here: reading, checking, storing (``greenlang.sync``,
``greenlang.factors.release``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors.editions import EditionMissing, EditionRead
    from greenlang.factors.release import Release
    from greenlang.sync import Synced

SHOWN = 40

release_app = typer.Typer(help="Releases of the emission factors.", no_args_is_help=True)


def sync(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Folder with the publishers' files; default: download them."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Also load this set that is not openly licensed (publisher/dataset). Repeat for more.",
        ),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin/--no-pin", help="Put the release in force.")] = True,
    json: AsJson = False,
) -> None:
    """Read the publishers' files, check them, and make a release of their factors.

    Files are verified against the declared SHA-256. What was read before is not read again. Exits 1 if a set could not
    be read or a gate found what nobody has reviewed.
    """
    from greenlang.factors.release import ReleaseBlocked
    from greenlang.sync import sync as run

    if folder is not None and not folder.is_dir():
        raise typer.BadParameter(f"`{folder}` is no folder", param_hint="--from")
    try:
        if json:
            done = run(settings(context), folder=folder, wanted=tuple(source or ()), pin=pin)
        else:
            done = _with_progress(context, folder, tuple(source or ()), pin)
    except ReleaseBlocked as blocked:
        _blocked(blocked, json)
        raise typer.Exit(NEGATIVE) from blocked
    _report(done, json)
    if done.missing or done.release is None:
        raise typer.Exit(NEGATIVE)


def _with_progress(context: typer.Context, folder: Path | None, wanted: tuple[str, ...], pin: bool) -> Synced:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from greenlang.factors.catalogue import PublishedFile
    from greenlang.sync import chosen, releases
    from greenlang.sync import sync as run

    found = settings(context)
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("editions", total=len(chosen(releases(found), wanted)))
        downloads: dict[str, int] = {}

        def told(result: EditionRead | EditionMissing) -> None:
            progress.advance(whole)
            progress.console.print(_line(result))

        def fetching(file: PublishedFile, have: int) -> None:
            if file.name not in downloads:
                downloads[file.name] = int(progress.add_task(file.name, total=file.bytes))
            progress.update(downloads[file.name], completed=have)  # type: ignore[arg-type]

        return run(found, folder=folder, wanted=wanted, told=told, fetching=fetching, pin=pin)


def _line(result: EditionRead | EditionMissing) -> str:
    from greenlang.factors.editions import EditionMissing

    if isinstance(result, EditionMissing):
        return f"  {result.name}: {result.problem}"
    how = "read" if result.fresh else "as before"
    return f"  {result.name}: {how}: {result.seen:,} values = {result.kept:,} kept + {result.refused_total:,} refused"


def _report(done: Synced, json: bool) -> None:
    if json:
        as_json(
            {
                "release": done.release.name if done.release else None,
                "digest": done.release.digest if done.release else None,
                "new": done.new,
                "counts": done.release.counts if done.release else {},
                "read": [
                    {"name": e.name, "seen": e.seen, "kept": e.kept, "refused": e.refused, "fresh": e.fresh}
                    for e in sorted(done.read, key=lambda e: e.name)
                ],
                "missing": [{"name": m.name, "problem": m.problem, "mend": m.mend} for m in done.missing],
                "not_open": [{"name": e.name, "licence": e.licence} for e in done.not_open],
            }
        )
        return
    for problem in done.missing:
        typer.echo(f"not read: {problem.name}: {problem.problem}; {problem.mend}", err=True)
    for edition in done.not_open:
        typer.echo(
            f"not loaded: {edition.name} ({edition.licence}): name it by --source {edition.publisher}/{edition.dataset}"
        )
    if done.release is None:
        typer.echo("no edition could be read, so there is no release", err=True)
        return
    made = "new" if done.new else "nothing changed"
    typer.echo(f"release {done.release.name} ({made}): {done.release.rows:,} rows, digest {done.release.digest}")
    typer.echo("`greenlang factors stats` counts it, `greenlang factors release diff` says what changed")


def _blocked(blocked: Exception, json: bool) -> None:
    from greenlang.factors.release import ReleaseBlocked

    assert isinstance(blocked, ReleaseBlocked)
    if json:
        as_json(
            {"blocked": str(blocked), "open": [f.as_dict() for f in blocked.findings], "vanished": blocked.vanished}
        )
        return
    typer.echo("greenlang: no release was made: " + str(blocked), err=True)
    shown = blocked.findings[:SHOWN]
    table(
        ("gate", "row", "finding", "figures", "against"), [(f.gate, f.key, f.message, f.seen, f.against) for f in shown]
    )
    typer.echo(
        "Decide on each in emission_factors/findings/*.yaml (keep or exclude, with the reason), and run it again."
    )


def refused(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[PUBLISHER/DATASET/VINTAGE]", help="One edition; default: all.")] = "",
    release: Annotated[str, typer.Option("--release", help="A stored release; default: the one in force.")] = "",
    json: AsJson = False,
) -> None:
    """Source values that gave no factor, counted by reason; with an edition, each of them."""
    from greenlang.sync import releases

    store = releases(settings(context))
    stored = store.get(release or store.pinned or "none yet")
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
def show(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="RELEASE")] = "", json: AsJson = False
) -> None:
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
def diff(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="RELEASE")] = "", json: AsJson = False
) -> None:
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
def pin(context: typer.Context, name: Annotated[str, typer.Argument(metavar="RELEASE|embedded")]) -> None:
    """Put a stored release in force, or the embedded base again. Agents that pin changed rows become stale."""
    from greenlang.factors import build_tables
    from greenlang.factors.storage import STANDING
    from greenlang.sync import releases

    found = settings(context)
    store = releases(found)
    if name == "embedded":
        store.unpin()
        (found.tables / STANDING).unlink(missing_ok=True)
        info = build_tables(found.tables)
        typer.echo(f"in force: {info.release}, {info.rows:,} rows")
        return
    release = store.pin(name, found.tables)
    typer.echo(f"in force: {release.name}, {release.rows:,} rows, digest {release.digest}")


def _stored(context: typer.Context, name: str) -> Release:
    from greenlang.errors import FactorTableError
    from greenlang.sync import releases

    store = releases(settings(context))
    wanted = name or store.pinned
    if not wanted:
        raise FactorTableError(
            "the embedded base is in force, which is no stored release: `greenlang factors sync` makes one"
        )
    return store.get(wanted)
