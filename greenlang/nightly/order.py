"""Whose agents come first in a night.

Belongs here: priorities of tenants. Does not belong here: who the tenants are (``greenlang.registry.tenants``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from greenlang.errors import SettingsError
from greenlang.registry.caller import DEFAULT_TENANT

USUAL = 50
MOST = 100
_ONE = re.compile(r"([a-z0-9][a-z0-9-]*)\s*=\s*(\d{1,3})")


def priorities(text: str) -> dict[str, int]:
    """Tenant -> priority, from ``acme=90, beta=10``: 0 to 100, high first. Raises SettingsError."""
    found: dict[str, int] = {}
    for part in text.split(","):
        one = part.strip()
        if not one:
            continue
        match = _ONE.fullmatch(one)
        if match is None or int(match[2]) > MOST:
            raise SettingsError(
                f"GREENLANG_NIGHTLY_PRIORITIES: {one!r} is no priority; write `tenant=90`, 0 to {MOST}, high first"
            )
        if match[1] in found:
            raise SettingsError(f"GREENLANG_NIGHTLY_PRIORITIES: {match[1]} is named twice")
        found[match[1]] = int(match[2])
    return found


def in_order(tenants: Iterable[str], given: Mapping[str, int]) -> list[tuple[str, int]]:
    """Tenants with their priorities, high first; of equals by name, and the tenant ``default`` last."""
    ranked = [(tenant, given.get(tenant, USUAL)) for tenant in tenants]
    return sorted(ranked, key=lambda one: (-one[1], one[0] == DEFAULT_TENANT, one[0]))


def run_priority(priority: int) -> int:
    """Dagster's priority of a night's run: below 0, which is that of what somebody waits for by day."""
    return priority - MOST - 1
