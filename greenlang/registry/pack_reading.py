"""What a finished pack says of itself: its entry in the registry, and what its certification hangs on.

Read out of `pack.yaml` and the certificate, after both were checked. Belongs here: that reading. Does not belong here:
checks of bytes and signatures (`packs`), the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import greenlang
from greenlang.errors import PackError
from greenlang.factory.attest import compare
from greenlang.factory.outcome import DimensionResult
from greenlang.provenance import CERTIFICATE, PackCertificate
from greenlang.registry.entry import Pin, Port, RegistryEntry
from greenlang.registry.pack_zip import MANIFEST, ZippedPack
from greenlang.registry.packs import PUBLISHED, certified, check_signature, refuse_unsigned
from greenlang.sandbox.verdict import CoverageResult

_PARAMETERS = "table://"


class Brought(NamedTuple):
    """What a finished pack says. ``needs``: agent id -> range of versions."""

    entry: RegistryEntry
    pins: tuple[Pin, ...]
    needs: dict[str, str]


def read_pack(folder: Path, keys: Sequence[Ed25519PublicKey] | None = None, hint: str = "") -> Brought:
    """The entry that a finished pack is, what it pins and needs, after it was checked against its certificate.

    With ``keys`` also against the envelope beside it, which one of them must have signed; ``hint`` says what to do
    where none did. Raises PackError.
    """
    certificate = certified(folder).certificate
    if keys is not None:
        check_signature(folder, keys, hint)
    path = folder / MANIFEST
    return _read(folder.name, path.read_bytes() if path.is_file() else None, certificate)


def read_zip(zipped: ZippedPack, keys: Sequence[Ed25519PublicKey], hint: str = "") -> Brought:
    """The same of a pack in a zip, signed by one of the keys. Raises PackError."""
    if zipped.certificate is None:
        raise PackError(f"{zipped.name} is no finished pack: it has no {CERTIFICATE}")
    try:
        certificate = PackCertificate.read(zipped.certificate)
        findings = certificate.compare(zipped.digests)
    except (ValueError, AttributeError, TypeError) as error:
        raise PackError(f"{zipped.name} has no certificate that can be read: {error}") from error
    if findings:
        raise PackError(f"{zipped.name} is not as it was certified: {'; '.join(findings[:5])}")
    actual = zipped.digests | {CERTIFICATE: certificate.digest}
    refuse_unsigned([compare(actual, zipped.envelope, key) for key in keys], hint)
    return _read(zipped.name, zipped.manifest, certificate)


def _read(name: str, data: bytes | None, certificate: PackCertificate) -> Brought:
    try:
        if data is None:
            raise ValueError(f"it has no {MANIFEST}")
        manifest = yaml.load(data, Loader=yaml.CSafeLoader)
        needs = {str(agent): str(versions) for agent, versions in manifest.get("needs", {}).items()}
        return Brought(_entry(manifest, certificate), _pins(certificate.content), needs)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = error if isinstance(error, ValueError) else repr(error)
        raise PackError(f"{name} cannot be read as a pack of this greenlang: {said}") from error


def _entry(manifest: Mapping[str, Any], certificate: PackCertificate) -> RegistryEntry:
    from greenlang.quality.judge import overall

    said = certificate.content
    agent_id, version = said["agent"]["id"], said["agent"]["version"]
    if (manifest["id"], manifest["version"]) != (agent_id, version):
        raise ValueError(f"{MANIFEST} and the certificate name two agents")
    compute = manifest["compute"]
    parts: Mapping[str, Any] = compute.get("tools") or {"": compute}
    judged = [
        DimensionResult(
            name=d["name"],
            title=d["name"],
            status=d["status"],
            score=None if d["score"] is None else float(d["score"]),
            threshold=float(d["threshold"]),
            weight=float(d["weight"]),
            required=d["required"],
            evidence="certificate.json",
        )
        for d in said["quality"]
    ]
    measured = said["tests"]["coverage"]
    return RegistryEntry(
        agent_id=agent_id,
        version=version,
        spec_digest=said["spec"]["sha256"],
        pack_digest=certificate.pack_digest,
        certificate_digest=certificate.digest,
        name=manifest["name"],
        summary=manifest["summary"],
        domain=agent_id.partition("/")[0],
        tags=tuple(manifest["tags"]),
        regulations=tuple(manifest.get("regulations", ())),
        inputs=_ports(parts, "inputs"),
        outputs=_ports(parts, "outputs"),
        score=overall(judged)[0],
        coverage=CoverageResult(*measured["lines"], *measured["branches"]).percent if measured else None,
        tests_passed=said["tests"]["passed"],
        tests_total=said["tests"]["total"],
        factor_release=said["factors"]["release"],
        pack=f"{PUBLISHED}/{certificate.digest}",
        judgement={d.name: {"status": d.status, "score": d.score} for d in judged}
        | {"sandbox": said.get("sandbox", {}).get("profile", "strict")},
    )


def _ports(parts: Mapping[str, Any], side: str) -> tuple[Port, ...]:
    return tuple(
        Port(f"{part}.{name}" if part else name, one["dtype"], one["unit"], one.get("description", ""))
        for part, content in parts.items()
        for name, one in content[side].items()
    )


def _pins(said: Mapping[str, Any]) -> tuple[Pin, ...]:
    rows = (
        Pin("parameter", row["key"], row["digest"])
        if row["key"].startswith(_PARAMETERS)
        else Pin("factor", f"ef://{row['key']}", row["digest"])
        for row in said["factors"]["rows"]
    )
    return (*rows, *_formulas(said))


def _formulas(said: Mapping[str, Any]) -> list[Pin]:
    """The formulas of the library that outputs are computed by.

    Certificates of before name them without digests: of those, what this very version of greenlang made is known.
    """
    stated = said.get("formulas", {})
    named = sorted({one["formula_id"] for one in said["outputs"] if one["formula_id"]})
    if all(name in stated for name in named):
        return [Pin("formula", name, stated[name]) for name in named]
    if said["engine"]["greenlang"] != greenlang.__version__:
        return []
    from greenlang.formulas.library import library

    known = library()
    return [Pin("formula", name, formula.digest) for name in named if (formula := known.get(name)) is not None]
