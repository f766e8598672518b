"""The life of builds: asking for a step, and taking it if table and policy allow it. Every step is signed and logged.

The life is a build's: `id@version` means the build of that version that is in force (`choice`), `id@version#digest` one
build. What that means for versions:

- promote: that build. A rebuild that was promoted to the same state as an older build is in force from then on; until
  then the older one stays.
- deprecate, retire: without a digest the version, that is every build of it that can take the step.
- rollback: one build, back to the state on which its last step was taken. What was in force before it is so again by
  itself: the order of `choice` puts certified before experimental. Rolled back was a step, not the evidence: to come up
  again the build needs its policy anew, with a new age and new approvals. A deprecation is rolled back likewise.

A refusal is a value: `Answer.lacking`. Belongs here: the order of reading, deciding and writing. Does not belong here:
which steps there are (`ladder`), criteria (`policy`), who may ask (`roles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError
from greenlang.provenance import bytes_digest
from greenlang.registry import audit, decay, moments, policy_store, reasons, successor, usage, verify
from greenlang.registry.entry import Transition
from greenlang.registry.evidence import gather, state_step
from greenlang.registry.finding import Finding
from greenlang.registry.ladder import PROMOTIONS, allows, before_promotion, next_state, standing
from greenlang.registry.named import Named, builds_of, named
from greenlang.registry.needs import left_without
from greenlang.registry.policy import Check, Checked, Decision, Policy, decide
from greenlang.registry.reference import Reference
from greenlang.registry.schema import one_at_a_time
from greenlang.registry.steps import Kind, Step, write_step
from greenlang.registry.store import Registry
from greenlang.registry.tables import ApprovalRow, TransitionRow
from greenlang.registry.verify import recorded

EVENTS: Mapping[str, str] = {
    "promoted": "agent.promoted",
    "fast-track": "agent.promoted",
    "rollback": "agent.rolled-back",
    "deprecated": "agent.deprecated",
    "retired": "agent.retired",
}


@dataclass(frozen=True, slots=True)
class Answer(Checked):
    """What became of a request. ``steps`` are (build, state before, state after); none where it was refused.

    ``taken`` is False for a refusal and for a trial. ``in_force`` is the build of the version that is in force after
    it, ``latest`` the agent's latest version; both empty where nothing was taken.
    """

    ref: str
    kind: str
    steps: tuple[tuple[str, str, str], ...]
    checks: tuple[Check, ...]
    taken: bool
    policy: str = ""
    in_force: str = ""
    latest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("ref", "kind", "taken", "policy", "in_force", "latest")
        return {
            **{name: getattr(self, name) for name in names},
            "allowed": self.allowed,
            "steps": [dict(zip(("build", "before", "after"), step, strict=True)) for step in self.steps],
            "checks": [check.as_dict() for check in self.checks],
        }


class Lifecycle:
    """The life of the builds that a registry's caller may change: those of its own tenant.

    Names that name nothing raise NotRegistered or ReferenceInvalid; what cannot be meant raises LifecycleError. With
    ``dry_run`` everything is read and decided, nothing written.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.caller = registry.caller

    # Steps

    def promote(self, ref: str, to: str, reason: str, *, fast_track: bool = False, dry_run: bool = False) -> Answer:
        """Promote a build to ``experimental`` or ``certified`` if the policy in force is met. Refusals are logged."""
        _said(reason)
        if to not in PROMOTIONS:
            raise LifecycleError(f"nothing is promoted to `{to}`: write {' or '.join(PROMOTIONS)}")
        with self._changing(ref, dry_run) as connection:
            build = self._own(connection, ref)
            policy = (policy_store.in_force if dry_run else policy_store.settle)(connection, self.caller)
            decision, evidence = self._decide(connection, build, policy, to, fast_track)
            kind: Kind = "fast-track" if fast_track else "promoted"
            if not decision.allowed or dry_run:
                if not dry_run:
                    lacking = [check.name for check in decision.lacking]
                    told = {"to": to, "pack": build.build.pack_digest, "policy": policy.ref, "lacking": lacking}
                    told |= {"kind": kind, "reason": reason}
                    audit.record(connection, self.caller, "agent.promotion-refused", build.subject, **told)
                steps = ((build.ref, build.build.state, to),) if decision.allowed else ()
                return Answer(build.ref, kind, steps, decision.checks, False, policy.ref)
            step = Step(build.build.state, to, kind, reason, policy.ref, evidence)
            return self._take(connection, build, kind, [(build, step)], decision.checks)

    def approve(self, ref: str, to: str, *, approved: bool = True, comment: str, dry_run: bool = False) -> Decision:
        """Say that a build may, or may not, become ``to``; the newest word of each person counts. What still lacks.

        Whoever asks for the promotion cannot count among those who approve it. Raises LifecycleError where the build's
        next step is another one.
        """
        _said(comment)
        with self._changing(ref, dry_run) as connection:
            build = self._own(connection, ref)
            if to not in PROMOTIONS or next_state(build.build.state) != to:
                raise LifecycleError(f"{build.ref} is {build.build.state}: `{to}` is not its next step")
            if not dry_run:
                values = {"build_id": build.build.id, "after": to, "approved": approved, "comment": comment}
                values["step"] = state_step(connection, build.build.id)
                now = datetime.now(UTC)
                row = {**values, "tenant": self.caller.tenant, "at": now, "actor": self.caller.actor}
                connection.execute(insert(ApprovalRow).values(**row))
                event = "agent.approved" if approved else "agent.rejected"
                told = {"to": to, "pack": build.build.pack_digest, "comment": comment}
                audit.record(connection, self.caller, event, build.subject, **told)
            policy = policy_store.in_force(connection, self.caller)
            return self._decide(connection, build, policy, to, False, asked_by="")[0]

    def deprecate(self, ref: str, successor_ref: str, reason: str, *, dry_run: bool = False) -> Answer:
        """Deprecate a version, or one build, naming what to use instead: ``id@1.3.0``, ``id@>=1.3,<2``, or nothing.

        A successor that is not there, or that nobody should use, is refused.
        """
        return self._down(ref, "deprecated", reason, successor_ref, dry_run)

    def retire(self, ref: str, reason: str, *, dry_run: bool = False) -> Answer:
        """Retire a version, or one build: drafts at once, others after their deprecation. There is no way back."""
        return self._down(ref, "retired", reason, "", dry_run)

    def _down(self, ref: str, to: Kind, reason: str, successor_ref: str, dry_run: bool) -> Answer:
        _said(reason)
        with self._changing(ref, dry_run) as connection:
            build = self._own(connection, ref)
            every = [build] if Reference.parse(ref).digest else builds_of(connection, build)
            able = [one for one in every if allows(one.build.state, to, to)]
            if to == "retired" and any(one.build.state in ("experimental", "certified") for one in every):
                able = []  # what may still be used is announced first
            states = ", ".join(dict.fromkeys(one.build.state for one in every))
            wanted = {"deprecated": "experimental or certified", "retired": "draft or deprecated"}[to]
            mend = {"deprecated": "retire it", "retired": "deprecate it first"}[to]
            checks = [Check("state", wanted, states, bool(able), mend)]
            if to == "retired" and able and (left := left_without(connection, self.caller, build, able)):
                mend = "give them another version in that range, or deprecate them first"
                checks.append(Check("needed", "nobody in use is left without it", "; ".join(left), False, mend))
            if successor_ref:
                checks.append(successor.check(connection, self.caller, successor_ref, build))
            if not all(check.met for check in checks) or dry_run:
                steps = tuple((one.ref, one.build.state, to) for one in able) if all(c.met for c in checks) else ()
                return Answer(build.ref, to, steps, tuple(checks), False)
            steps_ = [(one, Step(one.build.state, to, to, reason, successor=successor_ref)) for one in able]
            return self._take(connection, build, to, steps_, tuple(checks))

    def rollback(self, ref: str, reason: str, *, dry_run: bool = False) -> Answer:
        """Undo the last step of a build: what was in force before it is so again. Evidence is kept with the step."""
        _said(reason)
        with self._changing(ref, dry_run) as connection:
            build = self._own(connection, ref)
            stack = standing(recorded(connection, [build.build.id])[build.build.id])
            state = build.build.state
            back = stack[-2].after if len(stack) > 1 else ""
            able = bool(back) and allows(state, back, "rollback")
            mend = "there is no step to undo; deprecate or retire it"
            check = Check("state", "experimental, certified or deprecated", state, able, mend)
            if not able or dry_run:
                return Answer(build.ref, "rollback", ((build.ref, state, back),) if able else (), (check,), False)
            evidence = self._evidence(connection, [build])[build.build.id]
            step = Step(state, back, "rollback", reason, evidence=evidence)
            return self._take(connection, build, "rollback", [(build, step)], (check,))

    # Reading

    def status(self, ref: str, to: str = "", *, fast_track: bool = False) -> Decision:
        """What a build lacks for its next step, or for ``to``; whether a certified one would be certified today."""
        with self.registry.transaction() as connection:
            build = named(connection, self.caller, ref)
            policy = policy_store.in_force(connection, self.caller)
            wanted = to or next_state(build.build.state) or build.build.state
            if wanted in PROMOTIONS:
                return self._decide(connection, build, policy, wanted, fast_track, anew=True)[0]
            state = build.build.state
            check = Check("state", "draft, experimental or certified", state, False, "nothing is promoted from there")
            return Decision(wanted, policy.ref, fast_track, (check,))

    def flags(self, ref: str) -> list[decay.Flag]:
        """What a build pins that is superseded, and what was for a time; the oldest first."""
        with self.registry.transaction() as connection:
            return decay.flags_of(connection, named(connection, self.caller, ref).build.id)

    def reevaluate(self, ref: str) -> list[tuple[Decision, bool]]:
        """Every promotion of a build decided anew from its signed evidence; whether the answer is still yes.

        Raises PolicyError where the policy that decided is not there.
        """
        with self.registry.transaction() as connection:
            build = named(connection, self.caller, ref)
            return [
                (decision := verify.again(connection, self.caller, step), decision.allowed)
                for step in recorded(connection, [build.build.id])[build.build.id]
                if step.policy
            ]

    def verify(self, ref: str, keys: Path | None = None) -> list[Finding]:
        """What does not fit in the log of a version's builds (see `verify`); ``keys``: a folder of public keys."""
        with self.registry.transaction() as connection:
            build = named(connection, self.caller, ref)
            return verify.verify(connection, self.caller, build, keys or self.registry.signer.folder)

    def as_of(
        self, tenant: str, moment: datetime, *, environment: str = "production", state: str = "certified"
    ) -> list[moments.Standing]:
        """What was certified for a tenant at a moment, and on which evidence (see `moments`)."""
        other = self.registry.as_caller(replace(self.caller, tenant=tenant))
        with other.transaction() as connection:
            return moments.standing_at(connection, tenant, moment, environment=environment, state=state)

    def history(self, ref: str) -> list[Transition]:
        """Every step of a version's builds, or of one build, the oldest first."""
        with self.registry.transaction() as connection:
            build = named(connection, self.caller, ref)
        steps = self.registry.transitions(build.entry.agent_id, build.entry.version)
        one = build.build.pack_digest if Reference.parse(ref).digest else ""
        return [step for step in steps if not one or step.pack_digest == one]

    # Use

    def record_usage(
        self, ref: str, day: date, calls: int, errors: int, users: Iterable[str] = (), *, dry_run: bool = False
    ) -> None:
        """Add a report to what is known of a day; see `usage.reports`. A public build may be reported on, too."""
        report = usage.Report.of(ref, day, calls, errors, users)
        if not dry_run:
            self.registry.write(usage.reports, report)
            return
        with self.registry.transaction() as connection:
            named(connection, self.caller, report.ref)

    def metrics(self, ref: str, window: int = 30) -> usage.Metrics:
        """How a build did in the last ``window`` days, today included."""
        if not 1 <= window <= 3660:
            raise LifecycleError(f"a window has 1 to 3,660 days, not {window}")
        today = datetime.now(UTC).date()
        with self.registry.transaction() as connection:
            build = named(connection, self.caller, ref)
            return usage.metrics(connection, build, today - timedelta(days=window - 1), today)

    # Inside

    def _changing(self, ref: str, dry_run: bool) -> AbstractContextManager[Connection]:
        Reference.parse(ref)
        return self.registry.transaction(write=not dry_run)

    def _own(self, connection: Connection, ref: str) -> Named:
        """The build, with its agent locked: who asks at the same time waits, and then sees what was done."""
        wanted = Reference.parse(ref)
        one_at_a_time(connection, "life", self.caller.tenant, wanted.agent_id)
        build = named(connection, self.caller, wanted)
        if build.tenant != self.caller.tenant:
            raise LifecycleError(f"{build.subject} belongs to the tenant {build.tenant}, which alone can change it")
        return build

    def _evidence(
        self, connection: Connection, builds: Iterable[Named], asked_by: str | None = None
    ) -> dict[int, dict[str, Any]]:
        asked = self.caller.actor if asked_by is None else asked_by
        return gather(connection, [build.build.id for build in builds], asked_by=asked, now=datetime.now(UTC))

    def _decide(
        self,
        connection: Connection,
        build: Named,
        policy: Policy,
        to: str,
        fast_track: bool,
        asked_by: str | None = None,
        anew: bool = False,
    ) -> tuple[Decision, dict[str, Any]]:
        """``anew``: whether a build that is there already may be asked about, too."""
        evidence = self._evidence(connection, [build], asked_by)[build.build.id]
        decision = decide(policy, evidence, to, fast_track=fast_track)
        state, wanted = build.build.state, before_promotion(to)
        if state != wanted and not (anew and state == to):
            mend = f"only what is {wanted} becomes {to}; another build of the version is named by #digest"
            check = Check("state", wanted, state, False, mend)
            decision = Decision(to, policy.ref, fast_track, (check, *decision.checks))
        return decision, evidence

    def _take(
        self,
        connection: Connection,
        build: Named,
        kind: Kind,
        steps: list[tuple[Named, Step]],
        checks: tuple[Check, ...],
    ) -> Answer:
        """Write the steps and their events; what is in force after them."""
        for one, step in steps:
            row = write_step(connection, self.caller, self.registry.signer, one.build.id, step)
            statement = connection.execute(select(TransitionRow.statement).where(TransitionRow.id == row)).scalar_one()
            audit.record(
                connection,
                self.caller,
                EVENTS[kind],
                one.subject,
                before=step.before,
                after=step.after,
                pack=one.build.pack_digest,
                reason=step.reason,
                statement=bytes_digest(statement.encode()),
            )
        after = named(connection, self.caller, build.subject)
        latest = named(connection, self.caller, build.entry.agent_id)
        taken = tuple((one.ref, step.before, step.after) for one, step in steps)
        return Answer(build.ref, kind, taken, checks, True, steps[0][1].policy, after.ref, latest.subject)


def _said(reason: str) -> None:
    reasons.check(reason, "say why: every step keeps its reason")
