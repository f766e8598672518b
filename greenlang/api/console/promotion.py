"""Where a build stands on its way up, and what somebody at the console may do about it.

Belongs here: asking the lifecycle for the page, and passing a form on to it. Does not belong here: deciding
(`greenlang.registry.lifecycle`, `greenlang.registry.policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from greenlang.api.console.agent import AgentView
from greenlang.api.problems import Problem
from greenlang.registry import Registry, policy_store
from greenlang.registry.access import authorise
from greenlang.registry.evidence import gather
from greenlang.registry.ladder import next_state
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.policy import Check, Decision, decide
from greenlang.registry.roles import Permission, Principal

_NEEDED: Mapping[str, Permission] = {
    "approve": "approve_promotion",
    "reject": "approve_promotion",
    "promote": "promote_agent",
}
_COMMENT = 2_000  # characters


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks for and against the next step. ``decision`` is None where there is no step up."""

    to: str
    decision: Decision | None
    flags: tuple[Mapping[str, Any], ...]
    approvals: tuple[Mapping[str, Any], ...]


def standing(registry: Registry, who: Principal, shown: AgentView) -> Standing:
    """The next step of a build, by the policy that is in force for the caller's tenant.

    Whoever could ask for the step is taken for the one who asks: their own approval does not count.
    """
    to = next_state(shown.build.state)
    asker = who.caller.actor if who.may("promote_agent") else ""
    with registry.transaction() as connection:
        evidence = gather(connection, [shown.build.id], asked_by=asker, now=datetime.now(UTC))[shown.build.id]
        policy = policy_store.in_force(connection, registry.caller)
    decision = decide(policy, evidence, to) if to else None
    return Standing(to, decision, tuple(evidence["flags"]), tuple(evidence["approvals"]))


def acts(who: Principal, shown: AgentView) -> frozenset[str]:
    """What this caller may do with the build's next step: nothing where there is none, or it is another tenant's."""
    if not next_state(shown.build.state) or shown.entry.tenant != who.caller.tenant:
        return frozenset()
    return frozenset(act for act, permission in _NEEDED.items() if who.may(permission))


def act(registry: Registry, who: Principal, shown: AgentView, given: Mapping[str, str]) -> tuple[Check, ...]:
    """Do what a form asks for; what is lacking for a promotion that the policy refuses.

    Raises Problem for a form that is none of ours, LifecycleError and AccessDenied.
    """
    what, comment = given.get("act", ""), given.get("comment", "").strip()
    if what not in _NEEDED:
        raise Problem(422, "choose: approve, reject or promote")
    if not comment or len(comment) > _COMMENT:
        raise Problem(422, f"say why, in up to {_COMMENT:,} characters: it stands in the log for good")
    subject = f"{shown.entry.agent_id}@{shown.entry.version}#{shown.build.pack_digest}"
    authorise(registry, who, _NEEDED[what], subject)
    to = next_state(shown.build.state)
    if not to or to != given.get("to"):
        raise Problem(409, f"the build is {shown.build.state} by now: look at the page again")
    lifecycle = Lifecycle(registry)
    if what == "promote":
        return lifecycle.promote(subject, to, comment, fast_track=given.get("fast_track") == "yes").lacking
    lifecycle.approve(subject, to, approved=what == "approve", comment=comment)
    return ()
