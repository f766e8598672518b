"""How well an instance does, as a number from 0 to 1, by a written rule.

The score is the least of three: what its last heartbeat says of errors, of latency, and how old that heartbeat is. An
instance that was never heard of has no score: unknown is not healthy.

    errors     1 up to 1 % of the calls (the error rate that promotion asks for), falling to 0 at 10 %
    latency    1 while the 95th percentile is at most its target, else target / measured
    age        1 for a minute, falling to 0 at five minutes

Belongs here: the rule. Does not belong here: storing heartbeats, choosing instances (`discovery`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from greenlang.errors import DiscoveryError

Status = Literal["healthy", "degraded", "down", "unknown"]
HEALTHY = 0.8  # 001, 4.1: the least score that `discover` asks for
FRESH, GONE = timedelta(minutes=1), timedelta(minutes=5)
METRICS = ("calls", "errors", "latency_p95_ms", "latency_target_ms")
_TARGET_MS = 500.0  # 002, "Latency P95": the target where a heartbeat names no other
_FEW_ERRORS, _MANY_ERRORS = 0.01, 0.1


@dataclass(frozen=True, slots=True)
class Health:
    """How well something does now. ``score`` is None where nobody has heard of it; ``reason`` is what lowers it."""

    score: float | None
    reason: str = ""

    @property
    def status(self) -> Status:
        """In one word."""
        if self.score is None:
            return "unknown"
        return "healthy" if self.score >= HEALTHY else "degraded" if self.score > 0 else "down"


UNKNOWN = Health(None, "no heartbeat")


def checked(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a heartbeat as numbers. Raises DiscoveryError for unknown names and figures that cannot be."""
    unknown = sorted(metrics.keys() - set(METRICS))
    if unknown:
        raise DiscoveryError(f"a heartbeat has no metric {', '.join(unknown)}; it has {', '.join(METRICS)}")
    found = {name: float(metrics[name]) for name in METRICS if name in metrics}
    wrong = [name for name, value in found.items() if not math.isfinite(value) or value < 0]
    if wrong:
        raise DiscoveryError(f"{', '.join(wrong)} of a heartbeat must be finite and not negative")
    if found.get("latency_target_ms") == 0:
        raise DiscoveryError("latency_target_ms of a heartbeat must be more than 0")
    if found.get("errors", 0.0) > found.get("calls", 0.0):
        raise DiscoveryError("a heartbeat cannot tell of more errors than calls")
    return found


def by_metrics(metrics: Mapping[str, float]) -> Health:
    """What a heartbeat with these (checked) metrics says by itself. What it does not tell of does not lower it."""
    calls, measured = metrics.get("calls", 0.0), metrics.get("latency_p95_ms", 0.0)
    rate = metrics.get("errors", 0.0) / calls if calls else 0.0
    target = metrics.get("latency_target_ms", _TARGET_MS)
    return _least(
        Health(_falling(rate, _FEW_ERRORS, _MANY_ERRORS), f"{rate:.1%} of {calls:g} calls failed"),
        Health(min(1.0, target / measured) if measured else 1.0, f"p95 of {measured:g} ms, target {target:g} ms"),
    )


def at(standing: Health, seen: datetime, now: datetime) -> Health:
    """What is left of it when the heartbeat has aged."""
    age = now - seen
    seconds = max(0.0, age.total_seconds())
    fresh = _falling(seconds, FRESH.total_seconds(), GONE.total_seconds())
    return _least(standing, Health(fresh, f"last heartbeat {seconds:.0f} s ago"))


def oldest(score: float, now: datetime) -> datetime:
    """The earliest heartbeat with which that score is still possible."""
    return now - FRESH - (GONE - FRESH) * (1 - score)


def _falling(value: float, good: float, bad: float) -> float:
    return min(1.0, max(0.0, (bad - value) / (bad - good)))


def _least(*found: Health) -> Health:
    least = min(found, key=lambda health: health.score or 0.0)
    return Health(1.0) if least.score == 1.0 else least
