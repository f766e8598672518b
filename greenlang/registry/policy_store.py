"""Which policy a tenant has in force, and the text of each that ever decided something.

Without a choice it is `policy_file.DEFAULT`. The first decision puts it in force for good: a newer greenlang with
another default changes nothing for a registry that has promoted by the older one.

Belongs here: the table `policies`. Does not belong here: reading texts (`policy_file`), deciding (`policy`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from greenlang.errors import PolicyError
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.policy import Policy
from greenlang.registry.policy_file import DEFAULT, parse, supplied
from greenlang.registry.tables import PolicyRow


@lru_cache(maxsize=64)
def _read(text: str) -> Policy:
    return parse(text)


def in_force(connection: Connection, caller: Caller) -> Policy:
    """The policy that decides for the caller's tenant now."""
    return _chosen(connection, caller) or _read(supplied()[DEFAULT])


def _chosen(connection: Connection, caller: Caller) -> Policy | None:
    text = connection.execute(
        select(PolicyRow.text).where(PolicyRow.tenant == caller.tenant).order_by(PolicyRow.id.desc()).limit(1)
    ).scalar_one_or_none()
    return None if text is None else _read(text)


def settle(connection: Connection, caller: Caller) -> Policy:
    """`in_force`, kept from now on where it was the default until now."""
    policy = _chosen(connection, caller)
    return policy or use(connection, caller, supplied()[DEFAULT])


def use(connection: Connection, caller: Caller, text: str, *, dry_run: bool = False) -> Policy:
    """Put a policy in force for the caller's tenant. Raises PolicyError for one that cannot be used.

    A name stands for one policy: what is changed gets another name, so that old and new can be compared.
    """
    policy = _read(text)
    known = every(connection, caller)
    for other in known:
        if other.name == policy.name and policy not in known:
            raise PolicyError(f"`{policy.name}` is the name of another policy already: give the changed one a new name")
    if dry_run:
        return policy
    connection.execute(
        insert(PolicyRow).values(
            tenant=caller.tenant,
            name=policy.name,
            digest=policy.digest,
            text=text,
            at=datetime.now(UTC),
            actor=caller.actor,
        )
    )
    audit.record(connection, caller, "policy.used", policy.name, digest=policy.digest)
    return policy


def texts(connection: Connection, caller: Caller) -> dict[str, str]:
    """Digest -> text of every policy that was ever in force: own ones, and those of the public tenant."""
    rows = connection.execute(
        select(PolicyRow.digest, PolicyRow.text).where(PolicyRow.tenant.in_(caller.readable)).order_by(PolicyRow.id)
    )
    return dict(rows.tuples().all())


def every(connection: Connection, caller: Caller) -> list[Policy]:
    """Every policy that comes with greenlang or was ever in force, each once."""
    found = map(_read, (*supplied().values(), *texts(connection, caller).values()))
    return list({policy.digest: policy for policy in found}.values())


def find(connection: Connection, caller: Caller, name: str) -> Policy:
    """The policy of a name or of a ``name@digest``: one that was in force, or that comes with greenlang.

    Raises PolicyError, with the names that there are.
    """
    found = every(connection, caller)
    for policy in reversed(found):  # one that decided here comes before one that came with greenlang later
        if name in {policy.name, policy.ref}:
            return policy
    names = ", ".join(dict.fromkeys(policy.name for policy in found))
    raise PolicyError(f"no policy is called `{name}`; there are {names}")
