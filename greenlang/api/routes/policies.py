"""Promotion policies: which there are, what each asks for, which is in force, what another would change.

Belongs here: thin handlers over `greenlang.registry.tenant_policies` and `decay`. Does not belong here: criteria,
reading policies, deciding.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, model_validator

from greenlang.api.lives import CheckModel
from greenlang.api.naming import Text, Words
from greenlang.api.paging import Paged
from greenlang.api.principal import Store, need
from greenlang.api.problems import Problem, documented, trial
from greenlang.api.services import Shared
from greenlang.errors import PolicyError
from greenlang.factory.pinned import Pinned
from greenlang.registry import decay, policy_file
from greenlang.registry.policy import Policy
from greenlang.registry.tenant_policies import Policies

router = APIRouter(prefix="/api/v1/registry", tags=["policies"])


class PolicyModel(BaseModel):
    """A promotion policy."""

    name: str
    digest: str
    about: str
    in_force: bool


class PolicyList(BaseModel):
    """Policies that come with greenlang, and those that were ever in force."""

    items: list[PolicyModel]
    next: str | None = None


class PolicyOut(PolicyModel):
    """A policy in full: `text` as it was written, `policy` as it was read, with every criterion."""

    text: str
    policy: dict[str, Any]


class PolicySaid(BaseModel):
    """A policy by its name (`v1`, or `v1@<digest>`), or as YAML."""

    name: Text = ""
    text: Words = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.name) == bool(self.text):
            raise ValueError("say either `name` or `text`")
        return self


class UsePolicy(PolicySaid):
    """The policy to put in force. `dry_run`: say whether it could be."""

    dry_run: bool = False


class ComparePolicies(BaseModel):
    """The two policies to compare."""

    old: PolicySaid
    new: PolicySaid


class ChangeModel(BaseModel):
    """A build that the two treat differently.

    `kind` "state": its signed evidence would have led to another state. "ready": today's evidence is enough for the
    next step under one of them alone. `why` holds what is not met under the one that says no.
    """

    ref: str
    kind: Literal["state", "ready"]
    before: str
    after: str
    why: list[CheckModel]


class ChangeList(BaseModel):
    """Builds of the tenant that the two policies treat differently; none: they decide alike."""

    old: str = Field(description="name@digest")
    new: str
    items: list[ChangeModel]
    next: str | None = None


class LookAgain(BaseModel):
    """`dry_run`: say what would be flagged."""

    dry_run: bool = False


class SupersededModel(BaseModel):
    """A pin that holds no longer. `before` and `after` are digests (empty: gone), or GWP sets (`gwp-set`)."""

    kind: str
    ref: str
    before: str
    after: str


class FlaggedModel(SupersededModel):
    """A build that is flagged anew."""

    build: str


class DecayModel(BaseModel):
    """What a look at the tables in force gave. `cleared`: flags that ended."""

    release: str
    superseded: list[SupersededModel]
    flagged: list[FlaggedModel]
    cleared: int
    taken: bool


def _policy(policy: Policy, *, in_force: bool) -> PolicyModel:
    return PolicyModel(name=policy.name, digest=policy.digest, about=policy.about, in_force=in_force)


def _said(known: Policies, said: PolicySaid) -> Policy:
    return policy_file.parse(said.text) if said.text else known.find(said.name)


@router.get("/policies", dependencies=[need("read_registry")])
def policies(page: Paged, store: Store) -> PolicyList:
    """The promotion policies that are known, and which of them decides."""
    own = Policies(store)
    decides = own.in_force().digest
    shown, following = page.of(own.all(), lambda policy: policy.ref)
    return PolicyList(items=[_policy(policy, in_force=policy.digest == decides) for policy in shown], next=following)


@router.get("/policies/{policy}", responses=documented(404), dependencies=[need("read_registry")])
def policy_of(
    store: Store, policy: Annotated[str, Path(max_length=120, description="Its name, or `name@digest`.")]
) -> PolicyOut:
    """One policy with every criterion."""
    own = Policies(store)
    try:
        found, text = own.find(policy), own.text(policy)
    except PolicyError as error:
        raise Problem(404, str(error)) from error
    said = _policy(found, in_force=found.digest == own.in_force().digest)
    return PolicyOut(**said.model_dump(), text=text, policy=found.model_dump(mode="json"))


@router.post("/policies", status_code=201, responses=trial(PolicyModel), dependencies=[need("manage_policies")])
def use_policy(store: Store, response: Response, new: UsePolicy) -> PolicyModel:
    """Put a policy in force for the tenant. A name stands for one policy: what is changed gets another."""
    own = Policies(store)
    text = new.text or own.text(new.name)
    response.status_code = 200 if new.dry_run else 201
    return _policy(own.use(text, dry_run=new.dry_run), in_force=not new.dry_run)


@router.post("/policies/diff", dependencies=[need("read_registry")])
def diff(page: Paged, store: Store, asked: ComparePolicies) -> ChangeList:
    """Whose state, or readiness for the next step, another policy would change, and why."""
    own = Policies(store)
    old, new = _said(own, asked.old), _said(own, asked.new)
    items, following = page.of(own.compare(old, new), lambda change: change.ref)
    shown = [ChangeModel.model_validate(one.as_dict()) for one in items]
    return ChangeList(old=old.ref, new=new.ref, items=shown, next=following)


@router.post("/decay", dependencies=[need("manage_policies")])
def look_again(store: Store, services: Shared, asked: LookAgain) -> DecayModel:
    """Flag the tenant's builds whose factors, formulas or GWP sets are superseded; end flags that no longer hold."""
    found = decay.flag(store, Pinned(services.factors().table), dry_run=asked.dry_run)
    return DecayModel.model_validate({**found.as_dict(), "taken": not asked.dry_run})
