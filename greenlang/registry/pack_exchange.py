"""Finished packs into the registry and out of it, as folders and as zips: every byte checked before it is in its place.

What a certificate says of tests and quality is believed of a zip because a key that is known here signed it: the
factory's own, or one that an operator put into ``trusted`` beside it (``*.pem``). Anybody can write a certificate; few
have a key. Belongs here: publish and push, pull and unpack. Does not belong here: building packs
(`greenlang.factory`), finding them (`packs`), HTTP.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factory.attest import envelope_path
from greenlang.registry import pack_zip, packs
from greenlang.registry.entering import Entered, Registered
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.pack_reading import Brought, read_pack, read_zip
from greenlang.registry.pack_zip import ZippedPack
from greenlang.registry.store import Registry
from greenlang.signing import PUBLIC, read_public_key

TRUSTED = "trusted"  # folder of foreign public keys, in the folder of one's own

Keys = Sequence[Ed25519PublicKey]


def publish(registry: Registry, data: bytes, var: Path, keys: Path) -> tuple[Registered, RegistryEntry]:
    """Enter the pack of a zip: one folder, and beside it its envelope ``<folder>.dsse.json``, as they lie in ``packs``.

    What became of it, and the version as it stands then. ``keys`` is the folder of the key of this factory. Raises
    PackError for a pack that is not as it was certified or that no known key signed, RegistryConflict where the version
    stands with other bytes, QuotaExceeded.
    """
    hint = f". An operator makes a key known by putting its .pem into the folder {TRUSTED} beside the factory's own"
    brought = read_zip(ZippedPack.read(data), known_keys(keys), hint)
    entry = brought.entry
    stands = registry.enter(entry, pins=brought.pins, needs=brought.needs)
    if stands.build.certificate_digest == entry.certificate_digest and not _is_here(stands, data, var):
        pack_zip.keep(data, var / entry.pack)
    return stands.done, stands.entry or registry.get(entry.agent_id, entry.version)


def _is_here(stands: Entered, data: bytes, var: Path) -> bool:
    """Whether the pack of what stands lies on this machine, and whole."""
    if stands.done == "created":
        return False
    folder = var / stands.build.pack
    if not folder.is_dir() and pack_zip.kept(folder) == data:
        return True
    try:
        pack = packs.certified(packs.pack_of(stands.build, var).folder)
    except PackError:
        return False
    return envelope_path(pack.folder).is_file()


def push(
    registry: Registry, folder: Path, var: Path, *, keys: Keys | None = None, dry_run: bool = False
) -> tuple[RegistryEntry, Registered | None]:
    """Publish a finished pack and keep a copy of it below ``var``; the entry, and what became of it.

    Raises PackError as `read_pack`, RegistryConflict where that version stands with other bytes, QuotaExceeded.
    """
    folder = folder.absolute()
    brought = read_pack(folder, keys)
    if dry_run:
        return brought.entry, None
    with _incoming(var) as incoming:
        copy = _copied(folder, incoming)
        brought = read_pack(copy, keys)  # the copy is what is registered
        return brought.entry, _enter(registry, copy, var, brought)


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
        return _placed(pack_zip.unpacked(data, new), target, build, keys)


def known_keys(folder: Path) -> list[Ed25519PublicKey]:
    """The public keys whose packs are taken: the one of this folder, and those of its ``trusted``."""
    own = [folder / PUBLIC] if (folder / PUBLIC).is_file() else []
    return [read_public_key(path) for path in (*own, *sorted((folder / TRUSTED).glob("*.pem")))]


def _enter(registry: Registry, folder: Path, var: Path, brought: Brought) -> Registered:
    """Register first, so that nothing lies there that was refused; whoever is killed in between publishes again."""
    entry = brought.entry
    stands = registry.enter(entry, pins=brought.pins, needs=brought.needs)
    if stands.build.certificate_digest != entry.certificate_digest:  # the same files: the one that stands, stands
        return stands.done
    try:
        kept = packs.certified(packs.pack_of(stands.build, var).folder).folder
    except PackError:  # not there, or no longer whole
        kept = var / entry.pack
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        _moved(folder, kept)
    if envelope_path(folder).is_file() and not envelope_path(kept).is_file():
        envelope_path(folder).replace(envelope_path(kept))
    return stands.done


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
