"""`greenlang factors sync`: publishers' files in, a release out.

Belongs here: the command, and how what it did looks. Does not belong here: reading, checking, storing
(``greenlang.sync``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table

if TYPE_CHECKING:
    from greenlang.factors.catalogue import PublishedFile
    from greenlang.factors.editions import EditionMissing, EditionRead
    from greenlang.factors.release import ReleaseBlocked
    from greenlang.sync import Synced

SHOWN = 40
_FEW = 5  # what one line lists
_STILL = {"in force": "still in force", "read before": "as read before"}  # of an edition whose file is refused now


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

    Files are verified against the declared SHA-256. What was read before is not read again; what the newest release
    holds stays, whether its files are there or not. Exits 1 if a set could not be read or a gate found what nobody has
    reviewed.
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
    nothing = folder is not None and not done.read and not any(problem.other for problem in done.missing)
    if json:
        as_json(_plain(done))
    else:
        _report(done)
    if nothing:
        typer.echo(f"greenlang: `{folder}` holds none of the publishers' files", err=True)
    if nothing or done.missing or done.release is None:
        raise typer.Exit(NEGATIVE)


def _with_progress(context: typer.Context, folder: Path | None, wanted: tuple[str, ...], pin: bool) -> Synced:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from greenlang.sync import chosen, releases
    from greenlang.sync import sync as run

    found = settings(context)
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("editions", total=len(chosen(releases(found), wanted)))
        downloads: dict[str, int] = {}

        def told(_: EditionRead | EditionMissing) -> None:
            progress.advance(whole)

        def fetching(file: PublishedFile, have: int) -> None:
            if file.name not in downloads:
                downloads[file.name] = int(progress.add_task(file.name, total=file.bytes))
            progress.update(downloads[file.name], completed=have)  # type: ignore[arg-type]

        return run(found, folder=folder, wanted=wanted, told=told, fetching=fetching, pin=pin)


def _states(done: Synced) -> dict[str, str]:
    """Name -> what became of the edition, by name."""
    found = dict.fromkeys(done.withdrawn, "withdrawn")
    found |= {e.name: "read" if e.fresh else "read before" for e in (*done.read, *done.stayed)}
    found |= dict.fromkeys(done.in_force, "in force")
    for problem in done.missing:
        before = found.get(problem.name, "")
        found[problem.name] = f"{problem.state}; {_STILL.get(before, before)}" if before else problem.state
    found |= {e.name: "loads only when named" for e in done.not_open}
    return dict(sorted(found.items()))


def _plain(done: Synced) -> dict[str, object]:
    release, states = done.release, _states(done)
    read = sorted((*done.read, *done.stayed), key=lambda e: e.name)
    return {
        "release": release.name if release else None,
        "digest": release.digest if release else None,
        "new": done.new,
        "counts": release.counts if release else {},
        "read": [
            {name: getattr(e, name) for name in ("name", "seen", "kept", "refused", "fresh")}
            | {"state": states[e.name]}
            for e in read
        ],
        "missing": [
            {"name": m.name, "state": states[m.name], "problem": m.problem, "mend": m.mend} for m in done.missing
        ],
        "not_open": [{"name": e.name, "licence": e.licence} for e in done.not_open],
        "undeclared": [str(path) for path in done.undeclared],
    }


def _report(done: Synced) -> None:
    """One line a dataset and state; then once each what was refused, what is not there, what was left alone."""
    _editions(done)
    _others(done.missing)
    _absent(done.missing)
    for edition in done.not_open:
        named = f"--source {edition.publisher}/{edition.dataset}"
        typer.echo(f"{edition.publisher}/{edition.dataset} loads only when named, {named}: {edition.licence}")
    if done.undeclared:
        what = (
            "1 file that no edition declares was"
            if len(done.undeclared) == 1
            else (f"{len(done.undeclared)} files that no edition declares were")
        )
        typer.echo(f"{what} left alone: {_few([str(path) for path in done.undeclared])}")
    if done.release is None:
        typer.echo("no edition could be read, so there is no release", err=True)
        return
    made = "new" if done.new else "nothing changed"
    typer.echo(f"release {done.release.name} ({made}): {done.release.rows:,} rows, digest {done.release.digest}")
    typer.echo("`greenlang factors stats` counts it, `greenlang factors release diff` says what changed")


def _editions(done: Synced) -> None:
    accounts = {e.name: e for e in (*done.read, *done.stayed)}
    lines: dict[tuple[str, str], list[str]] = {}
    for name, state in _states(done).items():
        lines.setdefault((name.rpartition("/")[0], state), []).append(name)
    rows = []
    for (dataset, state), names in lines.items():
        vintages = ", ".join(name.rpartition("/")[2] for name in names)
        read = [accounts[name] for name in names if name in accounts]
        sums = (sum(e.seen for e in read), sum(e.kept for e in read), sum(e.refused_total for e in read))
        rows.append((dataset, vintages, state, *(f"{number:,}" if read else "" for number in sums)))
    table(("dataset", "editions", "state", "values", "kept", "refused"), rows, right=(3, 4, 5))


def _others(missing: Sequence[EditionMissing]) -> None:
    """Each file that is not the declared one, once, however many editions need it."""
    by_path: dict[Path, list[EditionMissing]] = {}
    for problem in missing:
        if problem.other is not None:
            by_path.setdefault(problem.other.path, []).append(problem)
    for path, problems in by_path.items():
        other = problems[0].other
        assert other is not None
        names = ", ".join(sorted(problem.name for problem in problems))
        typer.echo(f"refused: {path} is not the file that is declared for {names}", err=True)
        typer.echo(f"  expected  SHA-256 {other.declared.sha256}, {other.declared.bytes:,} bytes", err=True)
        typer.echo(f"  found     SHA-256 {other.sha256}, {other.bytes:,} bytes", err=True)
        typer.echo(f"  mend      {problems[0].mend}", err=True)


def _absent(missing: Sequence[EditionMissing]) -> None:
    """Why a download failed, and the pages of all that is not there."""
    from greenlang.factors.catalogue import catalogue

    absent = [problem for problem in missing if problem.other is None]
    if not absent:
        return
    failed = list(dict.fromkeys(problem.problem for problem in absent if problem.state == "not fetched"))
    for text in failed[:_FEW]:
        typer.echo(f"not fetched: {text}", err=True)
    if len(failed) > _FEW:
        typer.echo(f"not fetched: {len(failed) - _FEW} files more; --json has each", err=True)
    names = {problem.name for problem in absent}
    pages = {f"  {e.publisher}/{e.dataset}": e.address for e in catalogue() if e.name in names}
    typer.echo("To load what is not there, fetch the files from the publishers' pages and name their folder by --from:")
    facts(pages.items())


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"


def _blocked(blocked: ReleaseBlocked, json: bool) -> None:
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
