"""Steps are taken where table and policy allow them, signed, and kept; the state is what the log says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError, NotRegistered, ReferenceInvalid
from greenlang.registry import PUBLIC, Caller, Pin, Registry, audit
from greenlang.registry.audit import AuditLog
from greenlang.registry.definition import APPEND_ONLY
from greenlang.registry.ladder import LADDER, allows, standing
from greenlang.registry.lifecycle import Answer, Lifecycle
from greenlang.registry.reference import Reference
from greenlang.registry.tenants import Tenants
from tests.registry.lives import BOILER, certify, enter, judged, somebody, use
from tests.registry.postgres import Postgres


def lacking(answer: Answer) -> list[str]:
    return [check.name for check in answer.lacking]


def state(registry: Registry, agent: str = "heat/boiler", version: str = "1.0.0") -> str:
    return registry.get(agent, version).state


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("heat/boiler", ("heat/boiler", "", "")),
        ("heat/boiler@1.2.0-rc.1+b5", ("heat/boiler", "1.2.0-rc.1+b5", "")),
        ("heat/boiler@1.2.0#abcdef01", ("heat/boiler", "1.2.0", "abcdef01")),
    ],
)
def test_a_reference_is_read_and_written(text: str, parts: tuple[str, str, str]) -> None:
    found = Reference.parse(text)
    assert (found.agent_id, found.version, found.digest) == parts
    assert str(found) == text


@pytest.mark.parametrize("text", ["", "@1.0.0", "heat/boiler@", "heat/boiler#abcdef", "a@1#abc", "a@1#ABCDEF", "a b@1"])
def test_what_names_nothing_says_how_it_is_done(text: str) -> None:
    with pytest.raises(ReferenceInvalid, match=r"heat/boiler@1\.2\.0"):
        Reference.parse(text)


def test_a_judged_draft_becomes_experimental_and_its_statement_holds_the_evidence(registry: Registry) -> None:
    enter(registry)
    answer = somebody(registry, "ada").promote(BOILER, "experimental", "measured")
    assert (answer.taken, answer.steps[0][1:]) == (True, ("draft", "experimental"))
    step = registry.transitions("heat/boiler", "1.0.0")[-1]
    assert (step.kind, step.actor, step.reason, step.policy) == ("promoted", "ada", "measured", answer.policy)
    evidence = json.loads(step.statement)["evidence"]
    assert evidence["dimensions"]["tests"]["status"] == "passed"
    assert evidence["score"] == 97.5
    assert state(registry) == "experimental"


def test_what_did_not_pass_is_refused_in_words_and_in_the_log(registry: Registry) -> None:
    failed = {**judged().judgement, "tests": {"status": "failed", "score": 40.0}}
    enter(registry, judgement=failed, score=55.0)
    life = Lifecycle(registry)
    answer = life.promote(BOILER, "experimental", "hope")
    assert not answer.taken
    assert lacking(answer) == ["dimensions.tests", "score_at_least"]
    assert all(check.mend for check in answer.lacking)
    assert state(registry) == "draft"
    with registry.transaction() as connection:
        events = connection.execute(text("SELECT event, detail FROM audit_events ORDER BY number")).all()
    assert json.loads(events[-1].detail)["lacking"] == ["dimensions.tests", "score_at_least"]
    assert events[-1].event == "agent.promotion-refused"


def test_certification_wants_use_age_and_few_errors(registry: Registry) -> None:
    enter(registry)
    life = Lifecycle(registry)
    life.promote(BOILER, "experimental", "first")
    named = ["calls_at_least", "users_at_least", "error_rate_below_percent", "age_days_at_least"]
    assert lacking(life.promote(BOILER, "certified", "now")) == named
    use(registry, BOILER, calls=1000, errors=10, users=3)
    assert lacking(life.promote(BOILER, "certified", "now")) == ["error_rate_below_percent", "age_days_at_least"]
    use(registry, BOILER, calls=1, errors=0)
    assert lacking(life.promote(BOILER, "certified", "now")) == ["age_days_at_least"]
    assert state(registry) == "experimental"


def test_use_outside_the_window_does_not_count(registry: Registry) -> None:
    enter(registry)
    Lifecycle(registry).promote(BOILER, "experimental", "first")
    use(registry, BOILER, calls=5000, errors=0, days_ago=30)
    assert "calls_at_least" in lacking(Lifecycle(registry).promote(BOILER, "certified", "now"))
    use(registry, BOILER, calls=5000, errors=0, days_ago=29)
    assert "calls_at_least" not in lacking(Lifecycle(registry).promote(BOILER, "certified", "now"))


def test_no_state_is_skipped(registry: Registry) -> None:
    enter(registry)
    answer = Lifecycle(registry).promote(BOILER, "certified", "jump", fast_track=True)
    assert lacking(answer)[0] == "state"
    assert state(registry) == "draft"


def test_the_fast_track_takes_two_others_who_say_why(registry: Registry) -> None:
    enter(registry)
    ada = somebody(registry, "ada")
    ada.promote(BOILER, "experimental", "first")
    ada.approve(BOILER, "certified", comment="I ask myself")
    assert lacking(ada.promote(BOILER, "certified", "patch", fast_track=True)) == ["approvals_at_least"]
    somebody(registry, "bob").approve(BOILER, "certified", comment="read the diff")
    somebody(registry, "bob").approve(BOILER, "certified", comment="and again")
    assert lacking(ada.promote(BOILER, "certified", "patch", fast_track=True)) == ["approvals_at_least"]
    eve = somebody(registry, "eve")
    eve.approve(BOILER, "certified", approved=False, comment="the table is old")
    assert lacking(ada.promote(BOILER, "certified", "patch", fast_track=True)) == ["rejections", "approvals_at_least"]
    eve.approve(BOILER, "certified", comment="it is not")
    assert ada.promote(BOILER, "certified", "patch", fast_track=True).taken
    step = registry.transitions("heat/boiler", "1.0.0")[-1]
    said = json.loads(step.statement)["evidence"]["approvals"]
    assert {one["actor"]: one["comment"] for one in said if one["actor"] != "ada"} == {
        "bob": "and again",
        "eve": "it is not",
    }
    assert step.kind == "fast-track"


def test_approvals_are_spent_with_the_state_they_were_for(registry: Registry) -> None:
    certify(registry, enter(registry))
    ada = somebody(registry, "ada")
    assert ada.rollback(BOILER, "wrong figures").taken
    assert lacking(ada.promote(BOILER, "certified", "again", fast_track=True)) == ["approvals_at_least"]


def test_only_the_next_step_is_approved_and_every_request_says_why(registry: Registry) -> None:
    enter(registry)
    life = Lifecycle(registry)
    with pytest.raises(LifecycleError, match="not its next step"):
        life.approve(BOILER, "certified", comment="early")
    for call in (
        lambda: life.promote(BOILER, "experimental", "  "),
        lambda: life.approve(BOILER, "experimental", comment=""),
        lambda: life.deprecate(BOILER, "", ""),
        lambda: life.retire(BOILER, ""),
        lambda: life.rollback(BOILER, ""),
    ):
        with pytest.raises(LifecycleError, match="say why"):
            call()
    with pytest.raises(LifecycleError, match="nothing is promoted to"):
        life.promote(BOILER, "retired", "x")
    with pytest.raises(NotRegistered, match=r"its versions are 1\.0\.0"):
        life.promote("heat/boiler@9.9.9", "experimental", "x")


def test_a_rebuild_is_a_draft_and_the_certified_build_stays_until_it_is_promoted(registry: Registry) -> None:
    old = enter(registry)
    certify(registry, old)
    new = enter(registry, pack="d", factor_release="factors-1.1.0")
    assert registry.get("heat/boiler", "1.0.0").pack_digest == "b" * 64
    certify(registry, new)
    assert registry.get("heat/boiler", "1.0.0").pack_digest == "d" * 64
    answer = Lifecycle(registry).rollback(new, "the new release is wrong")
    assert answer.steps[0][1:] == ("certified", "experimental")
    assert answer.in_force == old
    entry = registry.get("heat/boiler", "1.0.0")
    assert (entry.pack_digest, entry.state) == ("b" * 64, "certified")


def test_rolling_a_version_back_makes_the_one_before_the_latest_again(registry: Registry) -> None:
    certify(registry, enter(registry))
    certify(registry, enter(registry, version="1.1.0", spec_digest="e" * 64, pack="d"))
    assert registry.get("heat/boiler").version == "1.1.0"
    answer = Lifecycle(registry).rollback("heat/boiler@1.1.0", "too high")
    assert answer.latest == BOILER
    assert registry.get("heat/boiler").version == "1.0.0"


def test_each_rollback_undoes_one_step_until_none_is_left(registry: Registry) -> None:
    certify(registry, enter(registry))
    life = Lifecycle(registry)
    life.deprecate(BOILER, "", "old")
    seen = []
    while (answer := life.rollback(BOILER, "back")).taken:
        seen.append(answer.steps[0][2])
    assert seen == ["certified", "experimental", "draft"]
    assert lacking(answer) == ["state"]


def test_a_deprecated_version_names_its_successor_where_it_is_found(registry: Registry) -> None:
    certify(registry, enter(registry))
    certify(registry, enter(registry, version="1.1.0", spec_digest="e" * 64, pack="d"))
    life = Lifecycle(registry)
    for wrong in ("heat/boiler@7.0.0", "heat/none@1.0.0", BOILER):
        assert lacking(life.deprecate(BOILER, wrong, "old")) == ["successor"]
    for wrong in ("heat/boiler@>=2", "heat/boiler@>=x"):
        assert lacking(life.deprecate(BOILER, wrong, "old")) == ["successor"]
    assert life.deprecate(BOILER, "heat/boiler@>=1.1,<2", "old", dry_run=True).allowed
    assert life.deprecate(BOILER, "heat/boiler@1.1.0", "old").taken
    entry = registry.get("heat/boiler", "1.0.0")
    assert (entry.state, entry.successor) == ("deprecated", "heat/boiler@1.1.0")
    assert lacking(life.deprecate("heat/boiler@1.1.0", BOILER, "round")) == ["successor"]


def test_a_rebuild_does_not_hide_that_its_version_is_deprecated(registry: Registry) -> None:
    certify(registry, enter(registry))
    Lifecycle(registry).deprecate(BOILER, "", "no rule asks for it")
    enter(registry, pack="d")
    assert state(registry) == "deprecated"


def test_a_version_is_retired_with_every_build_but_not_while_one_may_be_used(registry: Registry) -> None:
    first, second = enter(registry), enter(registry, pack="d")
    certify(registry, first)
    life = Lifecycle(registry)
    assert lacking(life.retire(BOILER, "gone")) == ["state"]
    assert life.retire(second, "never used").taken
    enter(registry, pack="9")
    life.deprecate(BOILER, "", "old")
    answer = life.retire(BOILER, "gone")
    assert {before for _, before, _ in answer.steps} == {"deprecated", "draft"}
    assert {build.state for build in registry.builds("heat/boiler", "1.0.0")} == {"retired"}
    assert lacking(life.rollback(BOILER, "sorry")) == ["state"]


def test_a_trial_writes_nothing(registry: Registry) -> None:
    enter(registry)
    life = Lifecycle(registry)

    def events() -> int:
        with registry.transaction() as connection:
            return int(connection.execute(text("SELECT count(*) FROM audit_events")).scalar_one())

    before = events()
    assert life.promote(BOILER, "experimental", "try", dry_run=True).allowed
    life.approve(BOILER, "experimental", comment="try", dry_run=True)
    life.retire(BOILER, "try", dry_run=True)
    life.rollback(BOILER, "try", dry_run=True)
    life.record_usage(BOILER, datetime.now(UTC).date(), 5, 0, ["a"], dry_run=True)
    assert (events(), state(registry), life.metrics(BOILER).calls) == (before, "draft", 0)


def test_promoting_is_decided_anew_from_the_signed_evidence(registry: Registry) -> None:
    certify(registry, enter(registry))
    use(registry, BOILER, calls=100, errors=100)
    found = Lifecycle(registry).reevaluate(BOILER)
    assert [(decision.to, yes) for decision, yes in found] == [("experimental", True), ("certified", True)]


def test_status_tells_whether_a_certified_build_would_be_certified_today(registry: Registry) -> None:
    certify(registry, enter(registry))
    decision = Lifecycle(registry).status(BOILER)
    assert decision.to == "certified"
    assert "calls_at_least" in [check.name for check in decision.lacking]


def test_use_is_added_up_by_day_and_people_count_once(registry: Registry) -> None:
    enter(registry)
    use(registry, BOILER, calls=100, errors=1, users=3)
    use(registry, BOILER, calls=50, errors=0, users=4, days_ago=1)
    use(registry, BOILER, calls=50, errors=0, users=4, days_ago=1)
    found = Lifecycle(registry).metrics(BOILER, 7)
    assert (found.calls, found.errors, found.users) == (200, 1, 4)
    assert [(day.calls, day.users) for day in found.days] == [(100, 4), (100, 3)]
    assert found.error_rate == pytest.approx(0.5)
    assert Lifecycle(registry).metrics(BOILER, 1).calls == 100
    for calls, errors, day in ((1, 2, 0), (-1, 0, 0), (1, 0, -3)):
        with pytest.raises(LifecycleError):
            use(registry, BOILER, calls=calls, errors=errors, days_ago=day)


def test_what_was_certified_then_is_answered_with_its_evidence(registry: Registry) -> None:
    before = datetime.now(UTC)
    certify(registry, enter(registry))
    life = Lifecycle(registry)
    during = datetime.now(UTC)
    life.deprecate(BOILER, "", "old")
    after = datetime.now(UTC)
    assert life.as_of("default", before) == []
    (found,) = life.as_of("default", during)
    assert (found.agent_id, found.version, found.in_force, found.kind) == ("heat/boiler", "1.0.0", True, "fast-track")
    assert found.evidence["score"] == 97.5
    assert life.as_of("default", after) == []
    (deprecated,) = life.as_of("default", after, state="deprecated")
    assert deprecated.evidence == {}
    with pytest.raises(LifecycleError, match="time zone"):
        life.as_of("default", datetime(2026, 1, 1))  # noqa: DTZ001


def test_lists_count_as_they_stood_then(registry: Registry) -> None:
    certify(registry, enter(registry))
    certify(registry, enter(registry, agent_id="heat/x_pump"))
    tenants, life = Tenants(registry), Lifecycle(registry)

    def usable(moment: datetime, environment: str = "production") -> set[str]:
        return {one.agent_id for one in life.as_of("default", moment, environment=environment)}

    free = datetime.now(UTC)
    denied = tenants.deny("heat/boi*", reason="under review", environment="production")
    while_denied = datetime.now(UTC)
    tenants.withdraw(denied.id)
    tenants.allow("heat/x_p*", reason="only pumps")
    while_allowed = datetime.now(UTC)
    assert usable(free) == {"heat/boiler", "heat/x_pump"}
    assert usable(while_denied) == {"heat/x_pump"}
    assert usable(while_denied, "dev") == {"heat/boiler", "heat/x_pump"}
    assert usable(while_allowed) == {"heat/x_pump"}
    tenants.deny("heat/xypump", reason="_ is no wildcard")
    tenants.deny("HEAT/*", reason="case matters")
    assert usable(datetime.now(UTC)) == {"heat/x_pump"}


def test_public_agents_are_certified_for_a_tenant_until_it_has_its_own(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, caller=Caller(PUBLIC, "press"), keys=keys) as public:
        certify(public, enter(public))
        ours = public.as_caller(Caller("acme", "ann"))
        Tenants(public.as_caller(Caller("acme", "root"))).create("acme")
        moment = datetime.now(UTC)
        assert [one.tenant for one in Lifecycle(ours).as_of("acme", moment)] == [PUBLIC]
        with pytest.raises(LifecycleError, match="belongs to the tenant public"):
            Lifecycle(ours).rollback(BOILER, "not mine")
        enter(ours, pack="d")
        assert Lifecycle(ours).as_of("acme", datetime.now(UTC)) == []
        assert [one.tenant for one in Lifecycle(ours).as_of("acme", moment)] == [PUBLIC]


def test_use_by_another_tenant_is_kept_to_that_tenant(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, caller=Caller(PUBLIC, "press"), keys=keys) as public:
        enter(public)
        ours, others = public.as_caller(Caller("acme", "ann")), public.as_caller(Caller("zeta", "zoe"))
        use(ours, BOILER, calls=50, errors=1, users=2)
        assert Lifecycle(ours).metrics(BOILER).calls == 50
        assert Lifecycle(others).metrics(BOILER).calls == 0


def test_what_was_yanked_is_not_promoted(registry: Registry) -> None:
    enter(registry)
    registry.yank("heat/boiler", "1.0.0", "b" * 64, "wrong table")
    assert lacking(Lifecycle(registry).promote(BOILER, "experimental", "now")) == ["yanked"]


def test_two_who_promote_at_once_take_one_step(registry: Registry) -> None:
    enter(registry)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: somebody(registry, f"p{n}").promote(BOILER, "experimental", "now"), range(4)))
    assert sum(answer.taken for answer in answers) == 1
    assert [step.after for step in registry.transitions("heat/boiler", "1.0.0")] == ["draft", "experimental"]


def test_a_build_that_is_registered_again_while_it_is_promoted_stays_promoted(
    postgres: Postgres, postgres_database: str, postgres_url: str, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{postgres_database}' AND wait_event_type = 'Lock'"
    again: list[Future[str]] = []

    def end(connection: Connection) -> None:
        monkeypatch.setattr(audit, "write", write)
        again.append(pool.submit(enter, registry))
        while not again[0].done() and not postgres.sql(waits):
            pass
        write(connection)

    write = audit.write
    with Registry(postgres_url, keys=keys) as registry, ThreadPoolExecutor(1) as pool:
        ref = enter(registry)
        enter(registry, pack="d")
        monkeypatch.setattr(audit, "write", end)
        assert somebody(registry, "ada").promote(ref, "experimental", "now").taken
        assert again[0].result() == ref
        steps = [step.after for step in registry.transitions("heat/boiler", "1.0.0") if step.pack_digest == "b" * 64]
        assert steps == ["draft", "experimental", "experimental"]
        assert Lifecycle(registry).verify(ref) == []


# What was changed is named


def _change(registry: Registry, statement: str) -> None:
    """Change rows behind the registry's back, as somebody with the database in hand."""
    with registry.transaction(write=True) as connection:
        for table in APPEND_ONLY:
            for event in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_{event}"))
        connection.execute(text(statement))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Registry]:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as opened:
        certify(opened, enter(opened, Pin("factor", "ef://a/b", "1" * 64)))
        yield opened


