"""Digests and certificates: what a pack is made of, and whether it still is.

Belongs here: SHA-256 of files and folders, `PackCertificate`. Does not belong here: making packs
(``greenlang.factory``), signing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang_sdk.canonical import canonical, digest

CERTIFICATE = "certificate.json"

__all__ = [
    "CERTIFICATE",
    "PackCertificate",
    "bytes_digest",
    "canonical",
    "digest",
    "file_digest",
    "files_digest",
    "tree",
]


def bytes_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file below a folder, but the certificate; sorted by path.

    A symbolic link counts as a link, not as what it points to.
    """
    found: dict[str, str] = {}
    folders = [""] if folder.is_dir() else []
    while folders:
        inside = folders.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                name = f"{inside}{entry.name}"
                if entry.is_symlink():
                    found[name] = bytes_digest(f"link to {Path(entry).readlink()}".encode())
                elif entry.is_dir():
                    folders.append(f"{name}/")
                elif entry.is_file() and name != CERTIFICATE:
                    found[name] = bytes_digest(Path(entry).read_bytes())
    return dict(sorted(found.items()))


def files_digest(files: Mapping[str, str]) -> str:
    """One digest over (path, SHA-256) pairs in the order of their paths."""
    lines = "".join(f"{digest_}  {path}\n" for path, digest_ in sorted(files.items()))
    return bytes_digest(lines.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class PackCertificate:
    """The certificate of a pack: its content, and the SHA-256 of its bytes."""

    content: dict[str, Any]
    digest: str

    @classmethod
    def load(cls, folder: Path) -> PackCertificate:
        """Read ``certificate.json``. Raises FileNotFoundError or ValueError if there is none or it is no JSON."""
        return cls.read((folder / CERTIFICATE).read_bytes())

    @classmethod
    def read(cls, data: bytes) -> PackCertificate:
        """The same of its bytes. Raises ValueError if they are no JSON."""
        content = json.loads(data)
        if not isinstance(content, dict):
            raise ValueError(f"{CERTIFICATE} holds no object")
        return cls(content, bytes_digest(data))

    @property
    def pack_digest(self) -> str:
        """The digest over all files of the pack but the certificate."""
        return str(self.content.get("pack_digest", ""))

    def verify(self, folder: Path) -> list[str]:
        """What differs between the certificate and the folder, a sentence each; empty if nothing does.

        Whether the certificate itself is the one that was registered is told by comparing ``digest``.
        """
        findings = self.compare(tree(folder))
        if (folder / CERTIFICATE).is_file() and bytes_digest((folder / CERTIFICATE).read_bytes()) != self.digest:
            findings.append(f"{CERTIFICATE} was changed")
        return sorted(findings)

    def compare(self, actual: Mapping[str, str]) -> list[str]:
        """What differs between the certificate and files with these digests (see `tree`)."""
        stated: dict[str, str] = self.content.get("files") or {}
        findings = [f"{name} is missing" for name in stated if name not in actual]
        findings += [f"{name} does not belong to the pack" for name in actual if name not in stated]
        findings += [f"{name} was changed" for name, value in stated.items() if actual.get(name, value) != value]
        if files_digest(stated) != self.pack_digest:
            findings.append(f"{CERTIFICATE}: its pack digest does not fit its own list of files")
        return sorted(findings)
