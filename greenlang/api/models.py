"""The shapes of the registry's answers.

Belongs here: pydantic models of what the registry gives, and how they are made from its values. Does not belong here:
routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from greenlang.registry import Build, Pin, RegistryEntry, Transition


class PortModel(BaseModel):
    """An input or output. The unit "1" is dimensionless."""

    name: str
    dtype: str
    unit: str
    description: str


class Agent(BaseModel):
    """One version of an agent with the build that is in force."""

    agent_id: str
    version: str
    name: str
    summary: str
    domain: str
    state: str = Field(description="draft, experimental, certified, deprecated or retired")
    yanked: bool
    successor: str = Field("", description="of a deprecated one: what to use instead")
    flags: int = Field(0, description="pins of the build that are superseded")
    tenant: str
    tags: list[str]
    capabilities: list[str] = Field(description="names of the outputs and tags, lower case")
    units: list[str]
    regulations: list[str]
    inputs: list[PortModel]
    outputs: list[PortModel]
    spec_digest: str
    pack_digest: str
    certificate_digest: str
    factor_release: str
    score: float | None
    coverage: float | None
    tests_passed: int
    tests_total: int
    pack: str
    judgement: dict[str, Any] = Field(description="dimension -> status and score; the sandbox's profile")
    created_at: datetime | None
    built_at: datetime | None

    @classmethod
    def of(cls, entry: RegistryEntry) -> Self:
        """From the registry's value."""
        return cls.model_validate(entry.as_dict())


class AgentPage(BaseModel):
    """Agents, and the cursor of the next page."""

    items: list[Agent]
    next: str | None = Field(None, description="the cursor of the next page; null for the last")


class AgentList(BaseModel):
    """Agents, the best first."""

    items: list[Agent]

    @classmethod
    def of(cls, entries: Sequence[RegistryEntry]) -> Self:
        """From the registry's values."""
        return cls(items=[Agent.of(entry) for entry in entries])


class BuildModel(BaseModel):
    """One pack of a version."""

    pack_digest: str
    certificate_digest: str
    factor_release: str
    pack: str
    state: str
    yanked: bool
    score: float | None
    coverage: float | None
    tests_passed: int
    tests_total: int
    judgement: dict[str, Any]
    built_at: datetime
    published_by: str
    successor: str = ""
    flags: int = 0


class BuildList(BaseModel):
    """Builds, the one that came last first."""

    items: list[BuildModel]
    next: str | None = None

    @classmethod
    def of(cls, builds: Sequence[Build], following: str | None) -> Self:
        """From the registry's values."""
        return cls(items=[BuildModel.model_validate(build, from_attributes=True) for build in builds], next=following)


class TransitionModel(BaseModel):
    """One signed step in the life of a build. The statement is canonical JSON; Ed25519 over it, base64."""

    pack_digest: str
    before: str = Field(description="empty for the entry")
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


class TransitionList(BaseModel):
    """Steps, the oldest first."""

    items: list[TransitionModel]
    next: str | None = None

    @classmethod
    def of(cls, steps: Sequence[Transition], following: str | None) -> Self:
        """From the registry's values."""
        return cls(items=[TransitionModel.model_validate(step, from_attributes=True) for step in steps], next=following)


class StandingModel(BaseModel):
    """A build that had a state at a moment. `in_force`: it was the build of its version that people got.

    `since` to `evidence` are those of the promotion to the state; `flags`: pins that were superseded by then.
    """

    tenant: str
    agent_id: str
    version: str
    pack_digest: str
    state: str
    in_force: bool
    yanked: bool
    flags: int
    since: datetime | None
    kind: str
    actor: str
    reason: str
    policy: str
    evidence: dict[str, Any]
    signature: str
    key_id: str


class StandingList(BaseModel):
    """Builds, by agent and version."""

    items: list[StandingModel]
    next: str | None = None


class PinModel(BaseModel):
    """What a build's certification hangs on."""

    kind: str
    ref: str
    digest: str


class PinList(BaseModel):
    """Pins of one build, by kind and reference."""

    pack_digest: str
    items: list[PinModel]

    @classmethod
    def of(cls, digest: str, pins: Sequence[Pin]) -> Self:
        """From the registry's values."""
        return cls(pack_digest=digest, items=[PinModel(**asdict(pin)) for pin in pins])


class YankModel(BaseModel):
    """A build was taken out of what is chosen, or put back."""

    yanked: bool
    at: datetime
    actor: str
    reason: str


class DetailsModel(BaseModel):
    """What hangs on a version and its build. `needs`: agent id -> range of versions."""

    needs: dict[str, str]
    pins: list[PinModel]
    yanks: list[YankModel]


class FindingModel(BaseModel):
    """Something that is not as it should be."""

    rule: str
    place: str
    message: str
    mend: str
    severity: str