def test_an_untouched_life_verifies(registry: Registry) -> None:
    certify(registry, enter(registry))
    Lifecycle(registry).deprecate(BOILER, "", "old")
    enter(registry, pack="d")
    assert Lifecycle(registry).verify(BOILER) == []


@pytest.mark.parametrize(
    ("statement", "rule", "named"),
    [
        ("UPDATE transitions SET actor = 'mallory' WHERE id = 3", "row", "`actor` is 'mallory'"),
        ("UPDATE transitions SET after = 'draft' WHERE id = 3", "row", "`after` is 'draft'"),
        ("UPDATE transitions SET at = '2020-01-01 00:00:00.000000' WHERE id = 2", "row", "`at`"),
        ("UPDATE transitions SET statement = replace(statement, '97.5', '99.5') WHERE id = 3", "signature", "changed"),
        ("UPDATE transitions SET signature = 'xx' WHERE id = 2", "signature", "changed"),
        ("UPDATE transitions SET key_id = 'ff' WHERE id = 2", "signature", "public key ff"),
        ("DELETE FROM transitions WHERE id = 2", "chain", "one is missing"),
        ("DELETE FROM transitions WHERE id = 3", "audit", "agent.promoted"),
        ("UPDATE transitions SET statement = '{\"evidence\": 5}'", "signature", "changed"),
        ('UPDATE transitions SET statement = \'{"evidence": {"approvals": [1, {}]}}\'', "signature", "changed"),
        ("UPDATE builds SET score = 99", "build", "its judgement"),
        ("UPDATE builds SET judgement = replace(judgement, 'passed', 'failed')", "build", "its judgement"),
        ("DELETE FROM pins", "build", "its pins"),
        ("UPDATE pins SET digest = '22'", "build", "its pins"),
    ],
)
def test_what_was_changed_behind_its_back_is_named(file: Registry, statement: str, rule: str, named: str) -> None:
    assert Lifecycle(file).verify(BOILER) == []
    _change(file, statement)
    found = Lifecycle(file).verify(BOILER)
    assert any(one.rule == rule and named in one.message for one in found), found


