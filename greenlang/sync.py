"""From publishers' files to a release in force: find or fetch, read, check, release, pin.

Belongs here: the order of the steps. Does not belong here: any of them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenlang.errors import FetchError
from greenlang.factors.catalogue import Edition, PublishedFile, catalogue, select
from greenlang.factors.editions import EditionMissing, EditionRead, Locate, find_below, read_edition, read_editions
from greenlang.factors.gates.report import Report
from greenlang.factors.gates.run import run_gates
from greenlang.factors.release import Candidate, Release, Releases
from greenlang.factors.table import FactorTable
from greenlang.fetch import fetch, fetched
from greenlang.settings import Settings

Told = Callable[[EditionRead | EditionMissing], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was read. ``candidate`` is None where no edition could be read."""

    candidate: Candidate | None
    read: tuple[EditionRead, ...]
    missing: tuple[EditionMissing, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did. ``release`` is None where no edition could be read; ``new`` whether it was made just now."""

    release: Release | None
    new: bool
    read: tuple[EditionRead, ...]
    missing: tuple[EditionMissing, ...]
    not_open: tuple[Edition, ...]  # editions that load only when they are named


def releases(settings: Settings) -> Releases:
    """The releases of this installation, ``var/factors``."""
    return Releases(settings.var / "factors")


def locator(settings: Settings, folder: Path | None = None) -> Locate:
    """Where publishers' files lie: below ``folder``, else below the setting ``sources``, else what was fetched."""
    below = folder or settings.sources
    return find_below(below) if below is not None else fetched(releases(settings).folder / "files")


def chosen(store: Releases, wanted: tuple[str, ...] = ()) -> tuple[Edition, ...]:
    """The open editions, those that are named, and those that the newest release holds already."""
    editions = catalogue()
    newest = store.latest()
    held = {row["name"] for row in newest.editions} if newest else set()
    names = {e.name for e in select(editions)} | {e.name for e in select(editions, wanted) if wanted} | held
    return tuple(e for e in editions if e.name in names and not e.cross_check)


def present(settings: Settings) -> tuple[Edition, ...]:
    """The chosen editions whose files are all there (their digests are verified when they are read)."""
    locate = locator(settings)
    return tuple(e for e in chosen(releases(settings)) if all(locate(e, file) is not None for file in e.needed))


def read_one(settings: Settings, name: str) -> EditionRead | EditionMissing:
    """The rows of one edition. Raises FactorTableError if it is not declared, or laid out in an unknown way."""
    (edition,) = [e for e in select(catalogue(), (name,)) if e.name == name]
    return read_edition(edition, locator(settings), releases(settings).editions)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One candidate at a time over one ``var``: whoever comes second waits."""
    folder = releases(settings).folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(
    settings: Settings, editions: Sequence[Edition], *, folder: Path | None = None, told: Told | None = None
) -> Prepared:
    """Read editions, and join what was read with the embedded base. ``told`` hears of each edition as it is done.

    Raises FactorTableError for an unknown layout or a key that stands twice.
    """
    with _alone(settings):
        return _prepare(settings, editions, folder, told)


def _prepare(settings: Settings, editions: Sequence[Edition], folder: Path | None, told: Told | None) -> Prepared:
    store = releases(settings)
    read: list[EditionRead] = []
    missing: list[EditionMissing] = []
    for result in read_editions(editions, locator(settings, folder), store.editions, workers=settings.workers):
        if isinstance(result, EditionRead):
            read.append(result)
        else:
            missing.append(result)
        if told:
            told(result)
    candidate = store.prepare(read, FactorTable.load()) if read else None
    return Prepared(candidate, tuple(read), tuple(missing))


def judge(settings: Settings) -> Report:
    """What the gates find in the candidate."""
    store = releases(settings)
    before = store.latest()
    return run_gates(store.candidate().table(), before.table() if before else None)


def publish(settings: Settings, *, pin: bool = True) -> Release:
    """Judge the candidate and make it a release, in force unless somebody pinned an older one.

    Raises ReleaseBlocked where a gate found what nobody has reviewed.
    """
    with _alone(settings):
        return _publish(settings, pin)


def _publish(settings: Settings, pin: bool) -> Release:
    store = releases(settings)
    before = store.latest()
    release = store.publish(store.candidate(), judge(settings))
    if pin and store.pinned in {"", release.name, before.name if before else ""}:
        store.pin(release.name, settings.tables)
    return release


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

    ``folder`` holds the publishers' files; without one (and without the setting ``sources``) they are downloaded, and
    kept below ``var/factors/files``. ``wanted`` names sets that are not open (``unfccc/ifi-grid``).
    Raises ReleaseBlocked where a gate found what nobody has reviewed, FactorTableError for an unknown layout.
    """
    store = releases(settings)
    editions = chosen(store, wanted)
    unfetched: list[EditionMissing] = []
    if folder is None and settings.sources is None:
        unfetched = list(_fetch_all(editions, store.folder / "files", fetching))
        for problem in unfetched if told else ():
            told(problem)  # type: ignore[misc]
    failed = {problem.name for problem in unfetched}
    not_open = tuple(e for e in catalogue() if not e.open and not e.cross_check and e not in editions)
    with _alone(settings):
        before = store.latest()
        done = _prepare(settings, [e for e in editions if e.name not in failed], folder, told)
        release = _publish(settings, pin) if done.candidate else None
    new = release is not None and (before is None or before.name != release.name)
    return Synced(release, new, done.read, (*unfetched, *done.missing), not_open)


def _fetch_all(
    editions: Sequence[Edition], files: Path, fetching: Callable[[PublishedFile, int], None] | None
) -> Iterator[EditionMissing]:
    for edition in editions:
        for file in edition.needed:
            try:
                fetch(file, files, fetching)
            except FetchError as error:
                yield EditionMissing(
                    edition.name, str(error), f"fetch it by hand from {edition.address}, and use --from"
                )
                break
