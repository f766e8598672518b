"""The registry: which agent versions exist, with their digests, builds and lifecycle state.

Belongs here: entries, their storage through SQLAlchemy, search. Does not belong here: building agents,
HTTP, printing.
"""

from __future__ import annotations

from greenlang.errors import RegistryError
from greenlang.registry.caller import LOCAL, PUBLIC, Caller
from greenlang.registry.entering import Registered
from greenlang.registry.entry import Build, Pin, Port, RegistryEntry, Transition
from greenlang.registry.store import Registry

__all__ = [
    "LOCAL",
    "PUBLIC",
    "Build",
    "Caller",
    "Pin",
    "Port",
    "Registered",
    "Registry",
    "RegistryEntry",
    "RegistryError",
    "Transition",
]
