"""From publishers' files to a release in force: find or fetch, read, check, release, pin.

Belongs here: the order of the steps. Does not belong here: any of them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang.errors import FetchError
from greenlang.factors.catalogue import Edition, PublishedFile, catalogue, select
from greenlang.factors.editions import (
    EditionMissing,
    EditionRead,
    Locate,
    find_below,
    read_before,
    read_edition,
    read_editions,
    undeclared,
)
from greenlang.factors.gates.kept import bind, keep, kept
from greenlang.factors.gates.report import Report
from greenlang.factors.gates.run import run_gates
from greenlang.factors.release import Candidate, Release, Releases
from greenlang.factors.storage import STANDING
from greenlang.factors.table import FactorTable, build_tables
from greenlang.fetch import fetch, fetched
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.registry.decay import Decay

Told = Callable[[EditionRead | EditionMissing], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was read. ``candidate`` is None where there is nothing to make one of.

    ``stayed`` are editions that are taken as they were read before, since their files are not there now.
    """

    candidate: Candidate | None
    read: tuple[EditionRead, ...]
    missing: tuple[EditionMissing, ...]
    stayed: tuple[EditionRead, ...] = ()


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did. ``release`` is the newest one, None if there is none; ``new`` whether it was made just now.

    ``stayed`` are editions of the release before whose files are not there now, or (these are in ``missing`` too) are
    not those that are declared: they stay as they were read before.
    """

    release: Release | None
    new: bool
    read: tuple[EditionRead, ...]
    stayed: tuple[EditionRead, ...]
    missing: tuple[EditionMissing, ...]
    withdrawn: frozenset[str]  # names of the editions of the release before that are not in this one
    not_open: tuple[Edition, ...]  # editions that load only when they are named
    in_force: frozenset[str]  # names of the editions that were in force already, as they are now
    undeclared: tuple[Path, ...]  # files of the folder that no edition declares


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
    names = {e.name for e in select(editions)} | {e.name for e in select(editions, wanted) if wanted}
    names |= _names(store.latest())
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
        return _prepare(settings, editions, folder, told, {})


def _prepare(
    settings: Settings,
    editions: Sequence[Edition],
    folder: Path | None,
    told: Told | None,
    held: Mapping[str, EditionRead],
) -> Prepared:
    """``held`` are editions by name that stay as they were read before where their files are not there now."""
    store = releases(settings)
    read: list[EditionRead] = []
    stayed: list[EditionRead] = []
    missing: list[EditionMissing] = []
    for result in read_editions(editions, locator(settings, folder), store.editions, workers=settings.workers):
        if isinstance(result, EditionRead):
            read.append(result)
        else:
            before = held.get(result.name)
            if before is not None:
                stayed.append(before)
            if before is None or result.other is not None:
                missing.append(result)
        if told:
            told(result)
    looked = folder or settings.sources  # a folder without any of the publishers' files changes nothing
    candidate = store.prepare([*read, *stayed], FactorTable.load()) if read or (stayed and not looked) else None
    return Prepared(candidate, tuple(read), tuple(missing), tuple(stayed))


def _held(store: Releases, editions: Sequence[Edition]) -> dict[str, EditionRead]:
    """Editions that the newest release holds, as today's reader read them before."""
    names = _names(store.latest())
    before = {e.name: read_before(e, store.editions) for e in editions if e.name in names}
    return {name: read for name, read in before.items() if read is not None}


def judge(settings: Settings) -> Report:
    """What the gates find in the candidate; read from the report beside it where that is about just this candidate."""
    with _alone(settings):
        return _judge(releases(settings))


def _judge(store: Releases) -> Report:
    candidate, before = store.candidate(), store.latest()
    bound = bind(candidate, before)
    report = kept(candidate.folder, bound)
    if report is None:
        table = copy(candidate.table())  # the gates' columns live as long as the table that they were made of
        report = run_gates(table, before.table() if before else None)
        keep(candidate.folder, bound, report)
    return report


def publish(settings: Settings, *, pin: bool = True) -> Release:
    """Judge the candidate and make it a release, in force unless somebody pinned an older one.

    Raises ReleaseBlocked where a gate found what nobody has reviewed.
    """
    with _alone(settings):
        return _publish(settings, pin)


def _publish(settings: Settings, pin: bool) -> Release:
    store = releases(settings)
    before = store.latest()
    release = store.publish(store.candidate(), _judge(store))
    if pin and store.pinned in {"", release.name, before.name if before else ""}:
        put_in_force(settings, release.name)
    return release


def put_in_force(settings: Settings, name: str) -> Decay | None:
    """Pin a release, or the embedded base (an empty name), and flag the agents that pin what is no longer in force.

    None where no agent was ever registered. Raises NameNotFound; RegistryError where the registry cannot be reached:
    the release is in force by then, and `greenlang registry decay` flags them later.
    """
    from greenlang.factory.pinned import flag_decay

    store = releases(settings)
    if name:
        store.pin(name, settings.tables)
    else:
        store.unpin()
        (settings.tables / STANDING).unlink(missing_ok=True)
        build_tables(settings.tables)
    return flag_decay(settings)


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
    kept below ``var/factors/files``. ``wanted`` names sets that are not open (``unfccc/ifi-grid``). An edition that the
    newest release holds stays in the next one: it needs its files only to be read anew.
    Raises ReleaseBlocked where a gate found what nobody has reviewed, FactorTableError for an unknown layout.
    """
    store = releases(settings)
    editions = chosen(store, wanted)
    looked = folder or settings.sources
    unfetched: list[EditionMissing] = []
    if looked is None:
        lacking = [e for e in editions if e.name not in _held(store, editions)]
        unfetched = list(_fetch_all(lacking, store.folder / "files", fetching))
        for problem in unfetched if told else ():
            told(problem)  # type: ignore[misc]
    failed = {problem.name for problem in unfetched}
    not_open = tuple(e for e in catalogue() if not e.open and not e.cross_check and e not in editions)
    with _alone(settings):
        before = store.latest()
        in_force = _in_force(store)
        todo = [e for e in editions if e.name not in failed]
        done = _prepare(settings, todo, folder, told, _held(store, todo))
        release = _publish(settings, pin) if done.candidate else before
    return Synced(
        release=release,
        new=release is not None and (before is None or before.name != release.name),
        read=done.read,
        stayed=done.stayed,
        missing=(*unfetched, *done.missing),
        withdrawn=_names(before) - _names(release),
        not_open=not_open,
        in_force=frozenset(e.name for e in (*done.read, *done.stayed) if (e.name, e.digest) in in_force),
        undeclared=undeclared(looked, catalogue()) if looked else (),
    )


def _names(release: Release | None) -> frozenset[str]:
    return frozenset(row["name"] for row in release.editions) if release else frozenset()


def _in_force(store: Releases) -> frozenset[tuple[str, str]]:
    """Names and digests of the editions of the release in force."""
    editions = store.get(store.pinned).editions if store.pinned in store.names() else ()
    return frozenset((row["name"], row["digest"]) for row in editions)


def _fetch_all(
    editions: Sequence[Edition], files: Path, fetching: Callable[[PublishedFile, int], None] | None
) -> Iterator[EditionMissing]:
    for edition in editions:
        for file in edition.needed:
            try:
                fetch(file, files, fetching)
            except FetchError as error:
                mend = f"fetch it by hand from {edition.address}, and use --from"
                yield EditionMissing(edition.name, str(error), mend, "not fetched" if file.address else "not there")
                break
