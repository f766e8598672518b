"""Reading a backup to its end: every member compared with the index, and written into a folder if that is asked for.

Belongs here: comparing, unpacking. Does not belong here: the form (`archive`), what becomes of the files (`restore`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from greenlang.backup.archive import INDEX, MANIFEST, SIGNATURE, Member, reading
from greenlang.backup.rows import Dumped
from greenlang.errors import BackupBroken
from greenlang.signing import PUBLIC, Signature, fits, key_id, public_key, read_public_key

AREAS = ("var", "bucket", "keys", "cassettes", "registry", "dagster", "private")
_OWN_KEYS = (f"var/keys/{PUBLIC}", f"keys/{PUBLIC}")
_MOST = 64 << 20  # bytes of a manifest
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup that is whole and as it was made. ``signed_by``: the id of the key that signed it; empty: nobody did."""

    address: str
    manifest: dict[str, Any]
    signed_by: str

    @property
    def dumped(self) -> Dumped | None:
        """What the manifest says about the registry."""
        told = self.manifest["registry"]
        return Dumped(**{**told, "tenants": tuple(told["tenants"])}) if told else None


def verify(address: str, key: Path | None = None) -> Verified:
    """Read a backup to its end and compare every member. Raises BackupBroken, naming the first that is another.

    ``key``: the public key that must have signed it; without one it is the key in the backup itself, which shows damage
    and no forger.
    """
    return _Reading(address, None).run(key)


def unpack(address: str, folder: Path, key: Path | None = None) -> Verified:
    """The same, and write every file below an empty folder. What is there counts only if this returns."""
    return _Reading(address, folder).run(key)


@dataclass
class _Reading:
    address: str
    into: Path | None
    digests: dict[str, tuple[str, int]] = field(default_factory=dict)  # of what a link may point to
    ends: dict[str, bytes] = field(default_factory=dict)  # the members at the end
    public: bytes | None = None

    def run(self, key: Path | None) -> Verified:
        with reading(self.address) as members, tempfile.TemporaryFile() as seen:
            for member in members:
                if member.name in (MANIFEST, SIGNATURE):
                    self.ends[member.name] = cast(IO[bytes], member.data).read(_MOST)
                elif member.name == INDEX:
                    self.ends[INDEX] = self.compared(cast(IO[bytes], member.data), cast(IO[bytes], seen))
                else:
                    seen.write(json.dumps(self.taken(member), sort_keys=True).encode() + b"\n")
        for name in (INDEX, MANIFEST):
            if name not in self.ends:
                raise BackupBroken(f"{self.address} is cut off: {name}, near its end, is missing", name)
        return Verified(self.address, self.manifest(), self.signed(key))

    def taken(self, member: Member) -> dict[str, Any]:
        """The line of the index that a member should have; its bytes are written where they belong."""
        target = self.target(member.name)
        if member.folder:
            if target is not None:
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir(parents=True)
            return {"name": f"{member.name}/"}
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
        if member.data is None:
            if member.link not in self.digests:
                raise self.broken(member.name, f"it links to {member.link}, which does not come before it")
            found = self.digests[member.link]
            if target is not None:
                shutil.copyfile(cast(Path, self.target(member.link)), target)
        else:
            found = self.written(member.data, target, own_key=member.name in _OWN_KEYS)
            self.digests[member.name] = found
        if target is not None:
            target.chmod(member.mode & 0o777)
            os.utime(target, (member.mtime, member.mtime))
        return {"name": member.name, "sha256": found[0], "bytes": found[1]}

    def written(self, data: IO[bytes], target: Path | None, *, own_key: bool) -> tuple[str, int]:
        total, size, kept = hashlib.sha256(), 0, bytearray()
        file = target.open("wb") if target is not None else tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        with file:
            while piece := data.read(_PIECE):
                total.update(piece)
                size += len(piece)
                if target is not None:
                    file.write(piece)
                if own_key:
                    kept += piece
        if own_key:
            self.public = bytes(kept)
        return total.hexdigest(), size

    def target(self, name: str) -> Path | None:
        """Where a member goes; refuses a name that leads elsewhere."""
        parts = PurePosixPath(name).parts
        if not parts or parts[0] not in AREAS or ".." in parts or "\0" in name:
            raise self.broken(name, "a backup has no such member")
        return None if self.into is None else self.into / name

    def compared(self, index: IO[bytes], seen: IO[bytes]) -> bytes:
        """The digest of the index; raises where it is not what was seen."""
        seen.seek(0)
        total = hashlib.sha256()
        for said, found in zip_longest(index, seen):
            total.update(said or b"")
            if said != found:
                name = _name(said or found or b"")
                same = said is not None and found is not None and name == _name(found)
                raise self.broken(
                    name, "it is not what was backed up" if same else "it is missing, or not in its place"
                )
        return total.hexdigest().encode()

    def manifest(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(self.ends[MANIFEST])
            stated = told["files"]["index_sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise self.broken(MANIFEST, "it cannot be read") from error
        if stated.encode() != self.ends[INDEX]:
            raise self.broken(INDEX, "it is not the one that the manifest names")
        if told.get("backup") != 1:
            raise self.broken(MANIFEST, f"it is of the form {told.get('backup')}, this greenlang reads 1")
        return told

    def signed(self, key: Path | None) -> str:
        """The id of the key whose signature over the manifest fits."""
        if SIGNATURE not in self.ends:
            if key is not None:
                raise self.broken(SIGNATURE, "the backup is not signed")
            return ""
        try:
            signature = Signature(**json.loads(self.ends[SIGNATURE]))
            data = base64.b64decode(signature.signature, validate=True)
        except (ValueError, TypeError) as error:
            raise self.broken(SIGNATURE, "it cannot be read") from error
        if key is None and self.public is None:
            raise self.broken(SIGNATURE, "the public key is not in the backup: name it")
        public = read_public_key(key) if key is not None else public_key(self.public or b"", PUBLIC)
        if not fits(public, data, self.ends[MANIFEST]):
            raise self.broken(SIGNATURE, "the manifest is not what this key signed")
        return key_id(public)

    def broken(self, name: str, why: str) -> BackupBroken:
        return BackupBroken(f"{self.address}: {name}: {why}; this backup cannot be trusted, take another", name)


def _name(line: bytes) -> str:
    try:
        return str(json.loads(line)["name"])
    except (ValueError, KeyError, TypeError):
        return INDEX
