"""The life of builds: asking for a step, approving, use, and what was in force when.

Belongs here: thin handlers over `greenlang.registry.lifecycle`. Does not belong here: criteria, steps.

`id@version` means the build of that version that is in force; with a digest, that build. What a policy or the ladder
refuses is a problem of status 409 with the answer, check by check.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from greenlang.api.caching import quiet
from greenlang.api.lives import AnswerModel, DecisionModel, StandingDecision
from greenlang.api.models import FindingModel
from greenlang.api.naming import Ref, Text, Words
from greenlang.api.preconditions import AsSeen
from greenlang.api.principal import Store, need
from greenlang.api.problems import Problem, documented
from greenlang.api.written import written
from greenlang.registry.lifecycle import Answer, Lifecycle
from greenlang.registry.usage import Report, reports

router = APIRouter(prefix="/api/v1/registry", tags=["lifecycle"], responses=documented(404))

Promotion = Literal["experimental", "certified"]
Environment = Literal["dev", "staging", "production"]
Reason = Annotated[Words, Field(min_length=1)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Promote(BaseModel):
    """A step up. `fast_track` takes the criteria for critical patches, with their approvers."""

    to: Promotion
    reason: Reason
    fast_track: bool = False
    dry_run: bool = False


class Approve(BaseModel):
    """Somebody's word on a step; the newest of each person counts."""

    to: Promotion
    comment: Reason
    approved: bool = True
    dry_run: bool = False


class Deprecate(BaseModel):
    """What to use instead: `id@1.3.0`, `id@>=1.3,<2`, or nothing."""

    successor: Text = ""
    reason: Reason
    dry_run: bool = False


class Because(BaseModel):
    """Why."""

    reason: Reason
    dry_run: bool = False


class Usage(BaseModel):
    """Calls and errors of a day, and who called; of users a digest is kept."""

    day: date
    calls: Count
    errors: Count = 0
    users: Annotated[list[Text], Field(max_length=10_000)] = []
    dry_run: bool = False


class Recorded(BaseModel):
    """Whether it was added to what is known of that day: not for a trial."""

    recorded: bool = True


class DayModel(BaseModel):
    """One day."""

    day: date
    calls: int
    errors: int
    users: int


class MetricsModel(BaseModel):
    """Use from `start` to `end`, both included; `error_rate` in percent, null without a call."""

    ref: str
    start: date
    end: date
    calls: int
    errors: int
    users: int
    error_rate: float | None
    days: list[DayModel]


class Findings(BaseModel):
    """What does not fit; nothing: signatures and chain are whole."""

    verified: bool
    findings: list[FindingModel]


def _answered(answer: Answer, *, dry_run: bool) -> AnswerModel:
    if not answer.taken and not dry_run:
        lacking = "; ".join(f"{check.name}: {check.mend or check.wanted}" for check in answer.lacking)
        raise Problem(
            409, f"{answer.ref} is not {answer.kind}: {lacking}", kind="step-refused", answer=answer.as_dict()
        )
    return AnswerModel.model_validate(answer.as_dict())


@router.post("/agents/{agent_id:path}/promote", dependencies=[need("promote_agent")])
def promote(ref: Ref, store: Store, seen: AsSeen, asked: Promote) -> AnswerModel:
    """Promote a build if the policy in force is met."""
    answer = Lifecycle(store).promote(
        str(seen.of_agent(store, ref)), asked.to, asked.reason, fast_track=asked.fast_track, dry_run=asked.dry_run
    )
    return _answered(answer, dry_run=asked.dry_run)


@router.post("/agents/{agent_id:path}/approve", dependencies=[need("approve_promotion")])
def approve(ref: Ref, store: Store, seen: AsSeen, asked: Approve) -> DecisionModel:
    """Approve or reject a build's next step; what it still lacks."""
    decision = Lifecycle(store).approve(
        str(seen.of_agent(store, ref)), asked.to, approved=asked.approved, comment=asked.comment, dry_run=asked.dry_run
    )
    return DecisionModel.model_validate(decision.as_dict())


@router.post("/agents/{agent_id:path}/deprecate", dependencies=[need("deprecate_agent")])
def deprecate(ref: Ref, store: Store, seen: AsSeen, asked: Deprecate) -> AnswerModel:
    """Deprecate a version, or with a digest one build, naming what to use instead."""
    seen.of_agent(store, ref)
    answer = Lifecycle(store).deprecate(str(ref), asked.successor, asked.reason, dry_run=asked.dry_run)
    return _answered(answer, dry_run=asked.dry_run)


@router.post("/agents/{agent_id:path}/retire", dependencies=[need("deprecate_agent")])
def retire(ref: Ref, store: Store, seen: AsSeen, asked: Because) -> AnswerModel:
    """Retire a version, or with a digest one build: drafts at once, others after their deprecation."""
    seen.of_agent(store, ref)
    return _answered(Lifecycle(store).retire(str(ref), asked.reason, dry_run=asked.dry_run), dry_run=asked.dry_run)


@router.post("/agents/{agent_id:path}/rollback", dependencies=[need("rollback_agent")])
def rollback(ref: Ref, store: Store, seen: AsSeen, asked: Because) -> AnswerModel:
    """Undo a build's last step: what was in force before it is so again."""
    return _answered(
        Lifecycle(store).rollback(str(seen.of_agent(store, ref)), asked.reason, dry_run=asked.dry_run),
        dry_run=asked.dry_run,
    )


@router.get("/agents/{agent_id:path}/promotion-status", dependencies=[need("read_registry")])
def promotion_status(ref: Ref, store: Store, to: Promotion | None = None, fast_track: bool = False) -> StandingDecision:
    """What a build lacks for its next step, or for `to`."""
    life = Lifecycle(store)
    told = life.status(str(ref), to or "", fast_track=fast_track).as_dict()
    flags = [one.as_dict() for one in life.flags(str(ref)) if one.until is None]
    return StandingDecision.model_validate({**told, "flags": flags})


@router.get("/agents/{agent_id:path}/verification", dependencies=[need("read_registry")])
def verification(ref: Ref, store: Store) -> Findings:
    """Whether the signed steps of a version's builds are whole."""
    found = Lifecycle(store).verify(str(ref))
    findings = [FindingModel.model_validate(one, from_attributes=True) for one in found]
    return Findings(verified=not findings, findings=findings)


@router.post("/agents/{agent_id:path}/usage", dependencies=[need("deploy_agent"), quiet])
async def usage(ref: Ref, store: Store, told: Usage) -> Recorded:
    """Report how a build did on a day; reports of a day add up."""
    if told.dry_run:
        trial = partial(Lifecycle(store).record_usage, str(ref), told.day, told.calls, told.errors, dry_run=True)
        await run_sync(trial)
        return Recorded(recorded=False)
    await written(store, reports, Report.of(ref, told.day, told.calls, told.errors, told.users))
    return Recorded()


@router.get("/agents/{agent_id:path}/metrics", dependencies=[need("view_metrics")])
def metrics(ref: Ref, store: Store, window: Annotated[int, Query(ge=1, le=3660)] = 30) -> MetricsModel:
    """How a build did in the last `window` days, today included."""
    return MetricsModel.model_validate(Lifecycle(store).metrics(str(ref), window), from_attributes=True)
