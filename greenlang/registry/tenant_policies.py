"""The policies of a tenant: which there are, which is in force, and what another would change.

Belongs here: what people ask of policies. Does not belong here: rows (`policy_store`), deciding (`policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from greenlang.errors import PolicyError
from greenlang.registry import policy_store
from greenlang.registry.evidence import gather
from greenlang.registry.ladder import standing
from greenlang.registry.named import own_builds
from greenlang.registry.policy import Case, Change, Policy, compare
from greenlang.registry.policy_file import supplied
from greenlang.registry.store import Registry
from greenlang.registry.verify import Recorded, recorded


class Policies:
    """The policies that the caller's tenant may use."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.caller = registry.caller

    def in_force(self) -> Policy:
        """The policy that decides about the tenant's builds now."""
        with self.registry.transaction() as connection:
            return policy_store.in_force(connection, self.caller)

    def all(self) -> list[Policy]:
        """Those that come with greenlang, and those that were ever in force."""
        with self.registry.transaction() as connection:
            return policy_store.every(connection, self.caller)

    def find(self, name: str) -> Policy:
        """One of `all`, by name or ``name@digest``. Raises PolicyError, with the names that there are."""
        with self.registry.transaction() as connection:
            return policy_store.find(connection, self.caller, name)

    def text(self, name: str) -> str:
        """The YAML of one of `all`. Raises PolicyError."""
        with self.registry.transaction() as connection:
            found = policy_store.find(connection, self.caller, name)
            return policy_store.texts(connection, self.caller).get(found.digest) or supplied()[found.name]

    def use(self, text: str, *, dry_run: bool = False) -> Policy:
        """Put a policy in force. Raises PolicyError, with every finding, for one that cannot be used.

        No build changes its state by that: a state is what was decided when it was decided.
        """
        with self.registry.transaction(write=not dry_run) as connection:
            return policy_store.use(connection, self.caller, text, dry_run=dry_run)

    def compare(self, old: Policy, new: Policy) -> list[Change]:
        """Whose state, or readiness for the next step, is another under ``new``; over all builds of the tenant."""
        with self.registry.transaction() as connection:
            return compare(old, new, self._cases(connection))

    def _cases(self, connection: Connection) -> list[Case]:
        """Every build that is on its way up or at the top, by a handful of queries."""
        states = ("draft", "experimental", "certified")
        alive = [build for build in own_builds(connection, self.caller) if build.build.state in states]
        steps = recorded(connection, [one.build.id for one in alive])
        first = [one.build.id for one in alive if one.is_in_force]
        now = gather(connection, first, asked_by="", now=datetime.now(UTC))
        return [
            Case(one.ref, one.build.state, _promotions(one.ref, steps[one.build.id]), now.get(one.build.id))
            for one in alive
        ]


def _promotions(ref: str, steps: list[Recorded]) -> tuple[tuple[str, bool, Mapping[str, Any]], ...]:
    """The steps up that stand, with their signed evidence."""
    try:
        up = [step for step in standing(steps) if step.kind in ("promoted", "fast-track")]
        return tuple((step.after, step.kind == "fast-track", step.content["evidence"]) for step in up)
    except (ValueError, KeyError) as error:
        raise PolicyError(
            f"the steps of {ref} were changed ({error}): `greenlang registry verify` says what"
        ) from error
