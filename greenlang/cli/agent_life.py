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
from greenlang.cli.governed import DryRun, Reason, TenantOption, moment
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, every
from greenlang.cli.show import as_json, facts, plain, table, when
from greenlang.errors import LifecycleError

if TYPE_CHECKING:
    from greenlang.client import Document

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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    answer = ask(
        context,
        tenant,
        lambda registry: (
            Lifecycle(registry).promote(ref, to.value, reason, fast_track=fast_track, dry_run=dry_run).as_dict()
        ),
        lives.promote(ref, to.value, reason, fast_track=fast_track, dry_run=dry_run),
    )
    show_answer(answer, json=json, dry_run=dry_run)


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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    decision = ask(
        context,
        tenant,
        lambda registry: (
            Lifecycle(registry).approve(ref, to.value, approved=not reject, comment=comment, dry_run=dry_run).as_dict()
        ),
        lives.approve(ref, to.value, comment, approved=not reject, dry_run=dry_run),
    )
    if json:
        as_json(decision)
        return
    said = "rejected" if reject else "approved"
    typer.echo(f"{'would be ' if dry_run else ''}{said}: {ref} to {to.value}")
    if not reject:
        typer.echo("somebody else has to ask for the step: whoever promotes does not count among those who approved")
    show_checks(_lacking(decision))


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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    if bool(successor) == no_successor:
        raise LifecycleError("say what to use instead by --successor, or that there is nothing by --no-successor")
    answer = ask(
        context,
        tenant,
        lambda registry: Lifecycle(registry).deprecate(ref, successor, reason, dry_run=dry_run).as_dict(),
        lives.deprecate(ref, successor, reason, dry_run=dry_run),
    )
    show_answer(answer, json=json, dry_run=dry_run)


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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    answer = ask(
        context,
        tenant,
        lambda registry: Lifecycle(registry).retire(ref, reason, dry_run=dry_run).as_dict(),
        lives.retire(ref, reason, dry_run=dry_run),
    )
    show_answer(answer, json=json, dry_run=dry_run)


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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    answer = ask(
        context,
        tenant,
        lambda registry: Lifecycle(registry).rollback(ref, reason, dry_run=dry_run).as_dict(),
        lives.rollback(ref, reason, dry_run=dry_run),
    )
    show_answer(answer, json=json, dry_run=dry_run)


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
    from greenlang.client import lives
    from greenlang.registry import Registry
    from greenlang.registry.lifecycle import Lifecycle

    state = to.value if to else ""

    def here(registry: Registry) -> Document:
        life = Lifecycle(registry)
        told = life.status(ref, state, fast_track=fast_track).as_dict()
        return told | {"flags": [one.as_dict() for one in life.flags(ref) if one.until is None]}

    decision = ask(context, tenant, here, lives.status(ref, state, fast_track=fast_track))
    if json:
        as_json(decision)
    else:
        track = ", fast track" if decision["fast_track"] else ""
        ready = "ready" if decision["allowed"] else "not ready"
        typer.echo(f"{ready} for {decision['to']} ({decision['policy'][:20]}{track})")
        show_checks(decision["checks"])
        _show_flags(decision["flags"])
    if not decision["allowed"]:
        raise typer.Exit(NEGATIVE)


@app.command()
def history(context: typer.Context, ref: Build, *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """Every step in the life of a version's builds: when, who, why, by which policy."""
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    life: list[Document] = ask(
        context,
        tenant,
        lambda registry: [
            plain({name: getattr(step, name) for name in step.__slots__}) for step in Lifecycle(registry).history(ref)
        ],
        every(lives.history(ref)),
    )
    if json:
        as_json(life)
        return
    names = ("kind", "before", "after", "actor", "reason")
    table(
        ("when", "build", "step", "from", "to", "who", "why", "policy", "successor"),
        [
            (
                when(step["at"]),
                step["pack_digest"][:12],
                *(step[name] for name in names),
                step["policy"].partition("@")[0],
                step["successor"],
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
    from greenlang.client import lives
    from greenlang.registry.lifecycle import Lifecycle

    number = window.removesuffix("d")
    if not number.isdecimal():
        raise LifecycleError(f"`{window}` is no number of days: write 30d")
    days = int(number)
    found = ask(
        context, tenant, lambda registry: Lifecycle(registry).metrics(ref, days).as_dict(), lives.usage(ref, days)
    )
    if json:
        as_json(found)
        return
    rate = "no call" if found["error_rate"] is None else f"{found['error_rate']:.3g} %"
    figures = [(name, str(found[name])) for name in ("calls", "errors", "users")]
    facts([("build", found["ref"]), ("from", found["start"]), ("to", found["end"]), *figures, ("error rate", rate)])
    rows = [tuple(day[name] for name in ("day", "calls", "errors", "users")) for day in found["days"]]
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
    from greenlang.client import lives
    from greenlang.registry import Registry
    from greenlang.registry.lifecycle import Lifecycle

    asked = moment(day or None)
    on: date = (asked or datetime.now(UTC)).date()

    def here(registry: Registry) -> Document:
        Lifecycle(registry).record_usage(ref, on, calls, errors, user or (), dry_run=dry_run)
        return {}

    ask(context, tenant, here, lives.report_usage(ref, on, calls, errors, user or (), dry_run=dry_run))
    typer.echo(f"{'would be ' if dry_run else ''}added: {calls} calls, {errors} errors on {on}")


def show_answer(answer: Document, *, json: bool, dry_run: bool) -> None:
    """Print what became of a request for a step; exits 1 where it was refused."""
    if json:
        as_json(answer)
    elif answer["allowed"]:
        for step in answer["steps"]:
            would = "would be " if dry_run else ""
            typer.echo(f"{would}{answer['kind']}: {step['build']} from {step['before']} to {step['after']}")
        if answer["taken"]:
            facts([("in force", answer["in_force"]), ("latest", answer["latest"]), ("policy", answer["policy"])])
    else:
        typer.echo(f"refused: {answer['ref']}")
        show_checks(_lacking(answer))
    if not answer["allowed"]:
        raise typer.Exit(NEGATIVE)


def show_checks(checks: Sequence[Document]) -> None:
    """Print criteria, those that are not met with what to do."""
    if checks:
        rows = [(c["name"], c["wanted"], c["found"], "yes" if c["met"] else "no", c["mend"]) for c in checks]
        table(("criterion", "wanted", "found", "met", "mend"), rows)


def _lacking(answer: Document) -> list[Document]:
    return [check for check in answer["checks"] if not check["met"]]


def _show_flags(flags: Sequence[Document]) -> None:
    """Print what is superseded, and by which release."""
    if flags:
        rows = [
            (f["kind"], f["ref"], f["before"][:12], f["after"][:12] or "gone", f["release"], when(f["at"]))
            for f in flags
        ]
        table(("superseded", "pin", "was", "is", "release", "since"), rows)
