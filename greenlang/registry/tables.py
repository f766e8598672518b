"""The registry's tables. Every row belongs to a tenant; what has happened is only added to.

Belongs here: names, types, keys. Does not belong here: decisions, how a connection is made (`schema`), who may read a
row (`isolation`), how a database gets these tables (`migrations`).

    tenants, environments, grants, quotas          who may use what, where
    agent_versions, capabilities, dependencies     what a spec says; written once
    builds, pins, yanks, scans                     packs of a version: (id, version, digest) is an identity
    transitions, approvals, flags, policies        the life of a build, and why
    usage_days, usage_users, instances             how a build does in use
    audit_events, audit_heads, audit_anchors       who did what, as a chain
    api_keys, idempotency_keys                     who calls, and what was answered already
    batches, jobs, templates                       what was asked of the factory
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from greenlang.registry.schema import UtcDateTime

Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where the type is INTEGER
_TENANT = String(63)
_AGENT = String(200)
_VERSION = String(100)
_DIGEST = String(64)
_ACTOR = String(200)


class Base(DeclarativeBase):
    """All tables of the registry."""


class TenantRow(Base):
    """A tenant. ``public`` is the tenant whose rows all others may read."""

    __tablename__ = "tenants"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    name: Mapped[str]
    residency: Mapped[str] = mapped_column(String(20))  # a region tag, as "eu"; empty: anywhere
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EnvironmentRow(Base):
    """The least lifecycle state that an environment of a tenant asks of an agent. The newest row counts."""

    __tablename__ = "environments"
    __table_args__ = (Index("environments_of_tenant", "tenant", "name", "id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    name: Mapped[str] = mapped_column(String(20))  # dev, staging, production
    least_state: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)


class GrantRow(Base):
    """A line of a tenant's allow or deny list, in force from ``at`` until ``until``."""

    __tablename__ = "grants"
    __table_args__ = (Index("grants_of_tenant", "tenant", "id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    kind: Mapped[str] = mapped_column(String(10))  # allow, deny
    pattern: Mapped[str] = mapped_column(_AGENT)  # an agent id, or one with * in it
    environment: Mapped[str] = mapped_column(String(20))  # empty: all of them
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class QuotaRow(Base):
    """How much of something a tenant may have: versions, jobs a day, requests a minute. The newest row counts."""

    __tablename__ = "quotas"
    __table_args__ = (Index("quotas_of_tenant", "tenant", "name", "id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    name: Mapped[str] = mapped_column(String(40))
    most: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)


class VersionRow(Base):
    """One agent version: what its spec says. Written once."""

    __tablename__ = "agent_versions"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    agent_id: Mapped[str] = mapped_column(_AGENT, primary_key=True)
    version: Mapped[str] = mapped_column(_VERSION, primary_key=True)
    spec_digest: Mapped[str] = mapped_column(_DIGEST)
    name: Mapped[str]
    summary: Mapped[str]
    domain: Mapped[str] = mapped_column(String(100), index=True)
    tags: Mapped[list[str]] = mapped_column(JSON)
    regulations: Mapped[list[str]] = mapped_column(JSON)
    inputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    text: Mapped[str]  # everything that free text is looked for in, lower case
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(_ACTOR)


def _of_version() -> ForeignKeyConstraint:
    names = ["tenant", "agent_id", "version"]
    return ForeignKeyConstraint(names, [f"agent_versions.{name}" for name in names])


def _of_build() -> ForeignKeyConstraint:
    """A build of the same tenant: nobody writes into the life of another's."""
    return ForeignKeyConstraint(["build_id", "tenant"], ["builds.id", "builds.tenant"])


class CapabilityRow(Base):
    """One capability of one agent version: an output or a tag, lower case."""

    __tablename__ = "capabilities"
    __table_args__ = (_of_version(),)

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    agent_id: Mapped[str] = mapped_column(_AGENT, primary_key=True)
    version: Mapped[str] = mapped_column(_VERSION, primary_key=True)
    capability: Mapped[str] = mapped_column(String(200), primary_key=True, index=True)


class DependencyRow(Base):
    """An agent version needs another agent, in a range of versions as ``>=1.2,<2``."""

    __tablename__ = "dependencies"
    __table_args__ = (_of_version(),)

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    agent_id: Mapped[str] = mapped_column(_AGENT, primary_key=True)
    version: Mapped[str] = mapped_column(_VERSION, primary_key=True)
    needs: Mapped[str] = mapped_column(_AGENT, primary_key=True)
    constraint: Mapped[str]


class BuildRow(Base):
    """One pack of an agent version. Which one is in force is decided by lifecycle and evidence, then by ``id``."""

    __tablename__ = "builds"
    __table_args__ = (
        _of_version(),
        UniqueConstraint("tenant", "agent_id", "version", "pack_digest"),
        UniqueConstraint("id", "tenant"),
        Index("builds_of_version", "tenant", "agent_id", "version", "id"),
        Index("builds_by_digest", "pack_digest"),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    agent_id: Mapped[str] = mapped_column(_AGENT)
    version: Mapped[str] = mapped_column(_VERSION)
    pack_digest: Mapped[str] = mapped_column(_DIGEST)
    certificate_digest: Mapped[str] = mapped_column(_DIGEST)
    factor_release: Mapped[str]
    pack: Mapped[str]
    score: Mapped[float | None]
    coverage: Mapped[float | None]
    tests_passed: Mapped[int]
    tests_total: Mapped[int]
    judgement: Mapped[dict[str, Any]] = mapped_column(JSON)  # dimension -> status and score; sandbox profile
    built_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(_ACTOR)


class PinRow(Base):
    """A factor, table, formula or GWP set that a build pins: what its certification hangs on."""

    __tablename__ = "pins"
    __table_args__ = (
        _of_build(),
        Index("pins_by_ref", "ref"),
    )

    build_id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    ref: Mapped[str] = mapped_column(String(400), primary_key=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    digest: Mapped[str] = mapped_column(_DIGEST)


class YankRow(Base):
    """A build was taken out of, or put back into, what is chosen for people. The newest row counts."""

    __tablename__ = "yanks"
    __table_args__ = (_of_build(),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    build_id: Mapped[int] = mapped_column(Serial, index=True)
    yanked: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
    reason: Mapped[str]


class ScanRow(Base):
    """A later security scan of a build, by newer advisories. The newest row counts; the first is in its judgement."""

    __tablename__ = "scans"
    __table_args__ = (_of_build(),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    build_id: Mapped[int] = mapped_column(Serial, index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # as `scans` says
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)


class TransitionRow(Base):
    """One signed step in the life of a build; its state is a view over these (`build_states`)."""

    __tablename__ = "transitions"
    __table_args__ = (
        _of_build(),
        Index("transitions_of_build", "build_id", "id"),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    build_id: Mapped[int] = mapped_column(Serial)
    before: Mapped[str] = mapped_column(String(20))
    after: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))  # registered, promoted, fast-track, rollback, deprecated, retired
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
    reason: Mapped[str]
    policy: Mapped[str] = mapped_column(String(100))  # name@digest of what decided; empty where nothing had to
    successor: Mapped[str] = mapped_column(String(300))
    statement: Mapped[str]  # canonical JSON: the step, its evidence, and the digest of the statement before
    signature: Mapped[str]  # Ed25519 over the statement, base64
    key_id: Mapped[str] = mapped_column(_DIGEST)


class ApprovalRow(Base):
    """Somebody approved or rejected a step that a build is to take."""

    __tablename__ = "approvals"
    __table_args__ = (
        _of_build(),
        Index("approvals_of_build", "build_id", "after", "id"),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    build_id: Mapped[int] = mapped_column(Serial)
    step: Mapped[int] = mapped_column(BigInteger)  # the one that gave the state it was said of: clocks may go back
    after: Mapped[str] = mapped_column(String(20))
    approved: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
    comment: Mapped[str]


class FlagRow(Base):
    """What a build was certified with has been superseded: the certification decays.

    ``until`` is when what was pinned came into force again; a flag without it is open.
    """

    __tablename__ = "flags"
    __table_args__ = (
        _of_build(),
        Index("flags_of_build", "build_id"),
        Index(
            "flags_open",
            "build_id",
            "kind",
            "ref",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    build_id: Mapped[int] = mapped_column(Serial)
    kind: Mapped[str] = mapped_column(String(40))
    ref: Mapped[str] = mapped_column(String(400))
    before: Mapped[str] = mapped_column(_DIGEST)
    after: Mapped[str] = mapped_column(_DIGEST)  # empty: it is there no longer
    release: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PolicyRow(Base):
    """A promotion policy that a tenant put in force. The newest row counts."""

    __tablename__ = "policies"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT, index=True)
    name: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(_DIGEST)
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)


class UsageDayRow(Base):
    """Calls of a build on a day, as those who run it report them."""

    __tablename__ = "usage_days"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    build_id: Mapped[int] = mapped_column(ForeignKey("builds.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    errors: Mapped[int] = mapped_column(BigInteger)


class UsageUserRow(Base):
    """Somebody used a build on a day. ``user`` is a digest, no name."""

    __tablename__ = "usage_users"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    build_id: Mapped[int] = mapped_column(ForeignKey("builds.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    user: Mapped[str] = mapped_column(_DIGEST, primary_key=True)


class InstanceRow(Base):
    """A running instance of an agent version, as its last heartbeat says.

    ``tenant`` is who runs it; the agent is that tenant's own or a public one, so no key points to it.
    """

    __tablename__ = "instances"
    __table_args__ = (Index("instances_by_time", "tenant", "seen_at"),)

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    agent_id: Mapped[str] = mapped_column(_AGENT, primary_key=True)
    version: Mapped[str] = mapped_column(_VERSION, primary_key=True)
    instance: Mapped[str] = mapped_column(String(200), primary_key=True)
    endpoint: Mapped[str]
    location: Mapped[str] = mapped_column(String(40))
    health: Mapped[float]  # 0 to 1
    metrics: Mapped[dict[str, float]] = mapped_column(JSON)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """Something was done, or was refused. Each row's digest is over the row and the digest before."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("audit_events_by_time", "tenant", "at"),)

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
    event: Mapped[str] = mapped_column(String(60))  # agent.published, agent.promoted, access.denied, ...
    subject: Mapped[str] = mapped_column(String(400))
    detail: Mapped[str]  # canonical JSON
    previous: Mapped[str] = mapped_column(_DIGEST)
    digest: Mapped[str] = mapped_column(_DIGEST)


class AuditHeadRow(Base):
    """The end of a tenant's chain. Whoever adds to it locks this row; ``number`` tells readers of a change."""

    __tablename__ = "audit_heads"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(_DIGEST)


class AuditAnchorRow(Base):
    """Events up to ``number`` were removed after their retention; the signed statement holds the last one's digest."""

    __tablename__ = "audit_anchors"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    statement: Mapped[str]  # canonical JSON: what was removed, its last digest, the digest of the exported file
    signature: Mapped[str]  # Ed25519 over the statement, base64
    key_id: Mapped[str] = mapped_column(_DIGEST)


class ApiKeyRow(Base):
    """A key for the API: only its digest is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the part of the key that is no secret
    tenant: Mapped[str] = mapped_column(_TENANT, index=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(_DIGEST)
    roles: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str]] = mapped_column(JSON)  # permissions that it is held to; empty: those of its roles
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(_ACTOR)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotencyRow(Base):
    """What was answered to a write that named a key, so that it is answered again and not done again."""

    __tablename__ = "idempotency_keys"

    tenant: Mapped[str] = mapped_column(_TENANT, primary_key=True)
    actor: Mapped[str] = mapped_column(_ACTOR, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request: Mapped[str] = mapped_column(_DIGEST)
    status: Mapped[int | None]  # None: it is being done
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class BatchRow(Base):
    """Several specs that were asked for at once."""

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("id", "tenant"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(_TENANT, index=True)
    total: Mapped[int]
    launcher: Mapped[str] = mapped_column(String(40))
    run: Mapped[str] = mapped_column(String(100))  # what the launcher calls it
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(_ACTOR)


class JobRow(Base):
    """One spec of a batch. How far it is stands in the launcher and in the outcomes; this is what was asked."""

    __tablename__ = "jobs"
    __table_args__ = (ForeignKeyConstraint(["batch_id", "tenant"], ["batches.id", "batches.tenant"]),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(_TENANT, index=True)
    batch_id: Mapped[str] = mapped_column(String(40), index=True)
    place: Mapped[int]
    key: Mapped[str] = mapped_column(String(400))  # agent id, version and the beginning of the spec's digest
    file: Mapped[str] = mapped_column(String(400))
    spec_digest: Mapped[str] = mapped_column(_DIGEST)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TemplateRow(Base):
    """A template of specs that somebody registered. The newest row of a name counts."""

    __tablename__ = "templates"
    __table_args__ = (Index("templates_of_tenant", "tenant", "name", "id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(_TENANT)
    name: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(_DIGEST)
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(_ACTOR)
