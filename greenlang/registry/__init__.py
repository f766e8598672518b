"""The registry: which agent versions exist, with their digests, builds and lifecycle state.

Belongs here: entries, their storage through SQLAlchemy, search. Does not belong here: building agents,
HTTP, printing.
"""

from __future__ import annotations

from greenlang.registry.entry import Build, Port, RegistryEntry, Transition
from greenlang.registry.store import Registered, Registry, RegistryError

__all__ = ["Build", "Port", "Registered", "Registry", "RegistryEntry", "RegistryError", "Transition"]
