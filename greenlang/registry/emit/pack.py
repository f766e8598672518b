"""The pack of an entry, read only where it is what was registered.

Belongs here: finding it, checking it against the entry and its certificate. Does not belong here: any form.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from greenlang.errors import GreenlangError
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, files_digest
from greenlang.registry.entry import Build, RegistryEntry
from greenlang.settings import Settings


class NotEmitted(GreenlangError, LookupError):
    """There is nothing true to say in that form: no pack of that build, or nothing certified."""


class UrlNeeded(GreenlangError, ValueError):
    """A form that names an address, and none was given, or one that is no address."""


@dataclass(frozen=True, slots=True)
class RegisteredPack:
    """A pack whose certificate is the registered one. Its files are read through `read`, which checks each."""

    folder: Path
    certificate: PackCertificate

    @property
    def files(self) -> dict[str, str]:
        """Path -> SHA-256 of every file but the certificate, as certified."""
        return dict(self.certificate.content.get("files") or {})

    def read(self, name: str) -> bytes:
        """The bytes of a certified file. Raises NotEmitted for one that is missing or was changed."""
        stated = self.files.get(name)
        if stated is None:
            raise NotEmitted(f"the certificate of {self.folder.name} names no {name}")
        path = self.folder / name
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        if data is None or bytes_digest(data) != stated:
            state = "is missing" if data is None else "was changed"
            raise NotEmitted(f"{name} of {self.folder.name} {state} since it was certified; build the agent again")
        return data


def pack_of(entry: RegistryEntry | Build, homes: Path | Sequence[Path]) -> RegisteredPack:
    """The pack of a build, below one of these folders of a factory.

    Raises NotEmitted where it is in none of them, or what is there is not the registered one.
    """
    refused: NotEmitted | None = None
    places = (entry.pack, f"builds/{entry.certificate_digest}")  # the second one's place was taken by a newer build
    for var in (homes,) if isinstance(homes, Path) else homes:
        for place in places:
            try:
                return _pack_below(entry, var.resolve(), place)
            except NotEmitted as error:
                refused = refused or error
    raise refused or NotEmitted("no folder is known in which packs lie")


def homes(settings: Settings, tenant: str) -> tuple[Path, ...]:
    """Where a tenant's packs may lie: below its own folder, what was published below that of the installation."""
    return tuple(dict.fromkeys((settings.of_tenant(tenant).var, settings.var)))


def _pack_below(entry: RegistryEntry | Build, root: Path, place: str) -> RegisteredPack:
    folder = (root / place).resolve()
    if not place or "://" in place or not folder.is_relative_to(root) or folder == root:
        raise NotEmitted(f"the pack lies at {place or 'no place that is known'}, not on this machine")
    try:
        certificate = PackCertificate.load(folder)
    except (OSError, ValueError) as error:
        raise NotEmitted(f"there is no pack at {place}: build the agent again") from error
    if certificate.digest != entry.certificate_digest:
        raise NotEmitted(
            f"the pack at {place} is of another build: its certificate is {certificate.digest[:12]}, "
            f"registered is {entry.certificate_digest[:12]}"
        )
    if files_digest(certificate.content.get("files") or {}) != entry.pack_digest:
        raise NotEmitted(f"the {CERTIFICATE} at {place} names other files than the registered pack has")
    return RegisteredPack(folder, certificate)


def address(url: str) -> str:
    """The URL, if it is one that a client can call. Raises UrlNeeded."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
        raise UrlNeeded(f"{url!r} is no address: give one as https://agents.example.org/boiler")
    return url


def line(text: str, most: int) -> str:
    """A text on one line, of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


def pretty(content: Any) -> bytes:
    """JSON as people keep it in files: indented, in the order given, with a line's end."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
