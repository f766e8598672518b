"""`greenlang agent promote | approve | deprecate | retire | rollback`, and what led to a build's state.

Belongs here: the commands about the life of builds. Does not belong here: which steps there are, what decides
(`greenlang.registry.lifecycle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.agent_export import app
from greenlang.cli.app import NEGATIVE
from greenlang.cli.governed import DryRun, Reason, TenantOption, governed, moment
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import LifecycleError

if TYPE_CHECKING:
    from greenlang.registry.decay import Flag
    from greenlang.registry.lifecycle import Answer
    from greenlang.registry.policy import Check, Decision

__all__ = ["app"]

Build = Annotated[
    str,
    typer.Argument(metavar="REF", help="id@version for the build that is in force, id@version#digest for one build."),
]
FastTrack = Annotated[bool, typer.Option("--fast-track", help="Without age and use, if two others approved.")]


class Target(StrEnum):
    """What a build can be promoted to."""

    experimental = "experimental"
    certified = "certified"


To = Annotated[Target, typer.Option("--to", help="The next state.")]


@app.command()
def promote(
    context: typer.Context,
    ref: Build,
    *,
    to: To,
    reason: Reason,
    fast_track: FastTrack = False,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Promote a build if the policy in force is met. Exits 1, with what lacks, if it is not."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        answer = Lifecycle(registry).promote(ref, to.value, reason, fast_track=fast_track, dry_run=dry_run)
    show_answer(answer, json=json)


@app.command()
def approve(
    context: typer.Context,
    ref: Build,
    *,
    to: To,
    comment: Annotated[str, typer.Option("--comment", help="Why; it is signed with the step.")],
    reject: Annotated[bool, typer.Option("--reject", help="Say no; nobody promotes it until you approve.")] = False,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Approve, or reject, a build's next step. Whoever asks for the promotion does not count."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        life = Lifecycle(registry)
        decision = life.approve(ref, to.value, approved=not reject, comment=comment, dry_run=dry_run)
    if json:
        as_json(decision.as_dict())
        return
    said = "rejected" if reject else "approved"
    typer.echo(f"{'would be ' if dry_run else ''}{said}: {ref} to {to.value}")
    if not reject:
        typer.echo("somebody else has to ask for the step: whoever promotes does not count among those who approved")
    show_checks(decision.lacking)


@app.command()
def deprecate(
    context: typer.Context,
    ref: Build,
    *,
    reason: Reason,
    successor: Annotated[str, typer.Option("--successor", help="id@1.3.0, or a range as 'id@>=1.3,<2'.")] = "",
    no_successor: Annotated[bool, typer.Option("--no-successor", help="There is nothing to use instead.")] = False,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Deprecate a version, or one build, naming what to use instead. Exits 1 if it cannot be."""
    from greenlang.registry.lifecycle import Lifecycle

    if bool(successor) == no_successor:
        raise LifecycleError("say what to use instead by --successor, or that there is nothing by --no-successor")
    with governed(context, tenant) as registry:
        answer = Lifecycle(registry).deprecate(ref, successor, reason, dry_run=dry_run)
    show_answer(answer, json=json)


