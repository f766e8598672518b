"""What goes into a backup: the files of a factory, and what is left out, with the reason.

Belongs here: walking, reading a file or an SQLite database as it is at one moment, what is left out. Does not belong
here: the archive (`archive`), the registry's rows (`rows`).
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from greenlang.backup.archive import Read, Writer, spooled
from greenlang.errors import BackupError
from greenlang.settings import Settings

PUBLISHED = "published"
PACKS = ("packs", "builds", PUBLISHED)  # a folder in one of these is replaced as a whole
CACHE = "cache"  # found again by computing
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_UNFINISHED = (".tmp", ".lock")
_OF_THIS_MACHINE = ("dagster/up.json",)  # processes that run
_SQLITE = b"SQLite format 3\0"
_PRIVATE = b"PRIVATE KEY-----"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of the factory, and the name that it has in a backup."""

    name: str
    folder: Path


@dataclass
class Left:
    """What was left out, and why; private keys are told apart, for they can be asked for."""

    why: dict[str, str] = field(default_factory=dict)
    private: dict[str, Path] = field(default_factory=dict)  # name in the backup -> file


def roots(settings: Settings) -> list[Root]:
    """`var`, and what the settings keep in folders elsewhere."""
    found = [Root("var", settings.var)]
    bucket = settings.bucket_address
    folders = {"keys": settings.keys, "cassettes": settings.cassettes}
    if "://" not in bucket or bucket.startswith("file://"):
        folders["bucket"] = Path(bucket.removeprefix("file://")).expanduser().absolute()
    var = settings.var.resolve()
    for name, folder in sorted(folders.items()):
        if folder.is_dir() and not folder.resolve().is_relative_to(var):
            found.append(Root(name, folder))
    return found


