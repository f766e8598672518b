"""From publishers' files to a release in force: find or fetch, read, check, release, pin.

Belongs here: the order of the steps. Does not belong here: any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from greenlang.errors import FetchError
from greenlang.factors.catalogue import Edition, PublishedFile, catalogue, select
from greenlang.factors.editions import EditionMissing, EditionRead, find_below, read_editions
from greenlang.factors.gates.run import run_gates
from greenlang.factors.release import Release, Releases
from greenlang.factors.table import FactorTable
from greenlang.fetch import fetch, kept
from greenlang.settings import Settings


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did. ``release`` is None where no edition could be read; ``new`` whether it was made just now."""

    release: Release | None
    new: bool
    read: tuple[EditionRead, ...]
    missing: tuple[EditionMissing, ...]
    not_open: tuple[Edition, ...]  # editions that load only when they are named


Told = Callable[[EditionRead | EditionMissing], None]


def releases(settings: Settings) -> Releases:
    """The releases of this installation, ``var/factors``."""
    return Releases(settings.var / "factors")


def chosen(store: Releases, wanted: tuple[str, ...]) -> tuple[Edition, ...]:
    """The open editions, those that are named, and those that the newest release holds already."""
    editions = catalogue()
    newest = store.latest()
    held = {row["name"] for row in newest.editions} if newest else set()
    names = {e.name for e in select(editions)} | {e.name for e in select(editions, wanted) if wanted} | held
    return tuple(e for e in editions if e.name in names and not e.cross_check)


def sync(
    settings: Settings,
    *,
    folder: Path | None = None,
    wanted: tuple[str, ...] = (),
    told: Told | None = None,
    fetching: Callable[[PublishedFile, int], None] | None = None,
    pin: bool = True,
) -> Synced:
    """Read the catalogue's editions, make a release of what was read, and pin it.

    ``folder`` holds the publishers' files; without one they are downloaded, and kept below ``var/factors/files``.
    ``wanted`` names sets that are not open (``unfccc/ifi-grid``). ``told`` hears of each edition as it is done.
    Raises ReleaseBlocked where a gate found what nobody has reviewed, FactorTableError for an unknown layout.
    """
    store = releases(settings)
    editions = chosen(store, wanted)
    files = store.folder / "files"
    problems: list[EditionMissing] = []
    if folder is None:
        problems = list(_fetch_all(editions, files, fetching))
        failed = {problem.name for problem in problems}
        editions_there = tuple(e for e in editions if e.name not in failed)
    else:
        editions_there = editions
    locate = find_below(folder) if folder is not None else lambda _, file: kept(files, file)
    done: list[EditionRead] = []
    for problem in problems:
        if told:
            told(problem)
    for result in read_editions(editions_there, locate, store.editions, workers=settings.workers):
        if isinstance(result, EditionRead):
            done.append(result)
        else:
            problems.append(result)
        if told:
            told(result)
    not_open = tuple(e for e in catalogue() if not e.open and not e.cross_check and e not in editions)
    if not done:
        return Synced(None, False, (), tuple(problems), not_open)
    before = store.latest()
    release = store.make(done, FactorTable.load(), run_gates)
    if pin:
        store.pin(release.name, settings.tables)
    new = before is None or before.name != release.name
    return Synced(release, new, tuple(done), tuple(problems), not_open)


def _fetch_all(
    editions: Iterable[Edition], files: Path, fetching: Callable[[PublishedFile, int], None] | None
) -> Iterable[EditionMissing]:
    for edition in editions:
        for file in edition.files:
            try:
                fetch(file, files, fetching)
            except FetchError as error:
                yield EditionMissing(
                    edition.name, str(error), f"fetch it by hand from {edition.address}, and use --from"
                )
                break
