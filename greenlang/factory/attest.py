"""A detached statement on a pack: in-toto, in a DSSE envelope, signed with a key of this factory.

The statement names every file of the pack with its SHA-256, the certificate among them, and repeats what the
certificate says of agent, spec and factors. It holds no time and Ed25519 takes no chance, so the same pack and key give
the same bytes. It lies beside the pack, ``<pack>.dsse.json``, and is no part of the pack's digest.

Belongs here: statements, envelopes. Does not belong here: certificates (``pack``), keys (`greenlang.signing`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from greenlang.errors import PackError
from greenlang.factors.storage import replace_file
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, canonical, tree
from greenlang.signing import fits, key_id, signing_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:greenlang:pack:1"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified envelope says: the statement, and the SHA-256 of the key that signed it."""

    statement: dict[str, Any]
    key_id: str


def envelope_path(pack: Path) -> Path:
    """Where the envelope of a pack lies."""
    return pack.with_name(f"{pack.name}.dsse.json")


def subjects(pack: Path) -> list[dict[str, Any]]:
    """Every file of a finished pack as an in-toto subject, the certificate among them, by name."""
    files = tree(pack) | {CERTIFICATE: bytes_digest((pack / CERTIFICATE).read_bytes())}
    return [{"name": name, "digest": {"sha256": value}} for name, value in sorted(files.items())]


def statement(pack: Path) -> dict[str, Any]:
    """The in-toto statement on a finished pack."""
    certificate = PackCertificate.load(pack)
    content = certificate.content
    return {
        "_type": STATEMENT,
        "subject": subjects(pack),
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
    return enveloped(statement(pack), key)


def enveloped(content: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """An in-toto statement in a DSSE envelope, signed."""
    payload = canonical(content)
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


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)


def verify(pack: Path, envelope: bytes, key: Ed25519PublicKey) -> list[str]:
    """What is wrong with a pack and its envelope, a sentence each; empty if nothing is."""
    actual = tree(pack)
    if (pack / CERTIFICATE).is_file():
        actual[CERTIFICATE] = bytes_digest((pack / CERTIFICATE).read_bytes())
    return compare(actual, envelope, key)


def compare(actual: Mapping[str, str], envelope: bytes, key: Ed25519PublicKey) -> list[str]:
    """The same for files with these digests, the certificate among them."""
    try:
        signed = opened(envelope, key)
    except PackError as error:
        return [str(error)]
    stated = {s["name"]: s["digest"]["sha256"] for s in signed.statement["subject"]}
    findings = [f"{name} is signed and missing" for name in stated if name not in actual]
    findings += [f"{name} is not signed" for name in actual if name not in stated]
    findings += [f"{name} is not what was signed" for name, value in stated.items() if actual.get(name, value) != value]
    return sorted(findings)


def opened(envelope: bytes, key: Ed25519PublicKey, predicate: str = PREDICATE) -> Signed:
    """The statement of an envelope that this key signed, with a predicate of that type. Raises PackError."""
    try:
        content = json.loads(envelope)
        kind, payload = content["payloadType"], base64.b64decode(content["payload"], validate=True)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in content["signatures"]]
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"this is no DSSE envelope: {error}") from error
    if kind != PAYLOAD_TYPE:
        raise PackError(f"the envelope holds {kind}, no in-toto statement")
    if not any(fits(key, signature, _authenticated(kind, payload)) for signature in signatures):
        raise PackError("no signature of the envelope is of this key")
    statement_ = json.loads(payload)
    if statement_.get("_type") != STATEMENT or statement_.get("predicateType") != predicate:
        raise PackError(f"the envelope's statement is no {predicate}")
    return Signed(statement_, key_id(key))


def _authenticated(kind: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature is over (DSSE 1.0, pre-authentication encoding)."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
