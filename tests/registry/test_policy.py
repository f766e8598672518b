"""A policy decides by evidence alone; its mistakes are found with their places; two policies are compared on builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.errors import PolicyError
from greenlang.registry import Registry
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.policy import Case, Policy, compare, decide
from greenlang.registry.policy_file import check, parse, supplied
from greenlang.registry.tenant_policies import Policies
from tests.registry.lives import BOILER, PASSED, certify, enter, judgement, scanned, use

# What was decided by these is decided by them for ever: a changed policy gets the next number.
DIGESTS = {
    "v1": "b517759435a3752cbe570fc41b00e648ba03526dc273d9cc7331f15240133794",
    "v2": "8678915d85cc7c72d84addee4eef9f0550638eea4ce205759f45af55968cefd3",
    "v3": "b7c814ca131df3ca469683ceea00944050202a8065e9d997fdd26658b07bfeda",
    "v4": "e126fc30de03a874d6fb086651da0b7f72c786c28e7c25050fe831c55d923f20",
}

SCAN = {**scanned(), "age_days": 5}
EVIDENCE: dict[str, Any] = {
    "agent_id": "heat/boiler",
    "version": "1.0.0",
    "pack_digest": "b" * 64,
    "score": 97.5,
    "coverage": 98.25,
    "tests_passed": 60,
    "tests_total": 60,
    "dimensions": PASSED,
    "yanked": False,
    "asked_by": "ada",
    "entered": "2026-11-01T00:00:00+00:00",
    "age_days": 20,
    "usage": {window: {"calls": 5000, "errors": 10, "users": 9} for window in ("7", "30", "90", "all")},
    "flags": [],
    "approvals": [],
    "scan": SCAN,
}


def policy(name: str = "v9", **certified: Any) -> Policy:
    return Policy.model_validate({"name": name, "promotions": {"experimental": {}, "certified": certified}})


def lacking(criteria: dict[str, Any], **evidence: Any) -> list[str]:
    return [one.name for one in decide(policy(**criteria), {**EVIDENCE, **evidence}, "certified").lacking]


@pytest.mark.parametrize("name", DIGESTS)
def test_what_comes_with_greenlang_can_be_used_and_stays_as_it_is(name: str) -> None:
    found = parse(supplied()[name])
    assert (found.name, found.digest) == (name, DIGESTS[name])


@pytest.mark.parametrize(
    ("criteria", "evidence"),
    [
        ({"dimensions": ["tests"]}, {"dimensions": {}}),
        ({"dimensions": ["tests"]}, {"dimensions": {"tests": {"status": "not_applicable"}}}),
        ({"security_scan": True}, {"dimensions": {**PASSED, "compliance_security": {"status": "failed"}}}),
        ({"score_at_least": 97.51}, {}),
        ({"score_at_least": 0}, {"score": None}),
        ({"coverage_at_least": 98.26}, {}),
        ({"calls_at_least": 5001}, {}),
        ({"error_rate_below_percent": 0.2}, {}),
        ({"users_at_least": 10}, {}),
        ({"age_days_at_least": 21}, {}),
        ({"open_flags_at_most": 0}, {"flags": [{"ref": "ef://a/b/2025/c"}]}),
        ({"dependency_audit_days_at_most": 4}, {}),
        ({"dependency_audit_days_at_most": 5}, {"scan": {**SCAN, "age_days": -1}}),
        ({"dependency_audit_days_at_most": 5}, {"scan": {**SCAN, "age_days": None}}),
        ({"dependency_audit_days_at_most": 5}, {"scan": {**SCAN, "parts": {"dependency audit": "not met"}}}),
        ({"dependency_audit_days_at_most": 5}, {"scan": {**SCAN, "parts": {"dependency audit": "not measured"}}}),
        ({"dependency_audit_days_at_most": 5}, {"scan": {"age_days": None}}),
        ({"approvals_at_least": 1}, {}),
        ({}, {"yanked": True}),
    ],
)
def test_each_criterion_can_be_the_one_that_is_not_met(criteria: dict[str, Any], evidence: dict[str, Any]) -> None:
    assert len(lacking(criteria, **evidence)) == 1


@given(
    calls=st.integers(0, 10**9),
    errors=st.integers(0, 10**9),
    limit=st.decimals("0.01", "100", places=2),
)
def test_the_error_rate_is_compared_exactly(calls: int, errors: int, limit: Any) -> None:
    errors = min(errors, calls)
    usage = {"all": {"calls": calls, "errors": errors, "users": 0}}
    met = not lacking({"error_rate_below_percent": limit}, usage=usage)
    assert met == (calls > 0 and errors * 10_000 < int(limit * 100) * calls)


@given(
    who=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), unique_by=lambda one: one[0]),
    asked=st.sampled_from("abcd"),
    least=st.integers(0, 3),
)
def test_nobody_approves_for_themselves_and_a_rejection_stops_it(who: Any, asked: str, least: int) -> None:
    said = [{"actor": one, "after": "certified", "approved": yes, "comment": "x", "at": ""} for one, yes in who]
    found = lacking({"approvals_at_least": least}, approvals=said, asked_by=asked)
    others = {one for one, yes in who if yes} - {asked}
    assert (not found) == (all(yes for _, yes in who) and len(others) >= least)


def test_the_same_evidence_gives_the_same_decision_after_it_was_json() -> None:
    for name, text in supplied().items():
        for fast_track in (False, True):
            first = decide(parse(text), EVIDENCE, "certified", fast_track=fast_track)
            again = decide(parse(text), json.loads(json.dumps(EVIDENCE)), "certified", fast_track=fast_track)
            assert first == again, name


def test_a_fast_track_leaves_out_what_the_policy_says_and_nothing_else() -> None:
    new = {**EVIDENCE, "age_days": 0, "usage": {w: {"calls": 0, "errors": 0, "users": 0} for w in EVIDENCE["usage"]}}
    found = decide(parse(supplied()["v1"]), {**new, "score": 10.0}, "certified", fast_track=True)
    assert [one.name for one in found.lacking] == ["score_at_least", "approvals_at_least"]
    refused = decide(parse(supplied()["v1"]), EVIDENCE, "experimental", fast_track=True)
    assert [one.name for one in refused.lacking] == ["fast_track"]


@pytest.mark.parametrize(
    ("text", "place", "message", "mend"),
    [
        ("name: v3\n", "p:1:1", "`promotions` is missing", "add `promotions:`"),
        ("- 1\n", "p:1:1", "holds no fields", "begin with"),
        ("name: [\n", "p:2:1", "no YAML", "mend"),
        ("name: v3\nname: v4\n", "p:2:1", "`name` stands twice", "keep one"),
        ("name: v3\nabout: &a x\npromotions: *a\n", "p", "alias", "write the values out"),
        ("name: V 3\npromotions: {experimental: {}, certified: {}}\n", "p:1:1", "`name`", ""),
        ("name: v3\npromotions: {certified: {}}\n", "p:2:1", "`experimental` is missing", ""),
        ("name: v3\npromotions:\n  certified: {cals_at_least: 3}\n", "p:3:15", "no field", "write `calls_at_least`"),
        ("name: v3\npromotions:\n  certified: {dimensions: [speed]}\n", "p:3:15", "'speed' is no dimension", ""),
        ("name: v3\npromotions:\n  certified: {window_days: 8}\n", "p:3:15", "7, 30, 90 days", ""),
        ("name: v3\npromotions:\n  certified: {calls_at_least: 1.5}\n", "p:3:15", "integer", ""),
        ("name: v3\nfast_track: {certified: {approvals_at_least: 1}}\n", "p:2:26", "greater than or equal to 2", ""),
        ("name: v3\nfast_track: {certified: {without: [approvals_at_least]}}\n", "p:2:26", "no criterion", ""),
        ("name: v3\nsuperseded_gwp_sets: {AR4: AR5}\n", "p:2:23", "pattern", ""),
    ],
)
def test_a_mistake_is_found_with_its_place_and_what_to_write(text: str, place: str, message: str, mend: str) -> None:
    found, findings = check(text, "p")
    assert found is None
    assert any(one.place == place and message in one.message and mend in one.mend for one in findings), findings


def test_every_mistake_comes_in_one_pass() -> None:
    _, findings = check(
        "name: v3\nx: 1\ny: 2\npromotions: {experimental: {z: 1}, certified: {score_at_least: 101}}\n", "p"
    )
    assert len(findings) == 4


def test_a_policy_comes_into_force_and_keeps_its_name(registry: Registry) -> None:
    policies = Policies(registry)
    assert policies.in_force().name == "v3"
    assert policies.use(supplied()["v2"], dry_run=True).name == "v2"
    assert policies.in_force().name == "v3"
    policies.use(supplied()["v2"])
    assert policies.in_force().name == "v2"
    own = "name: ours\npromotions: {experimental: {}, certified: {}}\n"
    policies.use(own)
    assert (policies.find("ours"), policies.text("ours")) == (policies.in_force(), own)
    assert [one.name for one in policies.all()] == ["v1", "v2", "v3", "v4", "ours"]
    with pytest.raises(PolicyError, match="name of another policy"):
        policies.use(own.replace("experimental: {}", "experimental: {score_at_least: 1}"))
    policies.use(supplied()["v1"])
    policies.use(own)
    assert policies.in_force().name == "ours"
    with pytest.raises(PolicyError, match="there are v1, v2, v3, v4, ours"):
        policies.find("v99")


def test_the_first_decision_settles_the_policy(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from greenlang.registry import policy_file, policy_store

    enter(registry)
    Lifecycle(registry).promote(BOILER, "experimental", "first")
    newer = {"v3": supplied()["v2"].replace("name: v2", "name: v3")}  # a greenlang to come
    monkeypatch.setattr(policy_store, "supplied", lambda: newer)
    monkeypatch.setattr(policy_file, "supplied", lambda: newer)
    assert Policies(registry).in_force().digest == DIGESTS["v3"]
    assert [yes for _, yes in Lifecycle(registry).reevaluate(BOILER)] == [True]
    assert Lifecycle(registry).verify(BOILER) == []


def test_two_policies_are_compared_on_every_build_by_what_was_signed(registry: Registry) -> None:
    certify(registry, enter(registry))
    certify(registry, enter(registry, agent_id="heat/low", score=87.0))
    enter(registry, agent_id="heat/new", score=75.0)
    enter(registry, agent_id="heat/old", score=75.0)
    life = Lifecycle(registry)
    life.promote("heat/old@1.0.0", "experimental", "first")
    life.deprecate("heat/old@1.0.0", "", "old")
    use(registry, "heat/low@1.0.0", errors=2000)
    policies = Policies(registry)
    v1, v2 = policies.find("v1"), policies.find("v2")
    found = {change.ref.partition("@")[0]: change for change in policies.compare(v1, v2)}
    assert set(found) == {"heat/low", "heat/new"}
    low, new = found["heat/low"], found["heat/new"]
    assert (low.kind, low.before, low.after) == ("state", "certified", "experimental")
    assert [one.name for one in low.why] == ["score_at_least"]
    assert (new.kind, new.before, new.after) == ("ready", "ready for experimental", "not ready for experimental")
    assert policies.compare(v1, v1) == []
    back = {change.ref.partition("@")[0]: change.after for change in policies.compare(v2, v1)}
    assert back == {"heat/low": "certified", "heat/new": "ready for experimental"}
    assert registry.get("heat/low").state == "certified"


def test_a_scan_that_did_not_look_up_vulnerabilities_certifies_nothing_by_default(registry: Registry) -> None:
    blind = scanned(parts={"secrets": "met", "dependency audit": "not measured"}, advisories=0, newest="")
    ref = enter(registry, judgement=judgement(blind))
    life, policies = Lifecycle(registry), Policies(registry)
    policies.use(supplied()["v1"])
    certify(registry, ref)
    (_, taken) = (step for step in life.history(ref) if step.policy)
    seen = json.loads(taken.statement)["evidence"]["scan"]
    assert seen["parts"] == {"secrets": "met", "dependency audit": "not measured"}
    assert seen["age_days"] is None
    old = json.loads(taken.statement)["evidence"]
    del old["scan"]  # as evidence was signed before there were scans
    v1, v3 = (policies.find(name) for name in ("v1", "v3"))
    assert decide(v1, old, "certified", fast_track=True).allowed
    (change,) = policies.compare(v1, v3)
    assert (change.before, change.after) == ("certified", "experimental")
    assert [(one.name, one.found) for one in change.why] == [("dependency_audit_days_at_most", "not measured")]
    policies.use(supplied()["v3"])
    assert [yes for _, yes in life.reevaluate(ref)] == [True, True]
    assert life.verify(ref) == []
    assert "dependency_audit_days_at_most" in [one.name for one in life.status(ref, fast_track=True).lacking]


def test_a_promotion_does_not_stand_without_the_one_below() -> None:
    strict = Policy.model_validate(
        {"name": "x", "promotions": {"experimental": {"score_at_least": 99}, "certified": {}}}
    )
    case = Case("a@1", "certified", (("experimental", False, EVIDENCE), ("certified", False, EVIDENCE)))
    (change,) = compare(policy(), strict, [case])
    assert (change.before, change.after) == ("certified", "draft")


def test_the_page_says_what_the_tables_say() -> None:
    from greenlang.registry.page import page

    written = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"
    assert written.read_text() == page()
