"""Promotion policies: what a build needs for each step up, as data, and the decision made by them.

`decide` is a function of policy, evidence and step alone: what was decided once is decided alike by the evidence in the
signed statement, at any time. Belongs here: the criteria, deciding, comparing two policies. Does not belong here:
reading files (`policy_file`), gathering evidence (`evidence`), which policy is in force (`policy_store`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry import scans
from greenlang.registry.evidence import EVER, WINDOWS
from greenlang.registry.ladder import before_promotion, next_state

_LATER = ("dependency_audit_days_at_most", "approvers")
# An actor, perhaps with the tenant that it acts from. No name of a key holds a colon, and no tenant's a /, as cli/ has.
_BY_TOKEN = re.compile(r"([a-z0-9-]+:)?user:.+")
_NO_AUDIT = (
    "name a file of advisories from OSV (docs/operations.md) in GREENLANG_ADVISORIES, then `greenlang registry scan`; "
    "on a server, ask who runs it; who means to certify without one: `greenlang policy use v1`"
)
Percent = Annotated[Decimal, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, strict=True)]
GwpSet = Annotated[str, Field(pattern=r"^(SAR|TAR|AR[4-9])GWP(20|100|500)$")]
Promotion = Literal["experimental", "certified"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Criteria(_Strict):
    """What one step asks for. What is left out is not asked."""

    dimensions: tuple[str, ...] = Field((), description="quality dimensions that must have passed")
    score_at_least: Percent | None = Field(None, description="the build's score, 0 to 100")
    coverage_at_least: Percent | None = Field(None, description="lines and branches that its tests run, in percent")
    security_scan: bool = Field(False, description=f"the dimension {scans.DIMENSION} must have passed")
    window_days: int | None = Field(None, description="usage counts of so many days, today included; 7, 30 or 90")
    calls_at_least: Count | None = Field(None, description="calls in the window (since ever without one)")
    error_rate_below_percent: Annotated[Decimal, Field(gt=0, le=100)] | None = Field(
        None, description="errors of a hundred calls in the window; without a call it is not met"
    )
    users_at_least: Count | None = Field(None, description="different users in the window")
    age_days_at_least: Count | None = Field(None, description="whole days in the state that it is promoted from")
    dependency_audit_days_at_most: Count | None = Field(
        None, description="the dependency audit was measured, found nothing, and its advisories are at most so old"
    )
    open_flags_at_most: Count | None = Field(None, description="pins that are superseded")
    approvals_at_least: Count | None = Field(None, description="people who approved, beside the one who asks")
    approvers: Literal["token"] | None = Field(
        None, description="who asks and who approves signed in by a token of the issuer; a key can be for anybody"
    )

    @field_validator("dimensions")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from greenlang.quality.dimensions import DIMENSIONS

        known = [dimension.name for dimension in DIMENSIONS]
        strange = [name for name in names if name not in known]
        if strange:
            raise ValueError(f"{strange[0]!r} is no dimension; there are {', '.join(known)}")
        return names

    @field_validator("window_days")
    @classmethod
    def _counted(cls, days: int | None) -> int | None:
        if days is not None and days not in WINDOWS:
            raise ValueError(f"usage is counted over {', '.join(map(str, WINDOWS))} days")
        return days


class FastTrack(_Strict):
    """What may be left out of a step if so many people answer for it: two different ones at least."""

    approvals_at_least: Annotated[int, Field(ge=2, strict=True)] = Field(
        2, description="people who approved, beside the one who asks"
    )
    without: tuple[str, ...] = Field((), description="criteria that are not asked")

    @field_validator("without")
    @classmethod
    def _criteria(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [
            name for name in Criteria.model_fields if name not in {"approvals_at_least", "approvers", "window_days"}
        ]
        strange = [name for name in names if name not in known]
        if strange:
            raise ValueError(f"{strange[0]!r} is no criterion that can be left out; there are {', '.join(known)}")
        return names


class Policy(_Strict):
    """A promotion policy. ``ref`` names it in statements: its name and the digest of what it says."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,38}$")]
    about: str = ""
    promotions: dict[Promotion, Criteria]
    fast_track: dict[Promotion, FastTrack] = {}
    superseded_gwp_sets: dict[GwpSet, GwpSet] = {}

    @field_validator("promotions")
    @classmethod
    def _both(cls, promotions: dict[Promotion, Criteria]) -> dict[Promotion, Criteria]:
        missing = {"experimental", "certified"} - set(promotions)
        if missing:
            raise ValueError(f"`{min(missing)}` is missing: a step without criteria would be open to everything")
        return promotions

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what it says; comments and the order of lines do not count.

        A criterion that came later counts where it is asked: what was decided by a policy still names it.
        """
        content = self.model_dump(mode="json")
        for criteria in content["promotions"].values():
            for name in _LATER:
                if criteria[name] is None:
                    del criteria[name]
        return bytes_digest(canonical(content))

    @property
    def ref(self) -> str:
        """``name@digest``."""
        return f"{self.name}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Check:
    """One criterion: what was wanted, what was found, and what to do where it is not met."""

    name: str
    wanted: str
    found: str
    met: bool
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "mend": "" if self.met else self.mend}


class Checked:
    """What was asked in ``checks``, and what that comes to."""

    __slots__ = ()
    checks: tuple[Check, ...]

    @property
    def allowed(self) -> bool:
        """Whether every check is met."""
        return all(check.met for check in self.checks)

    @property
    def lacking(self) -> tuple[Check, ...]:
        """What is not met."""
        return tuple(check for check in self.checks if not check.met)


@dataclass(frozen=True, slots=True)
class Decision(Checked):
    """The answer of a policy to one step, criterion by criterion. ``policy`` is its ``name@digest``."""

    to: str
    policy: str
    fast_track: bool
    checks: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "to": self.to,
            "policy": self.policy,
            "fast_track": self.fast_track,
            "allowed": self.allowed,
            "checks": [check.as_dict() for check in self.checks],
        }


def decide(policy: Policy, evidence: Mapping[str, Any], to: str, *, fast_track: bool = False) -> Decision:
    """Whether a build with this evidence may become ``to``. Looks at nothing else: no clock, no database.

    Raises ValueError for a state that nothing is promoted to.
    """
    if to not in ("experimental", "certified"):
        raise ValueError(f"nothing is promoted to {to!r}")
    criteria = policy.promotions[to]  # type: ignore[index]
    approvals = criteria.approvals_at_least or 0
    checks: list[Check] = []
    if fast_track:
        track = policy.fast_track.get(to)  # type: ignore[call-overload]
        if track is None:
            found = f"{policy.name} has no fast track to {to}"
            checks.append(Check("fast_track", "a fast track", found, False, "ask for the promotion without it"))
        else:
            criteria = criteria.model_copy(update={name: Criteria.model_fields[name].default for name in track.without})
            approvals = max(approvals, track.approvals_at_least)
    checks += _judged(criteria, evidence)
    checks += _used(criteria, evidence)
    checks += _approved(approvals, criteria.approvers == "token", evidence, to)
    return Decision(to, policy.ref, fast_track, tuple(checks))


def _judged(criteria: Criteria, evidence: Mapping[str, Any]) -> Iterator[Check]:
    dimensions: Mapping[str, Mapping[str, Any]] = evidence["dimensions"]
    again = "mend the agent and build it again: `greenlang quality report` says what to do"
    if evidence["yanked"]:
        yield Check("yanked", "no", "yes", False, "put it back by `greenlang registry yank --undo`, or build it again")
    for name in criteria.dimensions:
        status = dimensions.get(name, {}).get("status", "not judged")
        yield Check(f"dimensions.{name}", "passed", status, status == "passed", again)
    if criteria.security_scan:
        status = dimensions.get(scans.DIMENSION, {}).get("status", "not judged")
        yield Check("security_scan", "passed", status, status == "passed", again)
    if criteria.dependency_audit_days_at_most is not None:
        yield _audit(criteria.dependency_audit_days_at_most, evidence.get("scan", {}))
    for field, least in (("score", criteria.score_at_least), ("coverage", criteria.coverage_at_least)):
        if least is not None:
            value = evidence[field]
            met = value is not None and Decimal(str(value)) >= least
            yield Check(f"{field}_at_least", f"at least {least}", "none" if value is None else f"{value:g}", met, again)
    if criteria.open_flags_at_most is not None:
        refs = [flag["ref"] for flag in evidence["flags"]]
        most = criteria.open_flags_at_most
        found = f"{len(refs)}: {', '.join(refs[:3])}{', ...' if len(refs) > 3 else ''}" if refs else "0"
        mend = "build it again under the release in force, and promote that build"
        yield Check("open_flags_at_most", f"at most {most}", found, len(refs) <= most, mend)


def _audit(most: int, scan: Mapping[str, Any]) -> Check:
    """Evidence from before there were scans has none, and they were not measured then."""
    fate, age = scan.get("parts", {}).get(scans.AUDIT, scans.NOT_MEASURED), scan.get("age_days")
    known, days = scan.get("found", []), f"advisories of {scan.get('newest')}, {age} days old"
    again = "take a newer file of advisories (GREENLANG_ADVISORIES), then `greenlang registry scan`"
    met = fate == "met" and age is not None and 0 <= age <= most
    if fate == scans.NOT_MEASURED:
        found, mend = fate, _NO_AUDIT
    elif fate != "met":
        found, mend = f"{'; '.join(known[:3]) or fate} ({days})", "mend it, and build the agent again"
    elif age is None:
        found, mend = "nothing found, by advisories that do not say of when they are", again
    else:
        found, mend = f"nothing found ({days})", again
    wanted = f"measured, nothing found, advisories at most {most} days old"
    return Check("dependency_audit_days_at_most", wanted, found, met, mend)


def _used(criteria: Criteria, evidence: Mapping[str, Any]) -> Iterator[Check]:
    window = str(criteria.window_days or EVER)
    used: Mapping[str, int] = evidence["usage"][window]
    within = "" if window == EVER else f" in {window} days"
    wait = "let it be used; whoever runs it reports usage"
    for name, least in (("calls", criteria.calls_at_least), ("users", criteria.users_at_least)):
        if least is not None:
            yield Check(f"{name}_at_least", f"at least {least}{within}", str(used[name]), used[name] >= least, wait)
    limit = criteria.error_rate_below_percent
    if limit is not None:
        calls, errors = used["calls"], used["errors"]
        found = f"{100 * errors / calls:.3g} % ({errors} of {calls} calls)" if calls else "no call"
        met = calls > 0 and 100 * errors < limit * calls  # exact: a rate of just 1 % is not below 1 %
        yield Check(
            "error_rate_below_percent", f"below {limit} %{within}", found, met, wait if not calls else "mend it"
        )
    age = criteria.age_days_at_least
    if age is not None:
        days = evidence["age_days"]
        yield Check("age_days_at_least", f"at least {age} days in its state", f"{days} days", days >= age, "wait")


def _approved(least: int, by_token: bool, evidence: Mapping[str, Any], to: str) -> Iterator[Check]:
    """People count once, and never for what they ask themselves. Whoever rejects stops it until they approve."""
    said: Sequence[Mapping[str, Any]] = [one for one in evidence["approvals"] if one["after"] == to]
    against = [f"{one['actor']}: {one['comment']}" for one in said if not one["approved"]]
    if against:
        yield Check("rejections", "none", "; ".join(against), False, "settle it with whoever rejected it")
    if least:
        asks = evidence["asked_by"]
        names = sorted({one["actor"] for one in said if one["approved"]} - {asks})
        if by_token:
            names = [name for name in names if _BY_TOKEN.fullmatch(name)]
            if asks and not _BY_TOKEN.fullmatch(asks):
                yield Check("approvers", "all signed in by a token", f"{asks} asks", False, "ask for it with a token")
        found = f"{len(names)}{': ' if names else ''}{', '.join(names)}"
        mend = "people beside the one who asks approve it: `greenlang agent approve`"
        yield Check("approvals_at_least", f"at least {least}", found, len(names) >= least, mend)


@dataclass(frozen=True, slots=True)
class Case:
    """A build as two policies are compared on it.

    ``promotions`` are the steps up that stand, as (to, whether by fast track, evidence); ``now`` is what is known
    today, None for a build of which nobody asks whether it could be promoted.
    """

    ref: str
    state: str
    promotions: tuple[tuple[str, bool, Mapping[str, Any]], ...]
    now: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A build that two policies treat differently.

    ``kind`` "state": the signed evidence would have led to another state. "ready": today's evidence is enough for the
    next step under one of them alone. ``why`` holds the criteria that are not met under the one that says no.
    """

    ref: str
    kind: Literal["state", "ready"]
    before: str
    after: str
    why: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: getattr(self, name) for name in ("ref", "kind", "before", "after")}
        return {**values, "why": [check.as_dict() for check in self.why]}


def compare(old: Policy, new: Policy, cases: Iterable[Case]) -> list[Change]:
    """The builds whose state, or readiness for the next step, would be another under ``new`` than under ``old``."""
    changes = []
    for case in cases:
        (before, refused_before), (after, refused_after) = _state_under(old, case), _state_under(new, case)
        if before != after:
            changes.append(Change(case.ref, "state", before, after, refused_before or refused_after))
        elif before == case.state and case.now is not None and (to := next_state(case.state)):
            first, second = decide(old, case.now, to), decide(new, case.now, to)
            if first.allowed != second.allowed:
                said, says = (f"{'' if one.allowed else 'not '}ready for {to}" for one in (first, second))
                changes.append(Change(case.ref, "ready", said, says, first.lacking or second.lacking))
    return changes


def _state_under(policy: Policy, case: Case) -> tuple[str, tuple[Check, ...]]:
    """How far the promotions that were taken would have led, and what stopped them."""
    state = "draft"
    for to, fast_track, evidence in case.promotions:
        decision = decide(policy, evidence, to, fast_track=fast_track)
        if state != before_promotion(to) or not decision.allowed:
            return state, decision.lacking
        state = to
    return state, ()
