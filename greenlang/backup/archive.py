"""The archive: a tar stream behind Zstandard, written under a name of its own and renamed, read once from its start.

Belongs here: members, their digests, where a backup lies (a file, or an object of a store). Does not belong here: what
the members are.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from greenlang.errors import BackupBroken, BackupError

INDEX, MANIFEST, SIGNATURE = "files.jsonl", "manifest.json", "manifest.sig"
_STORES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
_PIECE = 1 << 20
_IN_MEMORY = 4 << 20  # a larger file waits on the disk between being hashed and being written
_LEAST_SHARED = 1024  # a smaller file costs less than a link to another
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read: its bytes from the start, their digest and number."""

    name: str
    data: IO[bytes]
    sha256: str
    size: int
    mode: int = 0o644
    mtime: int = 0


def spooled(name: str, source: IO[bytes], *, mode: int = 0o644, mtime: int = 0) -> Read:
    """Read a file once, so that what is written is what was hashed however the file goes on."""
    held = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `Writer.add`
    total = hashlib.sha256()
    while piece := source.read(_PIECE):
        held.write(piece)
        total.update(piece)
    size = held.tell()
    held.seek(0)
    return Read(name, cast(IO[bytes], held), total.hexdigest(), size, mode, mtime)


@dataclass
class Writer:
    """Members into an open archive. Files of the same content are written once, the others link to the first."""

    tar: tarfile.TarFile
    index: IO[bytes]
    files: int = 0
    size: int = 0
    _first: dict[bytes, str] = field(default_factory=dict)

    def add(self, read: Read) -> None:
        """Add a file, and a line to the index."""
        info = tarfile.TarInfo(read.name)
        info.mode, info.mtime = read.mode, read.mtime
        digest = bytes.fromhex(read.sha256)
        with read.data as data:
            if read.size >= _LEAST_SHARED and (first := self._first.get(digest)) is not None and first != read.name:
                info.type, info.linkname = tarfile.LNKTYPE, first
                self.tar.addfile(info)
            else:
                info.size = read.size
                self.tar.addfile(info, data)
                self._first[digest] = read.name
        _forget(self.tar)
        self._line({"name": read.name, "sha256": read.sha256, "bytes": read.size})
        self.files += 1
        self.size += read.size

    def begin_folder(self, name: str) -> None:
        """A folder of which nothing that came before counts."""
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        self.tar.addfile(info)
        _forget(self.tar)
        self._line({"name": f"{name}/"})

    def share_nothing_before(self) -> None:
        """From here on members may take the place of earlier ones, which nothing may link to then."""
        self._first.clear()

    def _line(self, line: dict[str, Any]) -> None:
        self.index.write(json.dumps(line, sort_keys=True).encode() + b"\n")

    def close(self, manifest: Callable[[dict[str, Any]], tuple[bytes, bytes | None]]) -> None:
        """Add the index, the manifest over it, and its signature if there is one."""
        self.index.seek(0)
        sha256 = hashlib.file_digest(cast(Any, self.index), "sha256").hexdigest()
        told, signature = manifest({"count": self.files, "bytes": self.size, "index_sha256": sha256})
        size = self.index.tell()
        self.index.seek(0)
        _plain(self.tar, INDEX, self.index, size)
        for name, data in ((MANIFEST, told), (SIGNATURE, signature)):
            if data is not None:
                with tempfile.SpooledTemporaryFile() as held:
                    held.write(data)
                    held.seek(0)
                    _plain(self.tar, name, cast(IO[bytes], held), len(data))


def _forget(tar: tarfile.TarFile) -> None:
    """`tarfile` remembers every member, half a gigabyte of a large factory, and nobody asks for them here."""
    tar.members.clear()  # type: ignore[attr-defined]  # not in typeshed; documented by TarFile.getmembers


def _plain(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    tar.addfile(info, data)


def in_store(address: str) -> bool:
    """Whether an address names an object of a store, and no file."""
    scheme, mark, _ = address.partition("://")
    return bool(mark) and scheme in _STORES


@contextmanager
def writing(address: str) -> Iterator[Writer]:
    """An archive that stands under its name when the block ends well; else nothing does.

    Raises BackupError where something is there already, or where it cannot be written, with what to do.
    """
    import pyarrow as pa

    form = tarfile.PAX_FORMAT
    with (
        _sink(address) as sink,
        tempfile.TemporaryFile() as index,
        _told(address),
        pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), "zstd") as pressed,
        tarfile.open(fileobj=cast(IO[bytes], pressed), mode="w|", bufsize=_PIECE, format=form) as tar,
    ):
        yield Writer(tar, cast(IO[bytes], index))


