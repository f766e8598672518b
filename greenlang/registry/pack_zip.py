"""A pack as one zip: its folder, and beside it its signed envelope ``<folder>.dsse.json``, as they lie in ``packs``.

A pack that is published is read without a file being written, and kept as the zip that was sent: writing each of its
files costs more than all checks. It becomes a folder when somebody first asks for it.

Belongs here: reading, unpacking and keeping zips. Does not belong here: whether a pack is as certified
(`pack_reading`, `packs`), making zips (`packs.RegisteredPack`).
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from greenlang.errors import PackError
from greenlang.factory.attest import envelope_path
from greenlang.provenance import CERTIFICATE, bytes_digest

MANIFEST = "pack.yaml"
MOST_FILES = 2000
MOST_BYTES = 200_000_000  # unpacked
LONGEST, LONGEST_NAME = 1000, 255  # bytes of a path, and of each name in it: what a disk takes
_ENVELOPE = ".dsse.json"


@dataclass(frozen=True, slots=True)
class ZippedPack:
    """What a zip holds: the SHA-256 of every file but the certificate, and the three files that are read."""

    name: str
    digests: dict[str, str]
    certificate: bytes | None
    manifest: bytes | None
    envelope: bytes

    @classmethod
    def read(cls, data: bytes) -> ZippedPack:
        """Read a zip, one file after the other. Raises PackError where it does not hold a folder and its envelope."""
        digests: dict[str, str] = {}
        kept: dict[str, bytes] = {}
        tops: set[str] = set()
        for path, content in _files(data):
            top, _, inside = path.partition("/")
            tops.add(top)
            digests[path] = bytes_digest(content)
            if inside in ("", CERTIFICATE, MANIFEST):
                kept[path] = content
        name = _name(tops, {path for path in digests if "/" not in path})
        own = {path.removeprefix(f"{name}/"): digest for path, digest in digests.items() if "/" in path}
        own.pop(CERTIFICATE, None)
        certificate, manifest = (kept.get(f"{name}/{file}") for file in (CERTIFICATE, MANIFEST))
        return cls(name, own, certificate, manifest, kept[name + _ENVELOPE])


def unpacked(data: bytes, folder: Path) -> Path:
    """Unpack a zip into an empty folder; where the pack lies in it. Raises PackError, OSError where the disk fails."""
    for path, content in _files(data):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    tops = {path.name for path in folder.iterdir()}
    return folder / _name(tops, {path.name for path in folder.iterdir() if path.is_file()})


def keep(data: bytes, folder: Path) -> None:
    """Keep the zip of a pack where its folder would lie, whole and on the disk. A folder that lies there is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".incoming-{secrets.token_hex(8)}")
    old = new.with_suffix(".old")
    try:
        new.write_bytes(data)
        _to_disk(new)
        with contextlib.suppress(FileNotFoundError):  # before the zip is there: of that others make a folder
            folder.rename(old)
        new.replace(_zip(folder))
        _to_disk(folder.parent)
    finally:
        new.unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)


def kept(folder: Path) -> bytes | None:
    """The zip that is kept in place of a folder."""
    with contextlib.suppress(FileNotFoundError):
        return _zip(folder).read_bytes()
    return None


def unfold(folder: Path) -> None:
    """Make the folder of a pack that is kept as a zip, with its envelope beside it; nothing where there is none.

    What is in the zip is not believed: `packs.pack_of` asks the certificate. The zip goes once all is on the disk.
    Raises OSError where the disk fails.
    """
    data = kept(folder)
    if data is None:
        return
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder.parent) as home, contextlib.suppress(PackError):
        new = unpacked(data, Path(home))
        _to_disk(*Path(home).rglob("*"))
        envelope_path(new).replace(envelope_path(folder))
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # else somebody else did it at the same moment
                raise
    if folder.is_dir():
        _to_disk(folder.parent)
        _zip(folder).unlink(missing_ok=True)


def _to_disk(*paths: Path) -> None:
    """Bring to the disk what is in files, and the names that are in folders."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _zip(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.zip")


def _name(tops: set[str], files: set[str]) -> str:
    """The folder of a zip with these names at its top, of which these are files. Raises PackError."""
    names = sorted(tops)
    if len(names) != 2 or names[1] != names[0] + _ENVELOPE or files != {names[1]}:
        raise PackError(
            f"the zip must hold one folder NAME and NAME{_ENVELOPE} beside it; it holds {', '.join(names[:5])}"
        )
    return names[0]


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of a zip. Raises PackError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            for path, info in _checked(files).items():
                with archive.open(info) as file:
                    content = file.read(info.file_size + 1)  # with no number all is inflated, however much it is
                if len(content) != info.file_size:
                    raise PackError(f"{path} has not the size that the zip declares")
                yield path, content
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, PackError):
            raise
        raise PackError(f"this is no zip that can be unpacked: {error}") from error


def _checked(files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files by their paths, each of which leads into the folder that it is unpacked into."""
    if len(files) > MOST_FILES or sum(info.file_size for info in files) > MOST_BYTES:
        raise PackError(f"a pack has at most {MOST_FILES:,} files and {MOST_BYTES:,} bytes")
    found: dict[str, zipfile.ZipInfo] = {}
    names: set[str] = set()
    above: set[str] = set()
    for info in files:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackError(f"the zip holds {info.filename!r} neither stored nor deflated")
        parts = [part for part in info.filename.split("/") if part not in ("", ".")]
        odd = info.filename.startswith("/") or not parts or ".." in parts or "\\" in info.filename
        if odd or not info.filename.isprintable() or stat.S_ISLNK(info.external_attr >> 16):
            raise PackError(f"the zip holds {info.filename!r}, which is no file of a pack")
        path = "/".join(parts)
        if len(path.encode()) > LONGEST or any(len(part.encode()) > LONGEST_NAME for part in parts):
            said = f"a path has at most {LONGEST:,} bytes, a name {LONGEST_NAME}"
            raise PackError(f"the zip holds {path[:80]!r}...: {said}")
        found[path] = info
        names.add(path.casefold())
        above |= {"/".join(parts[:n]).casefold() for n in range(1, len(parts))}
    if len(names) != len(files) or names & above:
        raise PackError("the zip holds a name twice")
    return found
