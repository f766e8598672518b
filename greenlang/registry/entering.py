"""Entering versions and their builds: as many as arrive at once by as many statements as one.

Belongs here: what may be entered beside what stands, and its rows. Does not belong here: single rows (`rows`), signing
(`steps`), what a pack says (`pack_reading`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy.engine import Connection

from greenlang.errors import QuotaExceeded, ReferenceInvalid, RegistryConflict
from greenlang.registry import audit, quotas, rows
from greenlang.registry.caller import Caller
from greenlang.registry.entry import Pin, RegistryEntry
from greenlang.registry.holds import holds
from greenlang.registry.rows import Identity, Standing
from greenlang.registry.schema import each_at_a_time
from greenlang.registry.steps import Step, first_steps, write_step
from greenlang.signing import Signer

if TYPE_CHECKING:
    from greenlang.registry import packs

Registered = Literal["created", "rebuilt", "exists"]


@dataclass(frozen=True, slots=True)
class Entering:
    """An entry that is to stand. ``rebuild``: another pack under a version that stands is a new build of it."""

    entry: RegistryEntry
    pins: tuple[Pin, ...]
    needs: Mapping[str, str]
    rebuild: bool
    signer: Signer

    @property
    def subject(self) -> str:
        """``id@version``."""
        return f"{self.entry.agent_id}@{self.entry.version}"

    @property
    def identity(self) -> Identity:
        """Agent id and version."""
        return self.entry.agent_id, self.entry.version


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of it. ``build`` stands with this pack; ``entry`` is how a new version stands."""

    done: Registered
    build: packs.Registered
    entry: RegistryEntry | None = None


Asked = Sequence[tuple[Caller, Entering]]


def entered(connection: Connection, asked: Asked) -> list[Entered | Exception]:
    """Enter what is asked of one tenant (see `together`); of several builds of a version one after another."""
    results: list[Entered | Exception | None] = [None] * len(asked)
    left = list(range(len(asked)))
    while left:
        once = {asked[place][1].identity: place for place in reversed(left)}
        places = sorted(once.values())
        for place, result in zip(places, _once(connection, [asked[place] for place in places]), strict=True):
            results[place] = result
        left = [place for place in left if results[place] is None]
    return [result for result in results if result is not None]


def _once(connection: Connection, asked: Asked) -> list[Entered | Exception]:
    """The same for different versions."""
    tenant, now = asked[0][0].tenant, datetime.now(UTC)
    identities = sorted(one.identity for _, one in asked)
    lives = {("life", tenant, agent_id) for agent_id, _ in identities}  # a build's state is read, and a step written
    each_at_a_time(connection, [*lives, *((tenant, *identity) for identity in identities)])
    specs = rows.specs_of(connection, tenant, identities)
    builds = rows.standing(connection, tenant, list(specs)) if specs else {}
    new = [one for _, one in asked if one.identity not in specs]
    room = quotas.room(connection, tenant, "versions") if new else None
    results: list[Entered | Exception] = []
    fresh: list[tuple[Caller, Entering]] = []
    for caller, one in asked:
        try:
            if one.identity in specs:
                spec, standing = specs[one.identity], builds[one.identity]
                results.append(_beside(connection, caller, one, spec, standing, now))
                continue
            _check(tenant, one, room, len(fresh))
        except (RegistryConflict, QuotaExceeded, ReferenceInvalid) as error:
            results.append(error)
            continue
        fresh.append((caller, one))
        stands = replace(one.entry, tenant=tenant, state="draft", yanked=False, successor="", flags=0)
        results.append(Entered("created", one.entry, replace(stands, created_at=now, built_at=now)))
    if fresh:
        rows.add_versions(connection, [(caller, one.entry, one.needs) for caller, one in fresh], now)
        _build(connection, fresh, now)
    return results


def _check(tenant: str, one: Entering, room: tuple[int, int] | None, taken: int) -> None:
    """Raises QuotaExceeded, and ReferenceInvalid for a need that is no range."""
    from greenlang.registry.versions import Constraint

    if room is not None and room[1] + taken >= room[0]:
        raise quotas.exceeded(tenant, "versions", room[0], f"it has {room[1] + taken}")
    for text in one.needs.values():
        Constraint.parse(text)


def _beside(
    connection: Connection, caller: Caller, one: Entering, spec: str, builds: Sequence[Standing], now: datetime
) -> Entered:
    """Enter a build of a version that stands, if it may be. Raises RegistryConflict."""
    entry = one.entry
    if spec != entry.spec_digest:
        raise RegistryConflict(
            f"{entry.agent_id} {entry.version} is registered with the spec {spec}; this one is "
            f"{entry.spec_digest}. What is registered stays: give the changed spec a new version"
        )
    standing = next((build for build in builds if build.pack_digest == entry.pack_digest), None)
    if standing is not None and one.rebuild:  # judged again, perhaps by newer advisories
        from greenlang.registry import scans

        scans.keep_judged(connection, caller, standing.id, entry)
    if standing is not None and (not one.rebuild or builds[0] is standing):
        return Entered("exists", standing)
    if builds and not one.rebuild:
        raise RegistryConflict(
            f"{entry.agent_id} {entry.version} is published with the pack {builds[0].pack_digest}; this one is "
            f"{entry.pack_digest}. What is published stays: give it a new version"
        )
    done: Registered = "rebuilt" if builds else "created"
    if standing is None:
        _build(connection, [(caller, one)], now)
        return Entered(done, entry)
    step = Step(standing.state, standing.state, "registered", "registered")
    write_step(connection, caller, one.signer, standing.id, step)
    _record(connection, caller, one)
    return Entered(done, standing)


def _build(connection: Connection, asked: Asked, now: datetime) -> None:
    """Add builds of different versions with what they pin, and the first step of their lives."""
    builds = rows.add_builds(connection, [(caller, one.entry, one.pins) for caller, one in asked], now)
    first_steps(
        connection,
        [(caller, one.signer, one.entry, builds[one.identity], holds(one.entry, one.pins)) for caller, one in asked],
    )
    for caller, one in asked:
        _record(connection, caller, one)


def _record(connection: Connection, caller: Caller, one: Entering) -> None:
    event = "agent.built" if one.rebuild else "agent.published"
    told = {"pack": one.entry.pack_digest, "spec": one.entry.spec_digest}
    audit.record(connection, caller, event, one.subject, **told)
