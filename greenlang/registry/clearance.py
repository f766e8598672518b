"""Whether a tenant may use an agent in an environment: `gl agent check` of design document 002.

Asked are, in this order: that there is such a build, that no list forbids it, that it may be served where the tenant
is, that its state is what the environment asks for, that nobody took it back. All that is in the way is said at once.

Belongs here: those questions. Does not belong here: what they are asked of (`tenants`, `lifecycle`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from greenlang.errors import NotRegistered
from greenlang.registry.details import needs_of
from greenlang.registry.finding import Finding
from greenlang.registry.named import Named, named
from greenlang.registry.needs import unmet
from greenlang.registry.steps import RANK
from greenlang.registry.tables import FlagRow, TenantRow, TransitionRow

if TYPE_CHECKING:
    from greenlang.registry.tenants import Tenants

RESIDENCY = "residency:"  # a tag of an entry, as residency:eu


def check(tenants: Tenants, reference: str, environment: str) -> list[Finding]:
    """Everything that is in the way, and warnings; nothing: it may be used."""
    tenants.get()
    with tenants.registry.transaction() as connection:
        try:
            found = named(connection, tenants.registry.caller, reference)
        except NotRegistered as error:
            mend = "`greenlang registry search` finds what is; a tenant sees its own agents and public ones"
            return [Finding("registered", reference, str(error), mend)]
    return [
        *_listed(tenants, found.entry.agent_id, environment),
        *_resident(tenants, found),
        *_matured(tenants, found, environment),
        *_flagged(tenants, found),
        *_needing(tenants, found),
    ]


def _listed(tenants: Tenants, agent_id: str, environment: str) -> Iterator[Finding]:
    lines = tenants.lists()
    where = f"{tenants.tenant}/{environment}"
    for line in lines:
        if line.kind == "deny" and line.covers(agent_id, environment):
            message = f"{line.pattern} is denied in {where}: {line.reason} ({line.actor}, {line.at:%Y-%m-%d})"
            yield Finding(
                "deny-list", where, message, f"`greenlang tenant withdraw {tenants.tenant} {line.id}` ends that"
            )
    allowing = [line for line in lines if line.kind == "allow" and line.environment in ("", environment)]
    if allowing and not any(line.covers(agent_id, environment) for line in allowing):
        mend = f"`greenlang tenant allow {tenants.tenant} {agent_id} --environment {environment} --reason ...` adds it"
        patterns = ", ".join(line.pattern for line in allowing[:5])
        yield Finding("allow-list", where, f"{where} allows {patterns} and not {agent_id}", mend)


def _resident(tenants: Tenants, found: Named) -> Iterator[Finding]:
    """What has a region tag is served there and nowhere else; the place is that of the tenant and of the registry."""
    own = tenants.get().residency
    with tenants.registry.transaction() as connection:  # where another tenant shares it, with that one's tag
        owner = connection.execute(
            select(TenantRow.residency).where(TenantRow.tenant == found.tenant, TenantRow.tenant != tenants.tenant)
        ).scalar_one_or_none()
    tags = {tag.lower().removeprefix(RESIDENCY) for tag in found.entry.tags if tag.lower().startswith(RESIDENCY)}
    for tag in sorted(tags | ({owner} if owner else set())):
        if {own, tenants.region} - {""} != {tag}:
            asks = (
                f"the tenant {tenants.tenant} is of {own or 'no region'}, this registry {tenants.region or 'of none'}"
            )
            mend = f"ask a registry in {tag} (GREENLANG_REGION), for a tenant with the residency {tag}"
            yield Finding("residency", found.ref, f"{found.subject} stays in {tag}; {asks}", mend)
    if own and tenants.region and own != tenants.region:
        message = f"the tenant {tenants.tenant} is served in {own} alone; this registry serves {tenants.region}"
        yield Finding("residency", tenants.tenant, message, f"ask the registry in {own}")


def _needing(tenants: Tenants, found: Named) -> list[Finding]:
    """What it needs and nobody has; an agent runs without it, so that is a warning."""
    named = needs_of(tenants.registry, found.entry.agent_id)
    return unmet(tenants.registry, found.subject, named.get((found.tenant, found.entry.version), {}))


def _matured(tenants: Tenants, found: Named, environment: str) -> Iterator[Finding]:
    state = found.build.state
    if found.build.yanked:
        mend = "take another version: `greenlang registry info` lists them"
        yield Finding("yanked", found.ref, f"{found.ref} was taken back", mend)
    if state == "deprecated":  # until it is retired it does what it did; who comes new should take the successor
        with tenants.registry.transaction() as connection:
            step = connection.execute(
                select(TransitionRow.before, TransitionRow.successor, TransitionRow.reason)
                .where(TransitionRow.build_id == found.build.id, TransitionRow.kind == "deprecated")
                .order_by(TransitionRow.id.desc())
                .limit(1)
            ).one()
        mend = f"go over to {step.successor}" if step.successor else "look for another agent"
        yield Finding("deprecated", found.ref, f"{found.ref} is deprecated: {step.reason}", mend, "warning")
        state = step.before
    least = tenants.environments()[environment]
    if RANK[state] < RANK[least]:
        mend = f"`greenlang agent promotion-status {found.subject}` tells what is lacking; or take a {least} version"
        message = f"{found.ref} is {found.build.state}; {environment} of {tenants.tenant} asks for {least}"
        yield Finding("state", found.ref, message, mend)


def _flagged(tenants: Tenants, found: Named) -> Iterator[Finding]:
    with tenants.registry.transaction() as connection:
        rows = connection.execute(
            select(FlagRow.kind, FlagRow.ref, FlagRow.release)
            .where(FlagRow.build_id == found.build.id, FlagRow.until.is_(None))
            .order_by(FlagRow.id)
        ).all()
    mend = "rebuild it under the release in force and promote that build"
    for row in rows[:5]:
        message = f"{found.ref} rests on the {row.kind} {row.ref}, which {row.release} superseded"
        yield Finding("decay", found.ref, message, mend, "warning")
