"""Finished packs into the registry and out of it, as folders and as zips: every byte checked before it is in its place.

What a certificate says of tests and quality is believed of a zip because a key that is known here signed it: the
factory's own, or one that an operator put into ``trusted`` beside it (``*.pem``). Anybody can write a certificate; few
have a key. Belongs here: publish and push, pull and unpack. Does not belong here: building packs
(`greenlang.factory`), finding them (`packs`), HTTP.
"""

from __future__ import annotations

import io
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factory.attest import envelope_path
from greenlang.registry import packs
from greenlang.registry.entry import Pin, RegistryEntry
from greenlang.registry.pack_reading import read_pack
from greenlang.registry.store import Registered, Registry
from greenlang.signing import PUBLIC, read_public_key

MOST_FILES = 2000
MOST_BYTES = 200_000_000  # unpacked
TRUSTED = "trusted"  # folder of foreign public keys, in the folder of one's own
_ENVELOPE = ".dsse.json"

Keys = Sequence[Ed25519PublicKey]


def publish(registry: Registry, data: bytes, var: Path, keys: Path) -> tuple[Registered, RegistryEntry]:
    """Enter the pack of a zip: one folder, and beside it its envelope ``<folder>.dsse.json``, as they lie in ``packs``.

    ``keys`` is the folder of the key of this factory. Raises PackError for a pack that is not as it was certified or
    that no known key signed, RegistryConflict where the version stands with other bytes, QuotaExceeded.
    """
    hint = f". An operator makes a key known by putting its .pem into the folder {TRUSTED} beside the factory's own"
    with _incoming(var) as incoming:
        folder = unpacked(data, incoming)
        entry, pins = read_pack(folder, known_keys(keys), hint)
        return _enter(registry, folder, var, entry, pins), entry


def push(
    registry: Registry, folder: Path, var: Path, *, keys: Keys | None = None, dry_run: bool = False
) -> tuple[RegistryEntry, Registered | None]:
    """Publish a finished pack and keep a copy of it below ``var``; the entry, and what became of it.

    Raises PackError as `read_pack`, RegistryConflict where that version stands with other bytes, QuotaExceeded.
    """
    folder = folder.absolute()
    entry, pins = read_pack(folder, keys)
    if dry_run:
        return entry, None
    with _incoming(var) as incoming:
        copy = _copied(folder, incoming)
        entry, pins = read_pack(copy, keys)  # the copy is what is registered
        return entry, _enter(registry, copy, var, entry, pins)


def pull(build: packs.Registered, homes: Path | Sequence[Path], target: Path, keys: Keys | None = None) -> Path:
    """Copy the pack of a build to a folder that is not there yet, with its envelope. ``homes``: see `packs.homes`.

    Raises PackNotHere where this machine has no such pack, PackError where it is not as certified or not signed by one
    of the keys, and where the folder exists.
    """
    found = packs.pack_of(build, homes)
    with _beside(target) as new:
        return _placed(_copied(found.folder, new), target, build, keys)


def unpack(data: bytes, build: packs.Registered, target: Path, keys: Keys | None = None) -> Path:
    """The pack of a zip (`RegisteredPack.zip`) as a folder that is not there yet, if it is that build's.

    Raises PackError as `pull`; then nothing is there.
    """
    with _beside(target) as new:
        return _placed(unpacked(data, new), target, build, keys)


def unpacked(data: bytes, folder: Path) -> Path:
    """Unpack a zip into an empty folder; where the pack lies in it. Raises PackError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            _check(files)
            for info in files:
                path = folder / info.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.read(info)  # a size that is not as declared is an error of the archive
                path.write_bytes(content)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, PackError):
            raise
        raise PackError(f"this is no zip that can be unpacked: {error}") from error
    tops = sorted(path.name for path in folder.iterdir())
    if len(tops) != 2 or tops[1] != tops[0] + _ENVELOPE or not (folder / tops[0]).is_dir():
        raise PackError(
            f"the zip must hold one folder NAME and NAME{_ENVELOPE} beside it; it holds {', '.join(tops[:5])}"
        )
    return folder / tops[0]


def known_keys(folder: Path) -> list[Ed25519PublicKey]:
    """The public keys whose packs are taken: the one of this folder, and those of its ``trusted``."""
    own = [folder / PUBLIC] if (folder / PUBLIC).is_file() else []
    return [read_public_key(path) for path in (*own, *sorted((folder / TRUSTED).glob("*.pem")))]


def _check(files: list[zipfile.ZipInfo]) -> None:
    if len(files) > MOST_FILES or sum(info.file_size for info in files) > MOST_BYTES:
        raise PackError(f"a pack has at most {MOST_FILES:,} files and {MOST_BYTES:,} bytes")
    names = {info.filename.casefold() for info in files}
    if len(names) != len(files):
        raise PackError("the zip holds a name twice")
    for info in files:
        path = PurePosixPath(info.filename)
        odd = path.is_absolute() or ".." in path.parts or "\\" in info.filename or not info.filename.isprintable()
        if odd or stat.S_ISLNK(info.external_attr >> 16):
            raise PackError(f"the zip holds {info.filename!r}, which is no file of a pack")


def _enter(registry: Registry, folder: Path, var: Path, entry: RegistryEntry, pins: Sequence[Pin]) -> Registered:
    """Register first, so that nothing lies there that was refused; whoever is killed in between publishes again."""
    done = registry.publish(entry, pins=pins)
    builds = registry.builds(entry.agent_id, entry.version)
    build = next(one for one in builds if one.pack_digest == entry.pack_digest)
    if build.certificate_digest != entry.certificate_digest:  # the same files: the certificate that stands, stands
        return done
    try:
        kept = packs.certified(packs.pack_of(build, var).folder).folder
    except PackError:  # not there, or no longer whole
        kept = var / entry.pack
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        _moved(folder, kept)
    if envelope_path(folder).is_file() and not envelope_path(kept).is_file():
        envelope_path(folder).replace(envelope_path(kept))
    return done


def _moved(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError:
        packs.certified(target)  # somebody else published the same build at the same moment


def _placed(folder: Path, target: Path, build: packs.Registered, keys: Keys | None) -> Path:
    """Move a folder and its envelope to where they belong, if they are that build."""
    packs.check_registered(packs.certified(folder), build)
    if keys is not None:
        packs.check_signature(folder, keys)
    if envelope_path(folder).is_file():
        envelope_path(folder).replace(envelope_path(target))
    folder.rename(target)
    return target


def _copied(folder: Path, home: Path) -> Path:
    """A copy of a pack and its envelope in another folder."""
    copy = home / folder.name
    shutil.copytree(folder, copy, symlinks=True)
    if envelope_path(folder).is_file():
        shutil.copyfile(envelope_path(folder), envelope_path(copy))
    return copy


@contextmanager
def _incoming(var: Path) -> Iterator[Path]:
    home = var / "packs"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=home) as folder:
        yield Path(folder)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    if target.exists() or envelope_path(target).exists():
        there = target if target.exists() else envelope_path(target)
        raise PackError(f"{there} exists: name a folder that does not")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.pull-", dir=target.parent) as folder:
        yield Path(folder)
