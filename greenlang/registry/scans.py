"""The security scan of a build: which of its parts were measured, when, and by advisories of which day.

The factory's scan is kept with the judgement of the build. Vulnerabilities become known later, so the dependency audit
can be made again by newer advisories, of the pack as it lies; each audit is kept, and the newest counts.

    parts       {measure: "met" | "not met" | "not measured"} of the dimension compliance_security
    advisories  how many there were; 0 where the dependencies were not audited
    newest      the day on which the last of them was modified; empty if none says so
    found       the vulnerabilities of the dependency audit
    at          when it was made; as it is read

Belongs here: making, keeping and reading scans. Does not belong here: what is measured (`greenlang.quality`), what is
asked of a scan (`policy`), files of advisories (`greenlang.quality.advisories`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError, PackError
from greenlang.factory.outcome import DimensionResult, MeasureResult
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.named import named
from greenlang.registry.packs import pack_of
from greenlang.registry.schema import one_at_a_time
from greenlang.registry.tables import BuildRow, ScanRow

if TYPE_CHECKING:
    from greenlang.quality.advisories import Advisories
    from greenlang.registry.store import Registry

DIMENSION = "compliance_security"  # the one that holds the security scan
AUDIT = "dependency audit"
NOT_MEASURED = "not measured"
_MOST = 50  # vulnerabilities that are named

Scan = dict[str, Any]


def made(dimension: DimensionResult) -> Scan:
    """The scan that a judgement holds."""
    result = next((one for one in dimension.measures if one.name == AUDIT), None)
    return {"parts": {one.name: _fate(one) for one in dimension.measures}, **_audited(result)}


def _audited(result: MeasureResult | None) -> Scan:
    basis: Mapping[str, str | int] = result.basis if result is not None else {}
    found = [one.message for one in result.details[:_MOST]] if result is not None and basis else []
    return {"advisories": basis.get("advisories", 0), "newest": basis.get("newest", ""), "found": found}


def _fate(result: MeasureResult) -> str:
    return NOT_MEASURED if result.share is None else "met" if result.met else "not met"


def newest(connection: Connection, builds: Sequence[int]) -> dict[int, Scan]:
    """Number of a build -> its newest scan; {} for one that nobody scanned."""
    judged = select(BuildRow.id, BuildRow.judgement, BuildRow.built_at).where(BuildRow.id.in_(builds))
    last = select(func.max(ScanRow.id)).where(ScanRow.build_id.in_(builds)).group_by(ScanRow.build_id)
    later = select(ScanRow.build_id, ScanRow.content, ScanRow.at).where(ScanRow.id.in_(last))
    rows = [(build, said.get(DIMENSION, {}).get("scan"), at) for build, said, at in connection.execute(judged)]
    rows += connection.execute(later).tuples().all()
    return {build: {**scan, "at": at.isoformat()} if scan else {} for build, scan, at in rows}


def age_days(scan: Mapping[str, Any], today: date) -> int | None:
    """How old the advisories of a scan are; None where there were none, or none says when. Below 0: of the future."""
    try:
        return (today - date.fromisoformat(scan.get("newest", ""))).days
    except ValueError:
        return None


def keep(connection: Connection, caller: Caller, build: int, subject: str, pack: str, scan: Scan) -> bool:
    """Keep a scan of one of the caller's builds if it tells something new; whether it was kept."""
    before = newest(connection, [build]).get(build, {})
    if not scan or {**before, "at": ""} == {**scan, "at": ""}:  # whenever that was
        return False
    row = {"tenant": caller.tenant, "build_id": build, "content": scan, "at": datetime.now(UTC), "actor": caller.actor}
    connection.execute(insert(ScanRow).values(**row))
    told = {"audit": scan["parts"].get(AUDIT, NOT_MEASURED), "newest": scan["newest"], "found": scan["found"]}
    audit.record(connection, caller, "agent.scanned", subject, pack=pack, **told)
    return True


def _knows(scan: Mapping[str, Any]) -> tuple[str, bool]:
    """In the order of what scans know: of which day the advisories are, and whether there were any."""
    return scan.get("newest", ""), scan.get("parts", {}).get(AUDIT, NOT_MEASURED) != NOT_MEASURED


def keep_judged(connection: Connection, caller: Caller, build: int, entry: RegistryEntry) -> bool:
    """`keep` for a build that came out of the factory again, byte for byte, with the scan of its new judgement.

    A factory that knows less than the scan that counts, by older advisories or none, takes nothing back.
    """
    found = entry.judgement.get(DIMENSION, {}).get("scan", {})
    if _knows(found) < _knows(newest(connection, [build]).get(build, {})):
        return False
    return keep(connection, caller, build, f"{entry.agent_id}@{entry.version}", entry.pack_digest, found)


def scan(
    registry: Registry, ref: str, homes: Path | Sequence[Path], advisories: Advisories, *, dry_run: bool = False
) -> Scan:
    """Audit the dependencies of a registered build's pack anew, and keep what was found.

    ``homes``: see `packs.homes`. The other parts stay as they were measured. Raises NotRegistered, ReferenceInvalid;
    LifecycleError for another tenant's build; PackNotHere and PackError where its pack is not here as it was certified,
    or has no bill of materials that can be read.
    """
    from greenlang.quality import sbom
    from greenlang.quality.measures.compliance_security import audited

    caller = registry.caller
    with registry.transaction() as connection:
        build = named(connection, caller, ref)
    if build.tenant != caller.tenant:
        raise LifecycleError(f"{build.subject} belongs to the tenant {build.tenant}, which alone can change it")
    pack = pack_of(build.build, homes)
    bill = sbom.read(pack.read(sbom.SBOM))
    if bill.problem:
        raise PackError(f"the bill of materials of {build.ref} {bill.problem}")
    result = audited(bill, advisories)
    with registry.transaction(write=not dry_run) as connection:
        number = build.build.id
        one_at_a_time(connection, "life", caller.tenant, build.entry.agent_id)
        parts = newest(connection, [number]).get(number, {}).get("parts", {})
        found = {**_audited(result), "parts": {**parts, AUDIT: _fate(result)}}
        if not dry_run:
            keep(connection, caller, number, build.subject, build.build.pack_digest, found)
    return found