@pytest.mark.parametrize(
    ("statement", "rule", "named"),
    [
        ("UPDATE approvals SET approved = 1", "approval", "the word of eve"),
        ("UPDATE approvals SET actor = 'zoe' WHERE actor = 'bob'", "approval", "the word of zoe"),
        ("UPDATE policies SET text = replace(text, 'score_at_least: 85', 'score_at_least: 8')", "policy", "never saw"),
    ],
)
def test_a_decision_on_what_nobody_said_is_found_afterwards(
    tmp_path: Path, statement: str, rule: str, named: str
) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as opened:
        enter(opened)
        life = somebody(opened, "ada")
        assert life.promote(BOILER, "experimental", "first").taken
        for name in ("bob", "eve"):
            somebody(opened, name).approve(BOILER, "certified", approved=name == "bob", comment="read")
        if "policies" in statement:
            somebody(opened, "eve").approve(BOILER, "certified", comment="read")
        somebody(opened, "kim").approve(BOILER, "certified", comment="read")
        _change(opened, statement)
        assert life.promote(BOILER, "certified", "patch", fast_track=True).taken == ("zoe" not in statement)
        if "zoe" in statement:  # eve rejected it
            somebody(opened, "eve").approve(BOILER, "certified", comment="read")
            assert life.promote(BOILER, "certified", "patch", fast_track=True).taken
        found = life.verify(BOILER)
        assert any(one.rule == rule and named in one.message for one in found), found


