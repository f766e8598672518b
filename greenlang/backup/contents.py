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
from greenlang.errors import BackupError, SettingsError
from greenlang.settings import Settings

PUBLISHED = "published"
PACKS = ("packs", "builds", PUBLISHED)  # a folder in one of these is replaced as a whole
CACHE = "cache"  # found again by computing
BACKUPS = "backups"  # in var and in the bucket: where backups may lie
ENDING = ".tar.zst"
RESTORING, ASIDE, BUCKET_LEFT = ".restoring", ".before-", ".bucket-of-backup"  # in var: what a restore makes
DAGSTER_LEFT = ".dagster-of-backup.dump"
_OF_A_RESTORE = (RESTORING, BUCKET_LEFT, DAGSTER_LEFT)
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_UNFINISHED = (".tmp", ".lock")
_OF_THIS_MACHINE = ("dagster/up.json",)  # processes that run
_SQLITE = b"SQLite format 3\0"
_PRIVATE = b"PRIVATE KEY-----"
_AT_START = 64
_SEARCHED = 64 << 10  # a smaller file is searched as a whole
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
    folders = {"keys": settings.keys, "cassettes": settings.cassettes}
    bucket = bucket_folder(settings)
    if bucket is not None:
        folders["bucket"] = bucket
    var = settings.var.resolve()
    for name, folder in sorted(folders.items()):
        if folder.is_dir() and not folder.resolve().is_relative_to(var):
            found.append(Root(name, folder))
    return found


def bucket_folder(settings: Settings) -> Path | None:
    """The bucket, where it is a folder; None where it is in a store."""
    address = settings.bucket_address
    if "://" in address and not address.startswith("file://"):
        return None
    return Path(address.removeprefix("file://")).expanduser().absolute()


def is_backup(name: str) -> bool:
    """Whether a path in ``var`` or in the bucket is the reserved one of a backup."""
    return name.startswith(f"{BACKUPS}/") and name.endswith(ENDING)


def refuse_unreserved(settings: Settings, address: str) -> None:
    """Raises SettingsError for a backup in ``var`` or in the bucket elsewhere: the next would take it for a file."""
    if "://" in address:
        homes = [settings.bucket_address.rstrip("/")] if bucket_folder(settings) is None else []
        inside = [address.removeprefix(f"{home}/") for home in homes if address.startswith(f"{home}/")]
    else:
        target = Path(address).expanduser().resolve()
        homes = [str(home.resolve()) for home in (bucket_folder(settings), settings.var) if home is not None]
        inside = [str(target.relative_to(home)) for home in homes if target.is_relative_to(home)]
    if inside and not is_backup(inside[0]):
        raise SettingsError(
            f"{address} lies in the factory itself: there a backup is {homes[-1]}/{BACKUPS}/NAME{ENDING}, "
            "which no other backup contains; better is another disk or another store"
        )


def _named_by_variables(settings: Settings) -> dict[Path, str]:
    """Files that hold secrets: those that a variable with `_FILE` at its end, or a setting like that, names."""
    found = {Path(value).resolve(): name for name, value in os.environ.items() if name.endswith("_FILE") and value}
    for name in type(settings).model_fields:
        if name.endswith("_file") and (path := getattr(settings, name)) is not None:
            found[path.resolve()] = f"GREENLANG_{name.upper()}"
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
        self._secret = _named_by_variables(settings)
        homes = [settings.var, bucket_folder(settings)]
        self._homes = [f"{home}{os.sep}" for home in homes if home is not None]

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
                start = file.read(_SEARCHED)
            if _PRIVATE in start[:_AT_START]:
                self.left.private[name] = path
            elif self._secret and (variable := self._secret.get(path.resolve())) is not None:
                self.left.why[name] = f"a secret: {variable} names it"
            elif start.startswith(_SQLITE):
                self.writer.add(self._database(name, path))
            elif holds_key(start):
                self.left.why[name] = HOLDS_KEY
            else:
                self.writer.add(self._read(name, path))
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
        if name.startswith("var/") and (inside in _OF_A_RESTORE or inside.startswith(ASIDE)):
            self.left.why[name] = "of a restore"
            return True
        if path.name.endswith(ENDING) and any(is_backup(str(path).removeprefix(home)) for home in self._homes):
            self.left.why[name] = EARLIER
            return True
        if path == self.settings.catalogue:
            self.left.why[name] = "views over the tables: restoring builds them anew"
            return True
        return any(
            path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).exists() for end in _BESIDE_SQLITE
        )


EARLIER = "an earlier backup: none contains another"
HOLDS_KEY = "a private key is in it: keep it as you keep your secrets"


def holds_key(data: bytes) -> bool:
    """Whether a small text, of which these are the first bytes, has a private key in it."""
    return len(data) < _SEARCHED and _PRIVATE in data and b"\0" not in data


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


def bucket_objects(settings: Settings, writer: Writer, left: Left) -> None:
    """Every object of a bucket in a store, those of tenants too."""
    from greenlang.bucket import Bucket

    if bucket_folder(settings) is not None:
        return
    bucket = Bucket.open(settings.bucket_address)
    for entry in bucket.list(""):
        name = f"bucket/{entry.name}"
        if is_backup(entry.name):
            left.why[name] = EARLIER
            continue
        with tempfile.SpooledTemporaryFile(max_size=4 << 20) as held:
            try:
                for piece in bucket.chunks(entry.name):
                    held.write(piece)
            except FileNotFoundError:  # moved meanwhile; its new name is listed after the registry
                continue
            held.seek(0)
            if holds_key(held.read(_SEARCHED)):
                left.why[name] = HOLDS_KEY
                continue
            held.seek(0)
            writer.add(spooled(name, cast(IO[bytes], held), mtime=int(entry.modified)))
