"""The watched bucket: a folder, or an object store behind ``s3://``, ``gs://`` or ``az://``.

Belongs here: listing, reading, writing and moving bytes under names. Does not belong here: what a spec is,
or what should happen to one (``greenlang.factory.intake``).

Areas (folders, or key prefixes): ``inbox/`` where people drop specs, ``specs/`` what was accepted,
``rejected/`` what was refused beside its report, ``reports/``. Object stores go through obstore; their
credentials and end points come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``AWS_ALLOW_HTTP=true``, ``GOOGLE_...``, ``AZURE_...``). The folder does not go through obstore's
LocalStore: one file name that is not UTF-8 makes LocalStore's whole listing fail, it hides names such as
``a#1``, and an interrupted write leaves staging files of unpredictable names behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from greenlang.errors import BucketError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

AREAS: tuple[str, ...] = ("inbox", "specs", "rejected", "reports")
_UNFINISHED = (".tmp", ".part", ".swp", "~")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of an area. ``name`` is relative to the area; ``etag`` changes whenever the bytes do.

    ``modified`` is Unix time in seconds. In a folder it is the kernel's change time, which a preserving copy
    (``cp -p``) cannot set back.
    """

    name: str
    size: int
    etag: str
    modified: float


def hidden(name: str) -> bool:
    """Whether the name is that of a hidden, temporary or half-uploaded file: such files are never looked
    at.
    """
    return any(part.startswith(".") for part in name.split("/")) or name.endswith(_UNFINISHED)


class Bucket(ABC):
    """A bucket. Paths are ``area/name`` with forward slashes; names may hold further slashes.

    Every method raises `BucketError` when the bucket cannot be reached, and FileNotFoundError for a missing
    object.
    """

    address: str
    remote: bool  # whether uploads appear whole (object stores), so that nothing has to settle

    @staticmethod
    def open(address: str) -> Bucket:
        """The bucket at ``address``: a folder (made if missing), or an ``s3://``, ``gs://``, ``az://``
        address.

        Raises `BucketError` for an address that names no bucket.
        """
        scheme, mark, rest = address.partition("://")
        if not mark:
            return FolderBucket(Path(address))
        if scheme == "file":
            return FolderBucket(Path(rest))
        if scheme not in ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss"):
            raise BucketError(f"{address}: a bucket is a folder, or an s3://, gs:// or az:// address")
        return ObjectBucket(address)

    @abstractmethod
    def list(self, area: str, after: str = "", limit: int | None = None) -> list[Entry]:
        """Objects below ``area``, sorted by name (code points), those after ``after``, at most ``limit``."""

    @abstractmethod
    def stat(self, path: str) -> Entry | None:
        """The object's entry, or None where there is none. Its ``name`` is the whole path."""

    @abstractmethod
    def read(self, path: str, max_bytes: int | None = None) -> bytes:
        """The object's bytes, at most the first ``max_bytes`` of them."""

    @abstractmethod
    def chunks(self, path: str) -> Iterator[bytes]:
        """The object's bytes piece by piece, for what may not fit in memory."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Write an object; whoever looks sees the old bytes or the new ones, never a part."""

    @abstractmethod
    def move(self, src: str, dst: str, *, etag: str | None = None) -> bool:
        """Move an object, over whatever stands at ``dst``. True if the bytes stand at ``dst`` afterwards.

        With ``etag``, an object that has changed since it was listed stays where it is, and the answer is
        False. A source that is gone is no error: True if ``dst`` exists (an earlier try got that far), else
        False.
        """

    def exists(self, path: str) -> bool:
        """Whether the object exists."""
        return self.stat(path) is not None

    def digest(self, path: str) -> str:
        """SHA-256 of the object's bytes, hex, read in pieces."""
        total = hashlib.sha256()
        for piece in self.chunks(path):
            total.update(piece)
        return total.hexdigest()

    def settled(self, entry: Entry, seconds: float, now: float | None = None) -> bool:
        """Whether an upload is surely over. A clock that runs ahead by more than ``seconds`` counts as
        settled.
        """
        return self.remote or abs((time.time() if now is None else now) - entry.modified) >= seconds


