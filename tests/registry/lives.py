"""Builds to live through: judged entries, and what brings one to a state.

Belongs here: what several tests of lifecycle, policy and decay need. Does not belong here: tests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from greenlang.quality.dimensions import DIMENSIONS
from greenlang.registry import Caller, Pin, Registry, RegistryEntry, scans
from greenlang.registry.lifecycle import Answer, Lifecycle

PASSED: dict[str, Any] = {d.name: {"status": "passed", "score": 100.0} for d in DIMENSIONS}
BOILER = "heat/boiler@1.0.0"


def scanned(days_ago: int = 0, **changes: Any) -> dict[str, Any]:
    """A security scan that found nothing, by advisories of so many days ago."""
    newest = datetime.now(UTC).date() - timedelta(days=days_ago)
    parts = {measure.name: "met" for d in DIMENSIONS if d.name == scans.DIMENSION for measure in d.measures}
    return {"parts": parts, "advisories": 3, "newest": newest.isoformat(), "found": [], **changes}


def judgement(scan: dict[str, Any] | None = None) -> dict[str, Any]:
    """What every dimension passed, with a scan."""
    held = {**PASSED[scans.DIMENSION], "scan": scanned() if scan is None else scan}
    return {**PASSED, scans.DIMENSION: held, "sandbox": "strict"}


def judged(agent_id: str = "heat/boiler", version: str = "1.0.0", pack: str = "b", **changes: Any) -> RegistryEntry:
    """An entry that every dimension passed. ``pack`` is one hexadecimal digit, repeated."""
    values: dict[str, Any] = {
        "spec_digest": "a" * 64,
        "pack_digest": pack * 64,
        "certificate_digest": "c" * 64,
        "name": "Boiler emissions",
        "summary": "CO2e of a natural gas boiler",
        "domain": "heat",
        "score": 97.5,
        "coverage": 98.25,
        "tests_passed": 60,
        "tests_total": 60,
        "factor_release": "embedded-1.0.0",
        "judgement": judgement(),
    }
    return RegistryEntry(agent_id=agent_id, version=version, **{**values, **changes})


def enter(registry: Registry, *pins: Pin, **entry: Any) -> str:
    """Register a judged build; its version and digest as a reference."""
    made = judged(**entry)
    registry.register(made, pins=pins)
    return f"{made.agent_id}@{made.version}#{made.pack_digest[:12]}"


def somebody(registry: Registry, actor: str) -> Lifecycle:
    """The lifecycle as another person of the same tenant asks for it."""
    return Lifecycle(registry.as_caller(Caller(registry.caller.tenant, actor)))


def certify(registry: Registry, ref: str) -> Answer:
    """Bring a draft to certified: by the policy, then by the fast track with two approvers."""
    life = somebody(registry, "ada")
    assert life.promote(ref, "experimental", "first").taken
    for name in ("bob", "eve"):
        somebody(registry, name).approve(ref, "certified", comment="read")
    answer = life.promote(ref, "certified", "patch", fast_track=True)
    assert answer.taken, answer.lacking
    return answer


def use(registry: Registry, ref: str, *, calls: int = 2000, errors: int = 3, users: int = 5, days_ago: int = 0) -> None:
    """Report use of a build on one day."""
    day = datetime.now(UTC).date() - timedelta(days=days_ago)
    Lifecycle(registry).record_usage(ref, day, calls, errors, [f"user {n}" for n in range(users)])
