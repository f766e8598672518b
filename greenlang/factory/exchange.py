"""Finished packs into the registry and out of it: pushed by somebody, pulled to a folder; every byte checked.

What an entry says is read out of the pack: `pack.yaml` and the certificate.

Belongs here: those two ways. Does not belong here: making packs (`pack`), what the registry does with an entry
(`greenlang.registry`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from greenlang.errors import PackError, RegistryConflict
from greenlang.factory import attest
from greenlang.factory.export import Pack
from greenlang.factory.outcome import DimensionResult
from greenlang.provenance import PackCertificate
from greenlang.quality.judge import overall
from greenlang.registry.entry import Build, Pin, Port, RegistryEntry
from greenlang.sandbox.verdict import CoverageResult
from greenlang.specs.model import slug

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from greenlang.registry.store import Registered, Registry

_PARAMETERS = "table://"


def read_pack(folder: Path, key: Ed25519PublicKey | None = None) -> tuple[RegistryEntry, tuple[Pin, ...]]:
    """The entry that a finished pack is, and what it pins, after it was checked against its certificate.

    With ``key`` also against the signed envelope beside it. Raises PackError for what is no finished pack, or is not as
    it was certified or signed. Formulas are no pins here: the certificate names them without their digests.
    """
    Pack.open(folder)
    if key is not None:
        _check_signature(folder, key)
    certificate = PackCertificate.load(folder)
    try:
        manifest = yaml.safe_load((folder / "pack.yaml").read_bytes())
        return _entry(manifest, certificate), _pins(certificate.content)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PackError(f"{folder} cannot be read as a pack of this greenlang: {error!r}") from error


def push(
    registry: Registry, folder: Path, var: Path, *, key: Ed25519PublicKey | None = None, dry_run: bool = False
) -> tuple[RegistryEntry, Registered | None]:
    """Publish a finished pack and keep a copy of it below ``var``; the entry, and what became of it.

    Raises PackError as `read_pack`, RegistryConflict where that version stands with other bytes.
    """
    entry, pins = read_pack(folder, key)
    target = var / entry.pack
    if dry_run:
        return entry, None
    if folder.resolve() == target.resolve():  # it lies there already
        return entry, registry.publish(entry, pins=pins)
    new = target.with_name(f".{target.name}.push")
    shutil.rmtree(new, ignore_errors=True)
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(folder, new, symlinks=True)
        Pack.open(new)  # the copy is what is registered
        if (target / "certificate.json").is_file() and PackCertificate.load(target).pack_digest != entry.pack_digest:
            raise RegistryConflict(f"another pack of {entry.agent_id} {entry.version} lies at {entry.pack}: it stays")
        done = registry.publish(entry, pins=pins)
        if target.exists():
            shutil.rmtree(target)  # the same bytes, or what is left of them
        new.rename(target)
        if attest.envelope_path(folder).is_file():
            shutil.copyfile(attest.envelope_path(folder), attest.envelope_path(target))
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return entry, done


def pull(build: RegistryEntry | Build, var: Path, target: Path, key: Ed25519PublicKey | None = None) -> Path:
    """Copy the pack of a build from below ``var`` to a folder that is not there yet, with its envelope.

    Raises PackError where there is no such pack, where it is not the registered one or is not as certified, and where
    the folder exists.
    """
    source = (var / build.pack).resolve()
    if not build.pack or not source.is_relative_to(var.resolve()) or not source.is_dir():
        raise PackError(f"the pack {build.pack or 'of this build'} does not lie on this machine")
    if target.exists():
        raise PackError(f"{target} exists: name a folder that does not")
    if key is not None:
        _check_signature(source, key)
    new = target.with_name(f".{target.name}.pull")
    shutil.rmtree(new, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, new, symlinks=True)
        Pack.open(new)
        found = PackCertificate.load(new)
        if (found.pack_digest, found.digest) != (build.pack_digest, build.certificate_digest):
            raise PackError(
                f"{build.pack} holds the pack {found.pack_digest[:12]}, registered is {build.pack_digest[:12]}: a "
                "later build took its place; build that one again, or pull the newest"
            )
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if attest.envelope_path(source).is_file():
        shutil.copyfile(attest.envelope_path(source), attest.envelope_path(target))
    return target


def _check_signature(folder: Path, key: Ed25519PublicKey) -> None:
    envelope = attest.envelope_path(folder)
    if not envelope.is_file():
        raise PackError(f"{folder} is not signed: {envelope.name} is not beside it")
    if findings := attest.verify(folder, envelope.read_bytes(), key):
        raise PackError(f"{folder} is not as it was signed: {'; '.join(findings[:3])}")


def _entry(manifest: Mapping[str, Any], certificate: PackCertificate) -> RegistryEntry:
    said = certificate.content
    agent_id, version, spec = said["agent"]["id"], said["agent"]["version"], said["spec"]["sha256"]
    if (manifest["id"], manifest["version"]) != (agent_id, version):
        raise ValueError("pack.yaml and the certificate name two agents")
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
        spec_digest=spec,
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
        pack=f"packs/{slug(f'{agent_id}@{version}-{spec[:8]}')}",
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
    return tuple(
        Pin("parameter", row["key"], row["digest"])
        if row["key"].startswith(_PARAMETERS)
        else Pin("factor", f"ef://{row['key']}", row["digest"])
        for row in said["factors"]["rows"]
    )
