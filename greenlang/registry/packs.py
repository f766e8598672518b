"""The pack of a build on this machine: where it lies, and whether it is what was registered, certified and signed.

The one way to the bytes of a registered pack. Belongs here: finding a pack, checking it, its zip. Does not belong here:
what an entry says of a pack (`pack_reading`), taking packs in and giving them out (`pack_exchange`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factory.attest import envelope_path, verify
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, files_digest
from greenlang.registry import pack_zip
from greenlang.settings import Settings
from greenlang.specs.model import slug

PUBLISHED = "packs/published"  # below var: packs that were built elsewhere, by their certificates' digests
BUILDS = "builds"  # below var: packs whose place a newer build took, by their certificates' digests
_LANDS = "or wait for the end of the batch on several machines that has just built it"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows: a pack has no time
_UNIX, _MODE = 3, 0o100644 << 16


class PackNotHere(PackError, LookupError):
    """The bytes that were registered are not on this machine: nothing lies there, or something else does."""


class Registered(Protocol):
    """What the registry says of a build's pack: an entry, a build, or a row of either."""

    @property
    def pack(self) -> str: ...
    @property
    def pack_digest(self) -> str: ...
    @property
    def certificate_digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RegisteredPack:
    """A pack with its certificate. `pack_of` gives it where that is the registered one; `read` checks each file."""

    folder: Path
    certificate: PackCertificate

    @property
    def files(self) -> dict[str, str]:
        """Path -> SHA-256 of every file but the certificate, as certified."""
        return dict(self.certificate.content.get("files") or {})

    @property
    def package(self) -> str:
        """The name of the agent's Python package."""
        return str(self.certificate.content["agent"]["package"])

    @property
    def name(self) -> str:
        """Its name in a zip, wherever it lies: agent, version and the start of the spec's digest."""
        agent, spec = self.certificate.content["agent"], self.certificate.content["spec"]["sha256"]
        name = slug(f"{agent['id']}@{agent['version']}-{spec[:8]}")
        return "".join(c if c.isascii() and (c.isalnum() or c in "._-@+") else "." for c in name)

    def read(self, name: str) -> bytes:
        """The bytes of a certified file. Raises PackNotHere for one that is missing or was changed."""
        stated = self.files.get(name)
        if stated is None:
            raise PackNotHere(f"the certificate of {self.folder.name} names no {name}")
        path = self.folder / name
        inside = path.resolve() == self.folder.resolve() / name  # no link on the way
        data = path.read_bytes() if inside and path.is_file() else None
        if data is None or bytes_digest(data) != stated:
            state = "is missing" if data is None else "was changed"
            raise PackNotHere(f"{name} of {self.folder.name} {state} since it was certified; build the agent again")
        return data

    def zip(self, *, signed: bool = False) -> bytes:
        """One folder with every certified file and the certificate, and its envelope beside it, where there is one.

        Nothing in it tells of this machine: the same build gives the same bytes. Raises PackNotHere as `read`, and with
        ``signed`` where there is no envelope.
        """
        name, envelope = self.name, envelope_path(self.folder)
        if signed and not envelope.is_file():
            raise PackNotHere(f"the pack {self.folder.name} is not signed: {envelope.name} is not beside it")
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:  # stored: how small it gets hangs on a machine's zlib
            for file in sorted(self.files):
                archive.writestr(_member(f"{name}/{file}"), self.read(file))
            archive.writestr(_member(f"{name}/{CERTIFICATE}"), (self.folder / CERTIFICATE).read_bytes())
            if envelope.is_file():
                archive.writestr(_member(envelope_path(Path(name)).name), envelope.read_bytes())
        return made.getvalue()


def pack_of(build: Registered, homes: Path | Sequence[Path]) -> RegisteredPack:
    """The pack of a build, below one of these folders of a factory (see `homes`).

    Raises PackNotHere where it is in none of them, or what is there is not the registered one.
    """
    refused: PackNotHere | None = None
    digest = build.certificate_digest
    for var in (homes,) if isinstance(homes, Path) else homes:
        for place in (build.pack, f"{BUILDS}/{digest}", f"{PUBLISHED}/{digest}"):
            try:
                return _pack_below(build, var.resolve(), place)
            except PackNotHere as error:
                refused = refused or error
    raise refused or PackNotHere("no folder is known in which packs lie")


def homes(settings: Settings, tenant: str) -> tuple[Path, ...]:
    """Where a tenant's packs may lie: below its own folder, what was published below that of the installation."""
    return tuple(dict.fromkeys((settings.of_tenant(tenant).var, settings.var)))


def certified(folder: Path) -> RegisteredPack:
    """A finished pack, every byte as its certificate says. Raises PackError."""
    try:
        certificate = PackCertificate.load(folder)
        findings = certificate.verify(folder)
    except FileNotFoundError as error:
        raise PackError(f"{folder.name} is no finished pack: it has no {CERTIFICATE}") from error
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PackError(f"{folder.name} has no certificate that can be read: {error}") from error
    if findings:
        raise PackError(f"{folder.name} is not as it was certified: {'; '.join(findings[:5])}")
    return RegisteredPack(folder, certificate)


def check_signature(folder: Path, keys: Sequence[Ed25519PublicKey], hint: str = "") -> None:
    """Raises PackError, with ``hint`` at its end, where the envelope beside a pack is of none of these keys."""
    envelope = envelope_path(folder)
    if not envelope.is_file():
        raise PackError(f"the pack {folder.name} is not signed: {envelope.name} is not beside it")
    data = envelope.read_bytes()
    refuse_unsigned([verify(folder, data, key) for key in keys], hint)


def refuse_unsigned(wrong: Sequence[list[str]], hint: str = "") -> None:
    """Raises PackError where for every key something is wrong with a pack and its envelope."""
    if all(wrong):
        said = "; ".join(wrong[-1][:3]) if wrong else "no key is known here"
        raise PackError(f"no key that is known here signed the pack: {said}{hint}")


def check_registered(pack: RegisteredPack, build: Registered) -> None:
    """Raises PackNotHere where a pack is not the one that is registered."""
    digest = pack.certificate.digest
    if digest != build.certificate_digest:
        raise PackNotHere(
            f"the pack at {pack.folder.name} is of another build: its certificate is {digest[:12]}, "
            f"registered is {build.certificate_digest[:12]}: build the agent again, {_LANDS}"
        )
    if files_digest(pack.files) != build.pack_digest:
        raise PackNotHere(f"the {CERTIFICATE} at {pack.folder.name} names other files than the registered pack has")


def _pack_below(build: Registered, root: Path, place: str) -> RegisteredPack:
    folder = (root / place).resolve()
    if not place or "://" in place or not folder.is_relative_to(root) or folder == root:
        raise PackNotHere(f"the pack lies at {place or 'no place that is known'}, not on this machine")
    if place.startswith(f"{PUBLISHED}/") and not folder.is_dir():
        pack_zip.unfold(folder)
    try:
        found = RegisteredPack(folder, PackCertificate.load(folder))
    except (OSError, ValueError) as error:
        raise PackNotHere(f"there is no pack at {place}: build the agent again, {_LANDS}") from error
    check_registered(found, build)
    return found


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = _UNIX, _MODE
    return info
