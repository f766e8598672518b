"""What the registry holds, as values.

Belongs here: the types that the registry takes and gives. Does not belong here: tables, SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")
ANY = "*"  # the range of all versions


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of an agent, in one line: name, type, unit ("1" is dimensionless), meaning."""

    name: str
    dtype: str
    unit: str = "1"
    description: str = ""


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One version of an agent with the build that is in force. What the spec says never changes within a version.

    ``state`` and what follows it are set by the registry (moments are UTC); leave them out when you register.
    """

    agent_id: str
    version: str
    spec_digest: str
    pack_digest: str
    certificate_digest: str
    name: str
    summary: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    regulations: tuple[str, ...] = ()
    score: float | None = None
    coverage: float | None = None
    tests_passed: int = 0
    tests_total: int = 0
    factor_release: str = ""
    pack: str = ""  # where the pack lies: a path below var, or an address
    judgement: Mapping[str, Any] = field(default_factory=dict)  # dimension -> status, score; and the sandbox's profile
    state: str = "draft"
    yanked: bool = False
    successor: str = ""  # of a deprecated one: what to use instead
    flags: int = 0  # pins of the build that are superseded: its certification decays (`decay`)
    tenant: str = ""
    created_at: datetime | None = None
    built_at: datetime | None = None

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """From plain values as `as_dict` gives them, moments as texts or moments; what is not known is passed over.

        Raises KeyError and TypeError where something is missing, ValueError for a moment that is none.
        """
        values = {one.name: plain[one.name] for one in fields(cls) if one.name in plain}
        for texts in ("tags", "regulations"):
            values[texts] = tuple(values[texts])
        for ports in ("inputs", "outputs"):
            values[ports] = tuple(Port(**{name: port[name] for name in Port.__slots__}) for port in values[ports])
        for moment in ("created_at", "built_at"):
            if isinstance(values.get(moment), str):
                values[moment] = datetime.fromisoformat(values[moment])
        return cls(**values)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What one can search for: the outputs' names and the tags, lower case, sorted."""
        return tuple(sorted({port.name.lower() for port in self.outputs} | {tag.lower() for tag in self.tags}))

    @property
    def units(self) -> tuple[str, ...]:
        """The units of the outputs, sorted, dimensionless ones left out."""
        return tuple(sorted({port.unit for port in self.outputs} - {"1", ""}))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, derived lists included."""
        row: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for ports in ("inputs", "outputs"):
            row[ports] = [{name: getattr(port, name) for name in Port.__slots__} for port in row[ports]]
        for moment in ("created_at", "built_at"):
            row[moment] = row[moment].isoformat() if row[moment] else None
        return {
            **row,
            "tags": list(self.tags),
            "regulations": list(self.regulations),
            "judgement": dict(self.judgement),
            "capabilities": list(self.capabilities),
            "units": list(self.units),
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """What a build's certification hangs on: a factor row, a table, a formula, a GWP set, with its digest."""

    kind: str
    ref: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """One build of an agent version: the same spec, possibly another factor release or generator.

    ``id`` is the registry's own number of it; agent id, version and pack digest name it everywhere else.
    """

    id: int
    pack_digest: str
    certificate_digest: str
    factor_release: str
    pack: str
    score: float | None
    coverage: float | None
    tests_passed: int
    tests_total: int
    judgement: Mapping[str, Any]
    built_at: datetime
    published_by: str
    state: str
    yanked: bool
    successor: str = ""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of a build, as it was signed. ``before`` is empty for its entry.

    ``statement`` is canonical JSON; it holds the evidence, and the digest of the statement before it.
    """

    pack_digest: str
    before: str
    after: str
    kind: str
    at: datetime
    actor: str
    reason: str
    policy: str
    successor: str
    statement: str
    signature: str
    key_id: str


def version_key(version: str) -> tuple[Any, ...]:
    """Sorts semantic versions by precedence (semver.org 2.0.0, section 11); anything else before them."""
    match = _SEMVER.match(version)
    if match is None:
        return (0, version)
    major, minor, patch, pre = match.groups()
    rank = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (pre or "").split(".") if part)
    return (1, int(major), int(minor), int(patch), pre is None, rank, version)