class Contents:
    """The files of a factory, written into an archive.

    ``skip``: files that go in by another way. Being written to meanwhile does no harm: Parquet parts and reports are
    replaced whole, packs are read again where their folder was swapped, SQLite databases are copied by its own backup.
    """

    def __init__(self, settings: Settings, writer: Writer, *, skip: Iterable[Path] = (), cache: bool = False) -> None:
        self.settings, self.writer, self.left = settings, writer, Left()
        self._skip = {path.absolute() for path in skip}
        self._cache = cache

    def write(self, *, since: int = 0, told: Callable[[int, int], None] | None = None) -> None:
        """Add every file; with ``since`` (nanoseconds) only those that changed then or later."""
        steps = [(root, entry) for root in roots(self.settings) for entry in self._top(root)]
        for number, (root, path) in enumerate(steps, 1):
            self._entry(f"{root.name}/{path.relative_to(root.folder).as_posix()}", path, since, frozenset())
            if told is not None:
                told(number, len(steps))

    def _top(self, root: Root) -> Iterator[Path]:
        """What lies in a root, and in its folders: steps of about the same size."""
        for path in _listed(root.folder):
            if path.is_dir() and not self._unwanted(f"{root.name}/{path.name}", path):
                yield from _listed(path)
            else:
                yield path

    def _entry(self, name: str, path: Path, since: int, above: frozenset[tuple[int, int]]) -> None:
        if self._unwanted(name, path):
            return
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISREG(found.st_mode):
            if found.st_ctime_ns >= since:
                self._file(name, path)
        elif stat.S_ISDIR(found.st_mode):
            if is_pack(name):
                if found.st_ctime_ns >= since:
                    self._pack(name, path)
                return
            place = (found.st_dev, found.st_ino)
            if place not in above:  # a link to a folder above it
                self._folder(name, path, since, above | {place})

    def _folder(self, name: str, path: Path, since: int, above: frozenset[tuple[int, int]]) -> None:
        """A folder, listed again where files went away while it was read: what took their place is new."""
        done: set[str] = set()
        for _ in range(_TRIES):
            names = {one.name for one in _listed(path)}
            for child in sorted(names - done):
                self._entry(f"{name}/{child}", path / child, since, above)
            done |= names
            if names <= {one.name for one in _listed(path)}:
                return

    def _pack(self, name: str, path: Path) -> None:
        """A pack, as it stood at one moment."""
        for _ in range(_TRIES):
            try:
                before = path.stat().st_ino
                files = [
                    self._read(f"{name}/{file.relative_to(path).as_posix()}", file)
                    for file in sorted(path.rglob("*"))
                    if file.is_file()
                ]
                if path.stat().st_ino != before:
                    continue
            except FileNotFoundError:
                if not path.exists():
                    return  # a newer one takes its place, or comes back under this name: the next look finds it
                continue
            self.writer.begin_folder(name)
            for file in files:
                self.writer.add(file)
            return
        raise BackupError(f"{path} is being replaced all the time: take the backup when no batch runs")

    def _file(self, name: str, path: Path) -> None:
        try:
            with path.open("rb") as file:
                start = file.read(64)
            if _PRIVATE in start:
                self.left.private[name] = path
                return
            self.writer.add(self._database(name, path) if start.startswith(_SQLITE) else self._read(name, path))
        except FileNotFoundError:
            return
        except OSError as error:
            if isinstance(error, BackupError) or error.filename is None:  # without a file it is the archive's own
                raise
            raise BackupError(f"{path} cannot be read: {error.strerror}") from error

    def _read(self, name: str, path: Path) -> Read:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            return spooled(name, file, mode=stat.S_IMODE(found.st_mode), mtime=int(found.st_mtime))

    def _database(self, name: str, path: Path) -> Read:
        """An SQLite database as of one moment, by its online backup: writers go on meanwhile."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            try:
                with (
                    closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=30)) as source,
                    closing(sqlite3.connect(copy)) as target,
                ):
                    source.backup(target, pages=4096, sleep=0.01)
                    target.execute("PRAGMA journal_mode = DELETE")  # one file, whatever the source keeps beside it
            except sqlite3.Error as error:
                raise BackupError(f"{path} cannot be copied: {error}") from error
            found = path.stat()
            with copy.open("rb") as file:
                return spooled(name, file, mode=stat.S_IMODE(found.st_mode), mtime=int(found.st_mtime))

    def _unwanted(self, name: str, path: Path) -> bool:
        inside = name.partition("/")[2]
        if path.absolute() in self._skip or (path.name.startswith(".") and path.name.endswith(_UNFINISHED)):
            return True
        if path.name.endswith(_UNFINISHED) or inside in _OF_THIS_MACHINE:
            return True
        if inside == CACHE and name.startswith("var/") and not self._cache:
            self.left.why[name] = "a cache: it is computed again (`--cache` takes it along)"
            return True
        if path == self.settings.catalogue:
            self.left.why[name] = "views over the tables: restoring builds them anew"
            return True
        return any(
            path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).exists() for end in _BESIDE_SQLITE
        )


def is_pack(name: str) -> bool:
    """Whether a folder with this name in a backup is that of a pack."""
    parts = name.split("/")
    inside = parts[3:] if parts[1:2] == ["tenants"] else parts[1:]
    if parts[0] != "var" or len(inside) not in (2, 3) or inside[0] not in PACKS:
        return False
    return inside[1] == PUBLISHED if len(inside) == 3 else inside[1] != PUBLISHED


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BackupError(f"{folder} cannot be listed: {error.strerror}") from error


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def bucket_objects(settings: Settings, writer: Writer) -> None:
    """Every object of a bucket in a store, those of tenants too."""
    from greenlang.bucket import Bucket

    address = settings.bucket_address
    if "://" not in address or address.startswith("file://"):
        return
    bucket = Bucket.open(address)
    for entry in bucket.list(""):
        with tempfile.SpooledTemporaryFile(max_size=4 << 20) as held:
            try:
                for piece in bucket.chunks(entry.name):
                    held.write(piece)
            except FileNotFoundError:  # moved meanwhile; its new name is listed after the registry
                continue
            held.seek(0)
            writer.add(spooled(f"bucket/{entry.name}", cast(IO[bytes], held), mtime=int(entry.modified)))
