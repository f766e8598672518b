"""What the registry's entry of an agent takes from its spec.

A worker has read the spec and tells this with the pack, so that whoever enters the agent need not read it again.

Belongs here: taking it. Does not belong here: entering (`greenlang.factory.line`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenlang.specs.model import AgentSpec


@dataclass(frozen=True, slots=True)
class Described:
    """The words, ports and needs of a spec. A port is name, type, unit and meaning; one of several tools is named
    ``tool.port``.
    """

    name: str
    summary: str
    domain: str
    tags: tuple[str, ...]
    regulations: tuple[str, ...]
    inputs: tuple[tuple[str, str, str, str], ...]
    outputs: tuple[tuple[str, str, str, str], ...]
    needs: Mapping[str, str]

    @classmethod
    def of(cls, spec: AgentSpec) -> Described:
        """Those of this spec."""
        ports = [
            tuple(
                (f"{one.part}.{p.name}" if spec.parts else p.name, p.dtype, p.unit, p.description)
                for one in spec.parts or (spec,)
                for p in (one.outputs if outputs else one.inputs).values()
            )
            for outputs in (False, True)
        ]
        words = (spec.name, spec.summary, spec.domain, spec.tags, spec.regulations)
        return cls(*words, inputs=ports[0], outputs=ports[1], needs=dict(spec.needs))