def test_approvals_stay_spent_when_the_clock_goes_back(registry: Registry) -> None:
    enter(registry)
    life = somebody(registry, "ada")
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=True):
        assert life.promote(BOILER, "experimental", "first").taken
        for name in ("bob", "eve"):
            somebody(registry, name).approve(BOILER, "certified", comment="read")
        life.rollback(BOILER, "not yet")
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=True):  # somebody set it right
        assert life.promote(BOILER, "experimental", "again").taken
        assert "approvals_at_least" in lacking(life.promote(BOILER, "certified", "patch", fast_track=True))
        for name in ("bob", "eve"):
            somebody(registry, name).approve(BOILER, "certified", comment="read")
        status = life.status(BOILER, fast_track=True)
        assert "approvals_at_least" not in [one.name for one in status.lacking]


def test_a_refused_fast_track_is_one_in_the_log(registry: Registry) -> None:
    enter(registry)
    life = somebody(registry, "ada")
    assert life.promote(BOILER, "experimental", "first").taken
    assert not life.promote(BOILER, "certified", "critical", fast_track=True).taken
    assert not life.promote(BOILER, "certified", "patience").taken
    told = [one.as_dict()["detail"] for one in AuditLog(registry).query(event="agent.promotion-refused")]
    assert [(one["kind"], one["reason"]) for one in told] == [("promoted", "patience"), ("fast-track", "critical")]


