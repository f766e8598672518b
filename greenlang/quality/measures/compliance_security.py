"""Compliance and security: rules, secrets, the bill of materials, licences, advisories, inputs that must be refused."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import licences, sbom
from greenlang.quality.advisories import Advisories, Advisory
from greenlang.quality.measures.results import NOT_RUN, either, inapplicable, none, of_findings, place, share
from greenlang.quality.measures.subject import Subject
from greenlang.quality.secrets import secrets

AUDIT = "dependency audit"
_SPDX = re.compile(r"SPDX-License-Identifier:\s*(.+)")


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    bill = sbom.read(subject.files.bytes(sbom.SBOM))
    return [
        none("security rules", of_findings(subject.case.findings.security), "findings"),
        none("secrets", _secrets(subject), "likely secrets"),
        _schema(subject, bill),
        _true(subject, bill),
        either("licence", list(_licence(subject)), subject.spec.license),
        _component_licences(bill),
        audited(bill, subject.case.advisories),
        _validation(subject),
    ]


def _secrets(subject: Subject) -> list[Detail]:
    mend = "take it out of the spec, and withdraw the key: it was written down"
    return [
        Detail(f"looks like a secret: {kind}", path, line, kind, mend) for path, line, kind in secrets(subject.files)
    ]


def _schema(subject: Subject, bill: sbom.Bill) -> MeasureResult:
    said = f"{sbom.SBOM} {bill.problem}" if bill.problem else sbom.schema_fault(subject.files.bytes(sbom.SBOM))
    return either("sbom schema", [Detail(said, sbom.SBOM, rule="sbom")] if said else [], "fits CycloneDX 1.6")


def _true(subject: Subject, bill: sbom.Bill) -> MeasureResult:
    if bill.problem:
        return inapplicable("sbom true", "there is no bill that can be read; see its schema")
    project = subject.files.project
    stated = project.get("dependencies")
    found = sbom.differences(
        bill,
        name=str(project.get("name", "")),
        version=str(project.get("version", "")),
        requirements=[str(line) for line in stated] if isinstance(stated, list) else [],
        imported=subject.imported,
    )
    return none("sbom true", [Detail(said, sbom.SBOM, rule="sbom") for said in found], "differences")


def _licence(subject: Subject) -> Iterator[Detail]:
    wanted, text = subject.spec.license, subject.files.text("LICENSE")
    if not wanted:
        yield Detail("the spec states no licence", rule="licence")
    if not text.strip():
        yield Detail("there is no LICENSE in the pack", "LICENSE", rule="licence")
    stated = _SPDX.search(text)
    if wanted and stated and stated[1].strip() != wanted:
        yield Detail(f"LICENSE is {stated[1].strip()}, the spec says {wanted}", "LICENSE", rule="licence")
    declared = subject.files.project.get("license")
    if wanted and declared != wanted and declared is not None:  # a licence without an SPDX name has none there
        yield Detail(f"pyproject.toml says {declared}, the spec {wanted}", "pyproject.toml", rule="licence")


def _component_licences(bill: sbom.Bill) -> MeasureResult:
    if not bill.components:
        return inapplicable("component licences", "the bill names no component")
    wrong = []
    for component in bill.components:
        name = str(component.get("name", ""))
        try:
            expression = licences.licence_of(canonicalize_name(name))
        except importlib.metadata.PackageNotFoundError:
            wrong.append(Detail(f"{name} is not installed, so its licence is unknown", sbom.SBOM, rule="licence"))
            continue
        if not licences.allowed(expression):
            said = f"{name} is under {expression or 'no licence that it states'}, which is not allowed"
            wrong.append(Detail(said, sbom.SBOM, rule="licence"))
    total = len(bill.components)
    names = [d.message for d in wrong]
    return share("component licences", total - len(wrong), total, "components", names, wrong)


def audited(bill: sbom.Bill, advisories: Advisories | None) -> MeasureResult:
    """The components of a bill against known vulnerabilities. ``basis``: how many advisories, and the newest's day."""
    if advisories is None:
        return inapplicable(AUDIT, f"no advisories are at hand (GREENLANG_ADVISORIES); the audit {NOT_RUN}")
    if bill.problem:
        return inapplicable(AUDIT, "there is no bill that can be read; see its schema")
    found = []
    for component in bill.components:
        name, version = str(component.get("name", "")), str(component.get("version", ""))
        try:
            hits = advisories.of(name, version)
        except InvalidVersion:
            found.append(Detail(f"{name} {version!r} is no version that can be compared", sbom.SBOM, rule="audit"))
            continue
        for hit in hits:
            mend = f"take {name} {hit.fixed} or later" if hit.fixed else "no version without it is known"
            found.append(Detail(_told(name, version, hit), sbom.SBOM, 0, hit.id, mend))
    newest = f", the newest of {advisories.newest}" if advisories.newest else ""
    result = none(AUDIT, found, f"known vulnerabilities (by {advisories.count} advisories{newest})")
    return replace(result, basis={"advisories": advisories.count, "newest": advisories.newest})


def _told(name: str, version: str, hit: Advisory) -> str:
    """What an advisory says of a component."""
    said = f"{name} {version}: {hit.summary}".rstrip(": ")
    notes = [hit.severity, f"also {', '.join(hit.aliases)}" if hit.aliases else ""]
    notes.append(f"whether this version is affected cannot be told: {hit.unclear}" if hit.unclear else "")
    return f"{said} ({'; '.join(filter(None, notes))})" if any(notes) else said


def _validation(subject: Subject) -> MeasureResult:
    asked = subject.refusals
    if not asked:
        return inapplicable("input validation", f"inputs that must be refused: {NOT_RUN}, or there are none")
    start, wrong = len(subject.vectors), []
    for number, refusal in enumerate(asked, start):
        answer = subject.answers[number] if number < len(subject.answers) else {}
        error = answer.get("error")
        if answer.get("ok") is not False or not isinstance(error, dict):
            wrong.append(Detail(f"{refusal.name}: it was not refused", rule="validation"))
        elif error.get("code") != "invalid_input":
            wrong.append(Detail(f"{refusal.name}: refused with {error.get('code')}", rule="validation"))
        elif refusal.field not in re.split(r"[.\[\]]+", str(error.get("field", ""))):
            wrong.append(Detail(f"{refusal.name}: the refusal names {error.get('field')!r}", rule="validation"))
    said = [place(d) for d in wrong]
    return share("input validation", len(asked) - len(wrong), len(asked), "inputs refused", said, wrong)
