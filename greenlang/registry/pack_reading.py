"""What a finished pack says of itself: its entry in the registry, and what its certification hangs on.

Read out of `pack.yaml` and the certificate, after both were checked. Belongs here: that reading. Does not belong here:
checks of bytes and signatures (`packs`), the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import greenlang
from greenlang.errors import PackError
from greenlang.factory.outcome import DimensionResult
from greenlang.provenance import PackCertificate
from greenlang.registry.entry import Pin, Port, RegistryEntry
from greenlang.registry.packs import PUBLISHED, certified, check_signature
from greenlang.sandbox.verdict import CoverageResult

_MANIFEST = "pack.yaml"
_PARAMETERS = "table://"


def read_pack(
    folder: Path, keys: Sequence[Ed25519PublicKey] | None = None, hint: str = ""
) -> tuple[RegistryEntry, tuple[Pin, ...]]:
    """The entry that a finished pack is, and what it pins, after it was checked against its certificate.

    With ``keys`` also against the envelope beside it, which one of them must have signed; ``hint`` says what to do
    where none did. Raises PackError.
    """
    certificate = certified(folder).certificate
    if keys is not None:
        check_signature(folder, keys, hint)
    try:
        manifest = yaml.load((folder / _MANIFEST).read_bytes(), Loader=yaml.CSafeLoader)
        return _entry(manifest, certificate), _pins(certificate.content)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = error if isinstance(error, ValueError) else repr(error)
        raise PackError(f"{folder.name} cannot be read as a pack of this greenlang: {said}") from error


def _entry(manifest: Mapping[str, Any], certificate: PackCertificate) -> RegistryEntry:
    from greenlang.quality.judge import overall

    said = certificate.content
    agent_id, version = said["agent"]["id"], said["agent"]["version"]
    if (manifest["id"], manifest["version"]) != (agent_id, version):
        raise ValueError(f"{_MANIFEST} and the certificate name two agents")
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
    """The formulas of the library that outputs are computed by; another greenlang's are not known here."""
    if said["engine"]["greenlang"] != greenlang.__version__:
        return []
    from greenlang.formulas.library import library

    known = library()
    named = sorted({one["formula_id"] for one in said["outputs"] if one["formula_id"]})
    return [Pin("formula", name, formula.digest) for name in named if (formula := known.get(name)) is not None]
