"""An agent as it is registered.

Belongs here: entries that several rooms' tests register. Does not belong here: judged builds (`lives`), packs.
"""

from __future__ import annotations

from greenlang.registry import Port, RegistryEntry

BOILER = RegistryEntry(
    agent_id="heat/boiler",
    version="1.0.0",
    spec_digest="a" * 64,
    pack_digest="b" * 64,
    certificate_digest="c" * 64,
    name="Boiler",
    summary="CO2e of a natural gas boiler",
    domain="heat",
    tags=("scope1",),
    inputs=(Port("energy", "float64", "kWh", "gas burnt"),),
    outputs=(Port("co2e_kg", "float64", "kgCO2e"),),
    score=91.5,
    coverage=98.25,
    tests_passed=12,
    tests_total=12,
    factor_release="embedded-1.1.0",
)