class FolderBucket(Bucket):
    """A folder on this machine."""

    remote = False

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.address = str(self.root)
        try:
            for area in AREAS:
                (self.root / area).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BucketError(f"the bucket folder {self.root} cannot be made: {error.strerror}") from error

    def list(self, area: str, after: str = "", limit: int | None = None) -> list[Entry]:
        try:
            found = [e for e in self._walk(self.root / area, "") if e.name > after]
        except OSError as error:
            raise BucketError(f"{self.root / area} cannot be listed: {error.strerror}") from error
        found.sort(key=lambda e: e.name)
        return found if limit is None else found[:limit]

    def _walk(self, folder: Path, prefix: str) -> Iterator[Entry]:
        with os.scandir(folder) as items:
            for item in items:
                name = prefix + _printable(item.name)
                # A file that goes away between the two calls was moved by its owner: not there.
                with contextlib.suppress(FileNotFoundError):
                    if item.is_dir(follow_symlinks=False):
                        yield from self._walk(Path(item.path), name + "/")
                    elif item.is_file():
                        yield _entry(name, item.stat())

    def _path(self, path: str) -> Path:
        """The file behind a name; a name with %XX may stand for one that UTF-8 cannot spell."""
        target = self._inside(path)
        if "%" in path and not target.exists():
            other = self._inside(os.fsdecode(unquote_to_bytes(path)))
            if other.exists():
                return other
        return target

    def _inside(self, path: str) -> Path:
        target = self.root / path
        if "\0" in path or not Path(os.path.normpath(target)).is_relative_to(self.root):
            raise BucketError(f"{path!r} leads out of the bucket")
        return target

    def stat(self, path: str) -> Entry | None:
        try:
            return _entry(path, self._path(path).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except BucketError:
            raise
        except OSError as error:
            raise BucketError(f"{path} in {self.root} cannot be read: {error.strerror}") from error

    def read(self, path: str, max_bytes: int | None = None) -> bytes:
        with self._reading(path), self._path(path).open("rb") as file:
            return file.read(-1 if max_bytes is None else max_bytes)

    def chunks(self, path: str) -> Iterator[bytes]:
        with self._reading(path), self._path(path).open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece

    @contextlib.contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            yield
        except (BucketError, FileNotFoundError):
            raise
        except OSError as error:
            raise BucketError(f"{path} in {self.root} cannot be read: {error.strerror}") from error

    def write(self, path: str, data: bytes) -> None:
        target = self._inside(path)
        # One fixed temporary name a target: what a killed write leaves behind, the next try takes away.
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise BucketError(f"{path} in {self.root} cannot be written: {error.strerror}") from error

    def move(self, src: str, dst: str, *, etag: str | None = None) -> bool:
        found = self.stat(src)
        if found is None:
            return self.exists(dst)
        if etag is not None and found.etag != etag:
            return False
        source, target = self._path(src), self._inside(dst)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink():
                # Moving the link would leave `dst` at the mercy of whoever owns what it points to.
                self.write(dst, source.read_bytes())
                source.unlink()
            else:
                source.replace(target)
        except BucketError:
            raise
        except OSError as error:
            raise BucketError(f"{src} cannot be moved to {dst} in {self.root}: {error.strerror}") from error
        return True


class ObjectBucket(Bucket):
    """An object store, through obstore."""

    remote = True

    def __init__(self, address: str) -> None:
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        self.address = address.rstrip("/")
        try:
            self._store: ObjectStore = from_url(
                self.address,
                # obstore's own default tries for three minutes: too long for a sensor's tick.
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
            )
        except (BaseError, ValueError) as error:
            raise BucketError(f"{address} cannot be opened: {_first_line(error)}") from error

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BucketError, FileNotFoundError):
            raise
        except (BaseError, OSError, ValueError) as error:
            raise BucketError(f"{self.address}: {what}: {_first_line(error)}") from error

    def list(self, area: str, after: str = "", limit: int | None = None) -> list[Entry]:
        import obstore

        found: list[Entry] = []
        offset = f"{area}/{after}" if after else None
        with self._asking(f"{area}/ cannot be listed"):
            # S3, GCS and Azure list in the order of the names, so a page can stop early.
            for page in obstore.list(self._store, area, offset=offset, chunk_size=1000):
                for meta in page:
                    name = meta["path"].removeprefix(f"{area}/")
                    if name > after:
                        modified = meta["last_modified"].timestamp()
                        found.append(Entry(name, meta["size"], meta["e_tag"] or "", modified))
                if limit is not None and len(found) >= limit:
                    break
        found.sort(key=lambda e: e.name)
        return found if limit is None else found[:limit]

    def stat(self, path: str) -> Entry | None:
        import obstore

        try:
            with self._asking(f"{path} cannot be read"):
                meta = obstore.head(self._store, path)
        except FileNotFoundError:
            return None
        return Entry(path, meta["size"], meta["e_tag"] or "", meta["last_modified"].timestamp())

    def read(self, path: str, max_bytes: int | None = None) -> bytes:
        data = bytearray()
        for piece in self.chunks(path):
            data += piece
            if max_bytes is not None and len(data) >= max_bytes:
                return bytes(data[:max_bytes])
        return bytes(data)

    def chunks(self, path: str) -> Iterator[bytes]:
        import obstore

        with self._asking(f"{path} cannot be read"):
            for piece in obstore.get(self._store, path).stream(min_chunk_size=1 << 20):
                yield bytes(piece)

    def write(self, path: str, data: bytes) -> None:
        import obstore

        with self._asking(f"{path} cannot be written"):
            obstore.put(self._store, path, data)

    def move(self, src: str, dst: str, *, etag: str | None = None) -> bool:
        import obstore

        found = self.stat(src)
        if found is None:
            return self.exists(dst)
        if etag is not None and found.etag != etag:
            return False
        if src == dst:
            return True
        # No store has a rename. A kill between the two leaves both; the next try copies again and deletes.
        with self._asking(f"{src} cannot be moved to {dst}"):
            obstore.copy(self._store, src, dst)
            obstore.delete(self._store, src)
        return True


def _entry(name: str, stat: os.stat_result) -> Entry:
    etag = f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
    return Entry(name, stat.st_size, etag, stat.st_ctime)


def _printable(name: str) -> str:
    """A file name as text that any JSON can carry: bytes that are no UTF-8, and control characters, become
    %XX.
    """
    out = []
    for char in name:
        if "\udc80" <= char <= "\udcff":
            out.append(f"%{ord(char) - 0xDC00:02X}")
        elif ord(char) < 32 or ord(char) == 127:
            out.append(f"%{ord(char):02X}")
        else:
            out.append(char)
    return "".join(out)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
