"""What stands behind a digest.

Belongs here: asking each room that knows digests, for what the caller may read. Does not belong here: making digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import or_, select

from greenlang.api.services import Services
from greenlang.calc.certificate import ResultCertificate
from greenlang.calc.verify import verify
from greenlang.errors import GreenlangError
from greenlang.factors.storage import replace_file
from greenlang.factors.table import rows_digest
from greenlang.formulas.library import library
from greenlang.registry import Registry
from greenlang.registry.packs import PackNotHere, homes, pack_of
from greenlang.registry.tables import BuildRow, VersionRow
from greenlang.settings import Settings
from greenlang.sync import releases

_KEPT = "certificates"


class Thing(BaseModel):
    """One thing with that digest. ``verifies`` null: it is not on this machine, so nobody could look."""

    kind: str = Field(description="pack, pack certificate, spec, factor, formula, factor release, calculation")
    ref: str
    verifies: bool | None
    findings: list[str] = Field(description="why it does not verify, or could not be looked at")


class Behind(BaseModel):
    """Everything with that digest."""

    digest: str
    found: list[Thing]
    next: str | None = None


def keep(settings: Settings, certificate: ResultCertificate) -> None:
    """Keep the certificate of a calculation of a tenant, under its digest."""
    path = settings.var / _KEPT / f"{certificate.digest}.json"
    if not path.exists():
        replace_file(path, lambda target: target.write_text(certificate.json(), encoding="utf-8"))


def behind(services: Services, registry: Registry, tenant: str, digest: str) -> Iterator[Thing]:
    """Everything with that digest that the tenant may read, each verified as it is asked for."""
    return chain(_builds(services, registry, digest), _figures(services, digest), _kept(services, tenant, digest))


def _builds(services: Services, registry: Registry, digest: str) -> Iterator[Thing]:
    columns = (BuildRow.tenant, BuildRow.agent_id, BuildRow.version, BuildRow.pack_digest)
    wanted = (
        select(*columns, BuildRow.certificate_digest, BuildRow.pack, VersionRow.spec_digest)
        .join(
            VersionRow,
            (VersionRow.tenant == BuildRow.tenant)
            & (VersionRow.agent_id == BuildRow.agent_id)
            & (VersionRow.version == BuildRow.version),
        )
        .where(BuildRow.tenant.in_(registry.caller.readable))
        .where(
            or_(
                BuildRow.pack_digest == digest,
                BuildRow.certificate_digest == digest,
                VersionRow.spec_digest == digest,
            )
        )
        .order_by(BuildRow.id)
    )
    with registry.transaction() as connection:
        rows = connection.execute(wanted).all()
    seen: set[tuple[str, str]] = set()
    for row in rows:
        kinds = {"pack": row.pack_digest, "pack certificate": row.certificate_digest, "spec": row.spec_digest}
        kind = next(kind for kind, value in kinds.items() if value == digest)
        ref = f"{row.agent_id}@{row.version}" + ("" if kind == "spec" else f"#{row.pack_digest[:12]}")
        if (kind, ref) not in seen:
            seen.add((kind, ref))
            yield _build(services, row, kind, ref)


def _build(services: Services, row: Any, kind: str, ref: str) -> Thing:
    from greenlang.bucket import Bucket
    from greenlang.factory.inbox.shelf import spec_path

    if kind == "spec":
        settings, digest = services.of_tenant(row.tenant), row.spec_digest
        path = spec_path(f"{ref}-{digest[:8]}")
        try:
            good = Bucket.open(settings.bucket_address).digest(path) == digest
        except FileNotFoundError:
            return Thing(kind=kind, ref=ref, verifies=None, findings=["its bytes are not on this machine"])
        return Thing(kind=kind, ref=ref, verifies=good, findings=[] if good else [f"{path} was changed"])
    try:
        pack = pack_of(row, homes(services.settings, row.tenant))
    except PackNotHere as error:
        return Thing(kind=kind, ref=ref, verifies=None, findings=[str(error)])
    findings = pack.certificate.verify(pack.folder)
    return Thing(kind=kind, ref=ref, verifies=not findings, findings=findings)


def _figures(services: Services, digest: str) -> Iterator[Thing]:
    """Digests that are computed anew from what is loaded."""
    factors = services.factors()
    if factors.table.digest == digest:
        yield _release(factors.table.release, digest, factors.recomputed())
    else:
        store = releases(services.settings)
        for name in store.names():
            if store.get(name).digest == digest:
                yield _release(name, digest, rows_digest(store.table(name)))
    key = factors.key_of(digest)
    if key is not None:
        yield Thing(kind="factor", ref=f"ef://{key}@{factors.table.release}", verifies=True, findings=[])
    for formula in library():
        if formula.digest == digest:
            yield Thing(kind="formula", ref=formula.id, verifies=True, findings=[])


def _release(name: str, digest: str, found: str) -> Thing:
    findings = [] if found == digest else [f"its rows have the digest {found}"]
    return Thing(kind="factor release", ref=name, verifies=not findings, findings=findings)


def _kept(services: Services, tenant: str, digest: str) -> Iterator[Thing]:
    path = services.of_tenant(tenant).var / _KEPT / f"{digest}.json"
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        yield Thing(kind="calculation", ref="", verifies=False, findings=["the certificate that was kept is no JSON"])
        return
    ref = str(told.get("formula", {}).get("id", ""))
    try:
        found = verify(told, services.factors().table, library(), expected=digest)
    except GreenlangError as error:
        yield Thing(kind="calculation", ref=ref, verifies=False, findings=[str(error)])
        return
    yield Thing(kind="calculation", ref=ref, verifies=found.verified, findings=[str(one) for one in found.findings])
