"""What the registry holds, as values.

Belongs here: the types that the registry takes and gives. Does not belong here: tables, SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of an agent, in one line: name, type, unit ("1" is dimensionless), meaning."""

    name: str
    dtype: str
    unit: str = "1"
    description: str = ""


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One version of an agent with its newest build. What the spec says never changes within a version.

    ``created_at`` and ``built_at`` are UTC and set by the registry; leave them None when you register.
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
    score: float | None = None
    coverage: float | None = None
    tests_passed: int = 0
    tests_total: int = 0
    factor_release: str = ""
    pack: str = ""  # where the pack lies: a path below var, or an address
    state: str = "draft"
    created_at: datetime | None = None
    built_at: datetime | None = None

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
        row: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for ports in ("inputs", "outputs"):
            row[ports] = [{name: getattr(port, name) for name in Port.__slots__} for port in row[ports]]
        for moment in ("created_at", "built_at"):
            row[moment] = row[moment].isoformat() if row[moment] else None
        return {
            **row,
            "tags": list(self.tags),
            "capabilities": list(self.capabilities),
            "units": list(self.units),
        }


@dataclass(frozen=True, slots=True)
class Build:
    """One build of an agent version: the same spec, possibly another factor release or generator."""

    pack_digest: str
    certificate_digest: str
    factor_release: str
    pack: str
    score: float | None
    coverage: float | None
    tests_passed: int
    tests_total: int
    built_at: datetime


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of an agent version. ``before`` is empty for its entry."""

    before: str
    after: str
    at: datetime
    reason: str


def version_key(version: str) -> tuple[Any, ...]:
    """Sorts semantic versions by precedence (semver.org 2.0.0, section 11); anything else before them."""
    match = _SEMVER.match(version)
    if match is None:
        return (0, version)
    major, minor, patch, pre = match.groups()
    rank = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (pre or "").split(".") if part)
    return (1, int(major), int(minor), int(patch), pre is None, rank, version)
