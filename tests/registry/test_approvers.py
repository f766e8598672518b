"""Who issues keys can write any name on them: what a policy can ask of approvers, and what the log shows."""

from __future__ import annotations

from typing import Any

import pytest

from greenlang.registry import Caller, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.keys import Keys
from greenlang.registry.policy import Policy
from tests.registry.lives import BOILER, enter, somebody
from tests.registry.test_policy import EVIDENCE, decide, lacking, policy


def said(*actors: str) -> list[dict[str, Any]]:
    return [{"actor": one, "after": "certified", "approved": True, "comment": "x", "at": ""} for one in actors]


@pytest.mark.parametrize(
    ("asks", "approve", "lacks"),
    [
        ("user:ann", ("user:bob", "user:eve"), []),
        ("user:ann", ("user:bob", "default:user:eve"), []),  # who manages tenants, from another one
        ("user:ann", ("user:bob", "eve"), ["approvals_at_least"]),
        ("user:ann", ("user:bob", "user:ann"), ["approvals_at_least"]),
        ("user:ann", ("cli/bob", "cli/eve"), ["approvals_at_least"]),
        ("user:ann", ("user:bob", "cli/x:user:eve"), ["approvals_at_least"]),  # whatever LOGNAME says
        ("ann", ("user:bob", "user:ann"), ["approvers"]),  # the key of somebody who approves, for all one knows
    ],
)
def test_a_policy_counts_people_whom_the_issuer_of_tokens_names(
    asks: str, approve: tuple[str, ...], lacks: list[str]
) -> None:
    asked = {"approvals_at_least": 2, "approvers": "token"}
    assert lacking(asked, approvals=said(*approve), asked_by=asks) == lacks
    assert "approvers" not in lacking({"approvals_at_least": 2}, approvals=said(*approve), asked_by=asks)


def test_a_fast_track_asks_the_same_of_its_approvers() -> None:
    track = {"certified": {"approvals_at_least": 2, "without": ["users_at_least"]}}
    made = policy(approvers="token").model_copy(
        update={
            "fast_track": Policy.model_validate(
                {"name": "x", "promotions": {"experimental": {}, "certified": {}}, "fast_track": track}
            ).fast_track
        }
    )
    evidence = {**EVIDENCE, "asked_by": "user:ada", "approvals": said("bob", "eve")}
    assert not decide(made, evidence, "certified", fast_track=True).allowed
    assert decide(made, {**evidence, "approvals": said("user:bob", "user:eve")}, "certified", fast_track=True).allowed


def test_without_that_the_log_names_who_issued_the_keys_that_approved(registry: Registry) -> None:
    mallory = registry.as_caller(Caller(registry.caller.tenant, "mallory"))
    for name in ("bob", "eve"):
        Keys(mallory).issue(name, ["reviewer"])
    ref = enter(registry)
    ada = somebody(registry, "ada")
    assert ada.promote(ref, "experimental", "first").taken
    for name in ("bob", "eve"):
        somebody(registry, name).approve(BOILER, "certified", comment="read")
    approved = {one.actor for one in AuditLog(registry).query(event="agent.approved")}
    issued = {
        one.actor for one in AuditLog(registry).query(event="key.issued") if any(a in one.detail for a in approved)
    }
    assert (approved, issued) == ({"bob", "eve"}, {"mallory"})
