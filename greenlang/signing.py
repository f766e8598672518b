"""The key that this factory signs with, and public keys to verify by: Ed25519.

Belongs here: making, keeping and reading keys, signatures over bytes. Does not belong here: what is signed
(`greenlang.factory.attest` for packs, `greenlang.registry.steps` for the life of agents), trust: whoever verifies
brings the public key.
"""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factors.storage import replace_file
from greenlang.provenance import bytes_digest

PRIVATE = "signing-key.pem"
PUBLIC = "signing-key.pub.pem"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in base64, and the SHA-256 of the public key that it is checked by."""

    signature: str
    key_id: str


class Signer:
    """Signs with the key of a folder; the key is read, or made, when something is signed for the first time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _key(self) -> tuple[Ed25519PrivateKey, str]:
        key = signing_key(self.folder)
        return key, key_id(key.public_key())

    def sign(self, data: bytes) -> Signature:
        """The signature over these bytes. Raises PackError if the key cannot be used."""
        key, name = self._key
        return Signature(base64.b64encode(key.sign(data)).decode(), name)


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key of this factory, made on first use, readable by its owner only; the public half lies beside it.

    Two processes that make it at once end with the same one. Raises PackError if others may read it.
    """
    path = folder / PRIVATE
    if not path.exists():
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise PackError(f"{path} may be read by others; `chmod 600` it, or remove it and sign anew")
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise PackError(f"{path} is no Ed25519 key")
    public = folder / PUBLIC
    if not public.exists():
        replace_file(public, partial(_write, data=_pem(key.public_key())))
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    with contextlib.suppress(FileExistsError):  # another process was first: its key counts
        os.link(fresh, path)
    fresh.unlink()


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key."""
    return bytes_digest(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A public key in PEM. Raises PackError if it is none."""
    return public_key(path.read_bytes(), str(path))


def public_key(data: bytes, name: str) -> Ed25519PublicKey:
    """The same of its bytes; ``name`` is what the error calls them."""
    try:
        key = serialization.load_pem_public_key(data)
    except ValueError as error:
        raise PackError(f"{name} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PackError(f"{name} is no Ed25519 key")
    return key


def fits(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the key signed these bytes."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