@app.command()
def retire(
    context: typer.Context,
    ref: Build,
    *,
    reason: Reason,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Retire a version, or one build: drafts at once, others once they are deprecated. There is no way back."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        answer = Lifecycle(registry).retire(ref, reason, dry_run=dry_run)
    show_answer(answer, json=json)


@app.command()
def rollback(
    context: typer.Context,
    ref: Build,
    *,
    reason: Reason,
    tenant: TenantOption = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Undo the last step of a build; what was in force before it is so again. Exits 1 if there is none to undo."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        answer = Lifecycle(registry).rollback(ref, reason, dry_run=dry_run)
    show_answer(answer, json=json)


@app.command("promotion-status")
def promotion_status(
    context: typer.Context,
    ref: Build,
    *,
    to: Annotated[Target | None, typer.Option("--to", help="Default: the next state.")] = None,
    fast_track: FastTrack = False,
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """What a build has and lacks for its next state; whether a certified one would be certified today. 1: it lacks."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        life = Lifecycle(registry)
        decision = life.status(ref, to.value if to else "", fast_track=fast_track)
        flags = [one for one in life.flags(ref) if one.until is None]
    if json:
        as_json({**decision.as_dict(), "flags": [one.as_dict() for one in flags]})
    else:
        show_decision(decision)
        show_flags(flags)
    if not decision.allowed:
        raise typer.Exit(NEGATIVE)


@app.command()
def history(context: typer.Context, ref: Build, *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """Every step in the life of a version's builds: when, who, why, by which policy."""
    from greenlang.registry.lifecycle import Lifecycle

    with governed(context, tenant) as registry:
        life = Lifecycle(registry).history(ref)
    if json:
        as_json([{name: getattr(step, name) for name in step.__slots__} for step in life])
        return
    table(
        ("when", "build", "step", "from", "to", "who", "why", "policy", "successor"),
        [
            (
                step.at,
                step.pack_digest[:12],
                step.kind,
                step.before,
                step.after,
                step.actor,
                step.reason,
                step.policy.partition("@")[0],
                step.successor,
            )
            for step in life
        ],
    )


@app.command()
def metrics(
    context: typer.Context,
    ref: Build,
    *,
    window: Annotated[str, typer.Option("--window", help="Days, today included, as 30d.")] = "30d",
    tenant: TenantOption = None,
    json: AsJson = False,
) -> None:
    """How a build does in use: calls, errors, users, by day."""
    from greenlang.registry.lifecycle import Lifecycle

    number = window.removesuffix("d")
    if not number.isdecimal():
        raise LifecycleError(f"`{window}` is no number of days: write 30d")
    with governed(context, tenant) as registry:
        found = Lifecycle(registry).metrics(ref, int(number))
    if json:
        as_json(found.as_dict())
        return
    rate = "no call" if found.error_rate is None else f"{found.error_rate:.3g} %"
    facts([("build", found.ref), ("from", found.start), ("to", found.end)])
    facts(
        [("calls", str(found.calls)), ("errors", str(found.errors)), ("error rate", rate), ("users", str(found.users))]
    )
    rows = [(day.day.isoformat(), day.calls, day.errors, day.users) for day in found.days]
    table(("day", "calls", "errors", "users"), rows, right=(1, 2, 3))


@app.command("report-usage")
def report_usage(
    context: typer.Context,
    ref: Build,
    *,
    calls: Annotated[int, typer.Option("--calls", min=0, help="Calls to add to that day.")],
    errors: Annotated[int, typer.Option("--errors", min=0, help="How many of them failed.")] = 0,
    user: Annotated[list[str] | None, typer.Option("--user", help="Who called; only a digest is kept.")] = None,
    day: Annotated[str, typer.Option("--day", help="As 2026-11-22; default: today (UTC).")] = "",
    tenant: TenantOption = None,
    dry_run: DryRun = False,
) -> None:
    """Report calls of a build: what promotion asks for as use."""
    from greenlang.registry.lifecycle import Lifecycle

    asked = moment(day or None)
    on: date = (asked or datetime.now(UTC)).date()
    with governed(context, tenant) as registry:
        Lifecycle(registry).record_usage(ref, on, calls, errors, user or (), dry_run=dry_run)
    typer.echo(f"{'would be ' if dry_run else ''}added: {calls} calls, {errors} errors on {on}")


def show_answer(answer: Answer, *, json: bool) -> None:
    """Print what became of a request; exits 1 where it was refused."""
    if json:
        as_json(answer.as_dict())
    elif answer.allowed:
        for build, before, after in answer.steps:
            typer.echo(f"{'' if answer.taken else 'would be '}{answer.kind}: {build} from {before} to {after}")
        if answer.taken:
            facts([("in force", answer.in_force), ("latest", answer.latest), ("policy", answer.policy)])
    else:
        typer.echo(f"refused: {answer.ref}")
        show_checks(answer.lacking)
    if not answer.allowed:
        raise typer.Exit(NEGATIVE)


def show_decision(decision: Decision) -> None:
    """Print a decision with every criterion."""
    track = ", fast track" if decision.fast_track else ""
    typer.echo(f"{'ready' if decision.allowed else 'not ready'} for {decision.to} ({decision.policy[:20]}{track})")
    show_checks(decision.checks)


def show_flags(flags: Sequence[Flag]) -> None:
    """Print what is superseded, and by which release."""
    if flags:
        rows = [(f.pin.kind, f.pin.ref, f.pin.before[:12], f.pin.after[:12] or "gone", f.release, f.at) for f in flags]
        table(("superseded", "pin", "was", "is", "release", "since"), rows)


def show_checks(checks: Sequence[Check]) -> None:
    """Print criteria, those that are not met with what to do."""
    if checks:
        rows = [(c.name, c.wanted, c.found, "yes" if c.met else "no", "" if c.met else c.mend) for c in checks]
        table(("criterion", "wanted", "found", "met", "mend"), rows)
