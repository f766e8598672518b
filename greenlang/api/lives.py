"""The shapes of answers about the life of builds: decisions, steps, flags.

Belongs here: pydantic models that several routes share. Does not belong here: routes, other models (`models`).
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class CheckModel(BaseModel):
    """One criterion: what was wanted, what was found, what to do where it is not met."""

    name: str
    wanted: str
    found: str
    met: bool
    mend: str


class DecisionModel(BaseModel):
    """A policy's answer to one step."""

    to: str
    policy: str = Field(description="name@digest")
    fast_track: bool
    allowed: bool
    checks: list[CheckModel]


class FlagModel(BaseModel):
    """A pin of the build that is superseded, or was for a time: by which release, since when, until when."""

    kind: str
    ref: str
    before: str
    after: str
    release: str
    at: datetime
    until: datetime | None


class StandingDecision(DecisionModel):
    """A policy's answer today, and the open flags of the build."""

    flags: list[FlagModel]


class StepModel(BaseModel):
    """One build's step."""

    build: str
    before: str
    after: str


class AnswerModel(BaseModel):
    """What became of a request. For a trial `taken` is false and the steps are those that would be taken."""

    ref: str
    kind: str
    taken: bool
    allowed: bool
    policy: str
    in_force: str
    latest: str
    steps: list[StepModel]
    checks: list[CheckModel]