def test_the_log_of_steps_takes_no_change_while_its_triggers_stand(file: Registry) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError, match="only added to"), file.transaction(write=True) as connection:
        connection.execute(text("UPDATE transitions SET actor = 'mallory'"))


# No sequence of calls leads to where the table does not

_PLACES = st.sampled_from(["1.0.0", "1.1.0"])


class Life(RuleBasedStateMachine):
    """Any calls in any order, by several people, over two versions with rebuilds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.registry = Registry(f"sqlite:///{self.folder.name}/registry.sqlite")
        for version, spec in (("1.0.0", "a"), ("1.1.0", "e")):
            enter(self.registry, version=version, spec_digest=spec * 64)

    def teardown(self) -> None:
        self.registry.close()
        self.folder.cleanup()

    @rule(version=_PLACES, pack=st.sampled_from("bd"))
    def build(self, version: str, pack: str) -> None:
        enter(self.registry, version=version, pack=pack, spec_digest=("a" if version == "1.0.0" else "e") * 64)

    @rule(version=_PLACES, to=st.sampled_from(["experimental", "certified"]), fast=st.booleans())
    def promote(self, version: str, to: str, fast: bool) -> None:
        Lifecycle(self.registry).promote(f"heat/boiler@{version}", to, "try", fast_track=fast)

    @rule(version=_PLACES, who=st.sampled_from(["bob", "eve"]), yes=st.booleans())
    def approve(self, version: str, who: str, yes: bool) -> None:
        if self.registry.get("heat/boiler", version).state == "experimental":
            somebody(self.registry, who).approve(f"heat/boiler@{version}", "certified", approved=yes, comment="x")

    @rule(version=_PLACES)
    def approve_both(self, version: str) -> None:
        self.approve(version, "bob", True)
        self.approve(version, "eve", True)

    @rule(version=_PLACES, successor=st.sampled_from(["", "heat/boiler@1.0.0", "heat/boiler@1.1.0"]))
    def deprecate(self, version: str, successor: str) -> None:
        Lifecycle(self.registry).deprecate(f"heat/boiler@{version}", successor, "try")

    @rule(version=_PLACES)
    def retire(self, version: str) -> None:
        Lifecycle(self.registry).retire(f"heat/boiler@{version}", "try")

    @rule(version=_PLACES)
    def rollback(self, version: str) -> None:
        Lifecycle(self.registry).rollback(f"heat/boiler@{version}", "try")

    @invariant()
    def every_life_follows_the_table_and_the_view_is_its_end(self) -> None:
        for version in ("1.0.0", "1.1.0"):
            steps = self.registry.transitions("heat/boiler", version)
            for build in self.registry.builds("heat/boiler", version):
                own = [step for step in steps if step.pack_digest == build.pack_digest]
                assert all(allows(step.before, step.after, step.kind) for step in own)
                assert standing(own)[-1].after == build.state == own[-1].after
            certified = [step for step in steps if step.after == "certified" and step.kind == "fast-track"]
            for step in certified:
                said = json.loads(step.statement)["evidence"]["approvals"]
                assert len({one["actor"] for one in said if one["approved"]} - {step.actor}) >= 2

    @invariant()
    def what_is_signed_verifies(self) -> None:
        assert Lifecycle(self.registry).verify(BOILER) == []


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_nothing_leads_out_of_retirement_and_nothing_up_without_a_policy() -> None:
    assert [after for before, after in LADDER if before == "retired"] == ["retired"]
    up = [
        kinds
        for (before, after), kinds in LADDER.items()
        if (before, after) in {("draft", "experimental"), ("experimental", "certified")}
    ]
    assert up == [("promoted", "fast-track")] * 2
