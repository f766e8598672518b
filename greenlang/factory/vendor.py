"""Distributions that are installed here, as files and as wheels again, so that an export needs no package index.

Every file is proved against the installed RECORD, so what is exported is what was published. Belongs here: reading
installed distributions. Does not belong here: the formats of exports (``export``).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from greenlang.errors import PackError

_LEFT_BY_PIP = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
_EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Vendored:
    """One installed distribution. ``files`` are relative to site-packages."""

    name: str
    version: str
    tags: tuple[str, ...]
    info: str  # its .dist-info folder
    files: dict[str, bytes]


def closure(requirements: Iterable[str], *, without: Iterable[str] = ()) -> tuple[Vendored, ...]:
    """What the requirements need, themselves among it, by name. Raises PackError if one is not installed here."""
    skipped = {canonicalize_name(name) for name in without}
    found: dict[str, Vendored] = {}
    queue = [Requirement(line) for line in requirements]
    while queue:
        needed = queue.pop()
        name = canonicalize_name(needed.name)
        if name in skipped or (needed.marker is not None and not needed.marker.evaluate({"extra": ""})):
            continue
        installed = _installed(needed)
        if name not in found:
            found[name] = _vendored(installed)
            queue += [Requirement(line) for line in installed.requires or ()]
    return tuple(found[name] for name in sorted(found))


def _installed(needed: Requirement) -> Distribution:
    try:
        installed = importlib.metadata.distribution(needed.name)
    except importlib.metadata.PackageNotFoundError as error:
        raise PackError(f"{needed.name} is not installed here, and the export is to carry it") from error
    if not needed.specifier.contains(installed.version, prereleases=True):
        raise PackError(f"{needed} is needed, and {installed.version} is installed here")
    return installed


def _vendored(installed: Distribution) -> Vendored:
    name = installed.metadata["Name"]
    files: dict[str, bytes] = {}
    info = ""
    for path in installed.files or ():
        place = PurePosixPath(path.as_posix())
        if place.name == "RECORD":
            info = place.parent.as_posix()
        if ".." in place.parts or "__pycache__" in place.parts:
            continue  # scripts of the environment, and what Python compiled here
        if place.parent.suffix == ".dist-info" and place.name in _LEFT_BY_PIP:
            continue
        content = Path(str(installed.locate_file(path))).read_bytes()
        if path.hash is not None and _record_hash(content, path.hash.mode) != path.hash.value:
            raise PackError(f"{name}: {place} was changed after it was installed")
        files[place.as_posix()] = content
    if not info or f"{info}/WHEEL" not in files:
        raise PackError(f"{name} was not installed from a wheel, so no wheel can be made of it")
    lines = files[f"{info}/WHEEL"].decode().splitlines()
    tags = tuple(line.partition(":")[2].strip() for line in lines if line.startswith("Tag:"))
    return Vendored(name, installed.version, tags, info, dict(sorted(files.items())))


def _record_hash(content: bytes, mode: str = "sha256") -> str:
    return base64.urlsafe_b64encode(hashlib.new(mode, content).digest()).rstrip(b"=").decode()


def wheel(vendored: Vendored) -> tuple[str, bytes]:
    """File name and bytes of a wheel of it, the same bytes from the same files."""
    parts = [tag.split("-") for tag in vendored.tags]
    sets = [".".join(dict.fromkeys(tag[i] for tag in parts)) for i in range(3)]
    head = vendored.info.removesuffix(".dist-info")
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, content in vendored.files.items():
        rows.writerow([name, f"sha256={_record_hash(content)}", len(content)])
    rows.writerow([f"{vendored.info}/RECORD", "", ""])
    files = vendored.files | {f"{vendored.info}/RECORD": record.getvalue().encode()}
    return f"{head}-{'-'.join(sets)}.whl", stored_zip(files)


def stored_zip(files: dict[str, bytes]) -> bytes:
    """A zip archive without compression, times and owners: the same bytes on any machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def unpacked(wheel_file: Path) -> dict[str, bytes]:
    """The files that a wheel puts into site-packages."""
    with zipfile.ZipFile(wheel_file) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
