"""A detached statement on a pack: in-toto, in a DSSE envelope, signed with a key of this factory.

The statement names every file of the pack with its SHA-256, the certificate among them, and repeats what the
certificate says of agent, spec and factors. It holds no time and Ed25519 takes no chance, so the same pack and key give
the same bytes. It lies beside the pack, ``<pack>.dsse.json``, and is no part of the pack's digest.

Belongs here: statements, envelopes, the local key. Does not belong here: certificates (``pack``), trust: whoever
verifies brings the public key.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factors.storage import replace_file
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, canonical, tree

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:greenlang:pack:1"
PRIVATE = "signing-key.pem"
PUBLIC = "signing-key.pub.pem"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified envelope says: the statement, and the SHA-256 of the key that signed it."""

    statement: dict[str, Any]
    key_id: str


def envelope_path(pack: Path) -> Path:
    """Where the envelope of a pack lies."""
    return pack.with_name(f"{pack.name}.dsse.json")


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


def statement(pack: Path) -> dict[str, Any]:
    """The in-toto statement on a finished pack."""
    certificate = PackCertificate.load(pack)
    content = certificate.content
    files = tree(pack) | {CERTIFICATE: certificate.digest}
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": value}} for name, value in sorted(files.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "agent": content["agent"],
            "spec": content["spec"],
            "engine": content["engine"],
            "factorRelease": content["factors"]["release"],
            "packDigest": certificate.pack_digest,
            "certificateDigest": certificate.digest,
        },
    }


def sign(pack: Path, key: Ed25519PrivateKey) -> bytes:
    """The bytes of the envelope."""
    payload = canonical(statement(pack))
    signature = key.sign(_authenticated(PAYLOAD_TYPE, payload))
    return canonical(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
        }
    )


def sign_pack(pack: Path, keys: Path) -> Path:
    """Write the envelope beside the pack; nothing happens if it is there already. ``keys`` is the key's folder."""
    path = envelope_path(pack)
    data = sign(pack, signing_key(keys))
    if not path.is_file() or path.read_bytes() != data:
        replace_file(path, partial(_write, data=data))
    return path


def verify(pack: Path, envelope: bytes, key: Ed25519PublicKey) -> list[str]:
    """What is wrong with a pack and its envelope, a sentence each; empty if nothing is."""
    try:
        signed = opened(envelope, key)
    except PackError as error:
        return [str(error)]
    stated = {s["name"]: s["digest"]["sha256"] for s in signed.statement["subject"]}
    actual = tree(pack)
    if (pack / CERTIFICATE).is_file():
        actual[CERTIFICATE] = bytes_digest((pack / CERTIFICATE).read_bytes())
    findings = [f"{name} is signed and missing" for name in stated if name not in actual]
    findings += [f"{name} is not signed" for name in actual if name not in stated]
    findings += [f"{name} is not what was signed" for name, value in stated.items() if actual.get(name, value) != value]
    return sorted(findings)


def opened(envelope: bytes, key: Ed25519PublicKey) -> Signed:
    """The statement of an envelope that this key signed. Raises PackError."""
    try:
        content = json.loads(envelope)
        kind, payload = content["payloadType"], base64.b64decode(content["payload"], validate=True)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in content["signatures"]]
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"this is no DSSE envelope: {error}") from error
    if kind != PAYLOAD_TYPE:
        raise PackError(f"the envelope holds {kind}, no in-toto statement")
    if not any(_fits(key, signature, _authenticated(kind, payload)) for signature in signatures):
        raise PackError("no signature of the envelope is of this key")
    statement_ = json.loads(payload)
    if statement_.get("_type") != STATEMENT or statement_.get("predicateType") != PREDICATE:
        raise PackError("the envelope's statement is not about a pack")
    return Signed(statement_, key_id(key))


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A public key in PEM. Raises PackError if it is none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise PackError(f"{path} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PackError(f"{path} is no Ed25519 key")
    return key


def _fits(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _authenticated(kind: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature is over (DSSE 1.0, pre-authentication encoding)."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