@contextmanager
def _sink(address: str) -> Iterator[IO[bytes]]:
    if in_store(address):
        with _object_sink(address) as sink:
            yield sink
        return
    target = Path(address).expanduser().absolute()
    if target.exists():
        raise BackupError(f"{target} is there already, and a backup may be the only copy: name another file")
    temporary = target.with_name(f".{target.name}.tmp")  # one name: the next try takes away what a killed one left
    done = False
    with _told(address):
        target.parent.mkdir(parents=True, exist_ok=True)
        sink = temporary.open("ab")
    try:
        with sink:
            try:
                fcntl.flock(sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                done = True  # it is another's
                raise BackupError(f"{target} is being written by another backup") from error
            os.ftruncate(sink.fileno(), 0)
            os.fchmod(sink.fileno(), 0o600)
            yield cast(IO[bytes], _Unclosed(sink))
            with _told(address):
                sink.flush()
                os.fsync(sink.fileno())
                temporary.replace(target)
                done = True
    finally:
        if not done:
            temporary.unlink(missing_ok=True)


@contextmanager
def _object_sink(address: str) -> Iterator[IO[bytes]]:
    import obstore
    from obstore.exceptions import BaseError

    store, name = _object(address)
    try:
        obstore.head(store, name)
    except FileNotFoundError:  # obstore's NotFoundError is one
        pass
    except (BaseError, OSError) as error:
        raise BackupError(f"{address}: whether something is there cannot be told: {_said(error)}") from error
    else:
        raise BackupError(f"{address} is there already, and a backup may be the only copy: name another object")
    upload = _Upload(address, store, name)
    yield cast(IO[bytes], upload)
    upload.finish()  # only now is there an object: an upload that was not finished leaves none


class _Unclosed:
    """A file that nobody closes but whoever knows that it is whole."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.closed = False

    def write(self, data: Any) -> int:
        self._writer.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing: whoever closes it flushes."""

    def close(self) -> None:
        """Nothing: see `_sink`."""


class _Upload(_Unclosed):
    """The same for an object of a store."""

    def __init__(self, address: str, store: Any, name: str) -> None:
        import obstore

        super().__init__(obstore.open_writer(store, name))
        self._address = address

    def write(self, data: Any) -> int:
        """Hand bytes over. Raises BackupError."""
        self._asked(self._writer.write, bytes(data))
        return len(data)

    def finish(self) -> None:
        """Make the object. Raises BackupError."""
        self._asked(self._writer.close)

    def _asked(self, what: Callable[..., object], *data: bytes) -> None:
        from obstore.exceptions import BaseError

        try:
            what(*data)
        except (BaseError, OSError, ValueError) as error:
            raise BackupError(f"{self._address} cannot be written: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """The first words of a store: more may be its whole answer."""
    return str(error).strip().split("\n", 1)[0][:200] or type(error).__name__


def _object(address: str) -> tuple[Any, str]:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    folder, _, name = address.rpartition("/")
    if not name or folder.endswith(":/"):
        raise BackupError(f"{address} names no object: write it as s3://BUCKET/NAME.tar.zst")
    try:
        return from_url(folder), name
    except (BaseError, ValueError) as error:
        raise BackupError(f"{address} cannot be opened: {_said(error)}") from error


@contextmanager
def _told(address: str) -> Iterator[None]:
    try:
        yield
    except (BackupError, BackupBroken):
        raise
    except OSError as error:
        if error.errno in FULL:
            raise BackupError(
                f"there is no space for {address}: free some, or name a file on another disk or an object "
                "(s3://, gs://, az://); nothing was left there"
            ) from error
        raise BackupError(f"{address} cannot be written: {error}") from error


@dataclass(frozen=True, slots=True)
class Member:
    """A member as it stands in the archive. ``data`` is None for a folder and for a link."""

    name: str
    mode: int
    mtime: int
    data: IO[bytes] | None
    link: str = ""
    folder: bool = False


@contextmanager
def reading(address: str) -> Iterator[Iterator[Member]]:
    """The members in their order; each is read before the next one is asked for.

    The iterator raises BackupBroken, naming the last member, where the archive ends too early or is none.
    """
    import pyarrow as pa

    with _source(address) as source, pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd") as raw:
        yield _members(address, raw)


@contextmanager
def _source(address: str) -> Iterator[IO[bytes]]:
    if not in_store(address):
        try:
            source = Path(address).expanduser().open("rb")
        except OSError as error:
            raise BackupError(f"{address} cannot be read: {error.strerror}") from error
        with source:
            yield source
        return
    import obstore
    from obstore.exceptions import BaseError

    store, name = _object(address)
    try:
        reader = obstore.open_reader(store, name)
    except (BaseError, OSError) as error:
        raise BackupError(f"{address} cannot be read: {_said(error)}") from error
    yield cast(IO[bytes], _Reader(reader))


class _Reader:
    """A download as a file of `bytes`."""

    closed = False

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1) -> bytes:
        return bytes(self._reader.read(size))

    def close(self) -> None:
        """Nothing is held."""


def _members(address: str, raw: Any) -> Iterator[Member]:
    last = "its start"
    try:
        with tarfile.open(fileobj=raw, mode="r|", bufsize=_PIECE) as tar:
            for info in tar:
                last = info.name
                data = tar.extractfile(info) if info.isreg() else None
                if data is None and not (info.isdir() or info.islnk()):
                    raise BackupBroken(f"{address}: {info.name} is neither a file nor a folder", info.name)
                yield Member(info.name, info.mode, int(info.mtime), data, info.linkname, info.isdir())
                _forget(tar)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, (BackupError, BackupBroken)) or getattr(error, "errno", None) in FULL:
            raise
        raise BackupBroken(f"{address} is cut off or damaged at {last} ({error}): take another backup", last) from error
