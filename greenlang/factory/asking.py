"""Specs that somebody sends instead of dropping them: read, refused with every finding, or accepted at once.

Belongs here: from bytes to accepted keys. Does not belong here: what is asked of the factory with them
(`greenlang.registry.jobs`), building.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from greenlang.bucket import Bucket
from greenlang.errors import GreenlangError, RegistryConflict, SpecError
from greenlang.factory.inbox.shelf import spec_path
from greenlang.factory.intake import take_in
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry
from greenlang.registry.jobs import Wanted
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.overlay import overlay_name
from greenlang.specs.reader import read

AREAS = ("inbox", "specs")


@dataclass(frozen=True, slots=True)
class Sent:
    """A spec as it was sent: the name that its author sees in messages, its bytes, and those of its overlay."""

    name: str
    data: bytes
    overlay: bytes | None = None


class SpecsRefused(SpecError):
    """Some of the specs that were sent have errors. ``refused`` maps their places to all their findings."""

    def __init__(self, refused: dict[int, tuple[Diagnostic, ...]], names: Sequence[str]) -> None:
        first = next(iter(refused))
        errors = [d for found in refused.values() for d in found if d.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0].text(names[first])}{more}", refused[first])
        self.refused = refused


def spec_bytes(spec: str | dict[str, Any]) -> bytes:
    """The bytes of a spec that was sent as text, or as an object, whose order is kept."""
    if isinstance(spec, str):
        return spec.encode()
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True).encode()


def from_bucket(settings: Settings, path: str) -> Sent:
    """A spec that lies in the bucket, as ``inbox/boiler.yaml``, with the overlay beside it.

    Raises FileNotFoundError, and BucketError for what lies elsewhere or is no path.
    """
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in AREAS or ".." in parts or "\0" in path:
        raise UnknownPlace(f"{path!r} is no place of a spec: name it as inbox/<name>.yaml or specs/<name>.yaml")
    bucket = Bucket.open(settings.bucket_address)
    data = bucket.read(path, settings.max_spec_bytes + 1)
    beside = str(PurePosixPath(path).with_name(overlay_name(path)))
    overlay = bucket.read(beside, settings.max_spec_bytes + 1) if bucket.exists(beside) else None
    return Sent(parts[-1], data, overlay)


class UnknownPlace(GreenlangError, ValueError):
    """A path that names no spec of the bucket."""


def accept(settings: Settings, registry: Registry, sent: Sequence[Sent]) -> list[Wanted]:
    """Read all of them, and accept all of them or none: a spec that is accepted stands in ``specs/`` of the bucket.

    Raises SpecsRefused with every finding, and RegistryConflict for a version that is registered with another spec.
    """
    specs = _read(settings, sent)
    registered = registry.spec_digests()
    seen: dict[tuple[str, str], str] = {}
    for spec in specs:
        identity = (spec.agent_id, spec.version)
        known = registered.get(identity)
        if known not in (None, spec.digest):
            raise RegistryConflict(
                f"{spec.agent_id} {spec.version} is registered with another spec: give this one a new version"
            )
        if seen.setdefault(identity, spec.digest) != spec.digest:
            raise RegistryConflict(f"two different specs of {spec.agent_id} {spec.version} were sent")
    bucket = Bucket.open(settings.bucket_address)
    names: list[str] = []
    for spec, one in zip(specs, sent, strict=True):
        stem = f"{spec.agent_id.replace('/', '.')}-{secrets.token_hex(6)}"
        files = {f"{stem}.yaml": one.data}
        if one.overlay is not None:
            files[overlay_name(f"{stem}.yaml")] = one.overlay
        for name, data in files.items():
            bucket.write(f"inbox/{name}", data)
            names.append(name)
    outcomes = {str(row["key"]): str(row["outcome"]) for row in MetricsStore(settings).outcomes()}
    taken = take_in(
        bucket,
        settings,
        names,
        settle=False,
        registered=lambda agent_id, version: registered.get((agent_id, version)),
        outcome_of=outcomes.get,
    )
    own = set(names)
    for refused in taken.refused:
        if refused.name in own:
            raise RegistryConflict(f"the spec could not be accepted: {refused.reason}")
    for spec in specs:
        if not bucket.exists(spec_path(spec.partition)):
            raise RegistryConflict(f"{spec.agent_id} {spec.version} was replaced while it was accepted: send it again")
    return [Wanted(one.name, spec.partition, spec.digest) for spec, one in zip(specs, sent, strict=True)]


def _read(settings: Settings, sent: Sequence[Sent]) -> list[AgentSpec]:
    specs: list[AgentSpec] = []
    refused: dict[int, tuple[Diagnostic, ...]] = {}
    for place, one in enumerate(sent):
        name = overlay_name(one.name)
        spec, findings = read(
            one.data, one.name, overlay=one.overlay, overlay_name=name, max_bytes=settings.max_spec_bytes
        )
        if spec is None:
            refused[place] = findings
        else:
            specs.append(spec)
    if refused:
        raise SpecsRefused(refused, [one.name for one in sent])
    return specs
