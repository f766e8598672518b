"""Names of a pack: import package, wheel, version, Kubernetes objects, modules of its parts.

Belongs here: names that must be legal somewhere else, and different where the ids differ. Does not belong here: names
inside generated code (``identifiers``).
"""

from __future__ import annotations

import hashlib
import re
import sys

from greenlang.factory.identifiers import identifier
from greenlang.specs.model import AgentSpec

_LABEL = 63  # RFC 1123, what Kubernetes allows for the name of a Service


def package_name(spec: AgentSpec) -> str:
    """The import name of an agent: ``gl_`` and its id.

    ``emissions/carbon_calculator_v1`` is ``gl_emissions_carbon_calculator_v1``. An id from which the name could not be
    read back (a hyphen, a second slash, an underscore in the domain) gets six digits of its own digest, so that two
    ids never share a name.
    """
    name = "gl_" + re.sub(r"\W", "_", spec.agent_id, flags=re.ASCII).lower()
    if not re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+", spec.agent_id):
        name += "_" + _digest(spec.agent_id)
    return f"{name}_" if name in sys.stdlib_module_names else name


def distribution_name(spec: AgentSpec) -> str:
    """The name of the agent's wheel."""
    return re.sub(r"_+", "-", package_name(spec)).strip("-")


def service_name(spec: AgentSpec) -> str:
    """The name of the agent's Kubernetes objects: the wheel's, cut to 55 letters and a digest where it is longer.

    Room is left for what Kubernetes appends.
    """
    name = distribution_name(spec)
    return name if len(name) <= _LABEL - 8 else f"{name[: _LABEL - 16].rstrip('-')}-{_digest(name)}"


def wheel_version(version: str) -> str:
    """The spec's version as a wheel's version."""
    from flit_core.versionno import VERSION_PERMISSIVE, normalise_version

    if VERSION_PERMISSIVE.match(version):
        return str(normalise_version(version))
    numbers = re.match(r"\d+(\.\d+)*", version)
    rest = re.sub(r"[^a-z0-9]+", ".", version[numbers.end() if numbers else 0 :].lower()).strip(".")
    return f"{numbers[0] if numbers else '0'}+{rest or 'unknown'}"


def image_tag(version: str) -> str:
    """The spec's version as the tag of an image and the value of a label."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", version)[:_LABEL].strip("-_.") or "0"


def part_modules(names: list[str]) -> list[str]:
    """Module names for the parts of an agent, in their order, all different whatever the case of the file system."""
    taken: list[str] = []
    for name in names:
        taken.append(identifier(name.lower(), taken))
    return taken


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
