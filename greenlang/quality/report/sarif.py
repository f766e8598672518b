"""The findings of a report as SARIF 2.1.0, for code hosts and editors.

Belongs here: the shape. Does not belong here: findings. Paths are relative to the pack, whose place the reader of the
file knows (``originalUriBaseIds`` names it without saying where it lies).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from greenlang import __version__
from greenlang.factory.outcome import Detail
from greenlang.quality.dimensions import DIMENSIONS, Dimension
from greenlang.quality.report.model import QualityReport, level
from greenlang.quality.report.steps import aim
from greenlang.specs.sarif import SCHEMA

BASE = "PACK"


@dataclass(frozen=True, slots=True)
class _Result:
    rule: str
    detail: Detail
    extra: str = ""  # what tells it from others of the same rule and file


def sarif(report: QualityReport, *, docs: str = "") -> dict[str, Any]:
    """One run: the measures are its rules, their findings and the mutants that survived its results.

    ``docs`` is the absolute address of docs/quality.md where it is published; rules then link to it.
    """
    results = [*_details(report), *_survivors(report)]
    rules = _rules(report, docs)
    place = {rule["id"]: number for number, rule in enumerate(rules)}
    files = sorted({r.detail.path for r in results if r.detail.path})
    seen: Counter[str] = Counter()
    invocation: dict[str, Any] = {"executionSuccessful": not report.mishap}
    if report.at:
        invocation["endTimeUtc"] = report.at.replace("+00:00", "Z")  # the standard's own spelling of UTC
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "greenlang-quality", "version": __version__, "rules": rules}},
        "automationDetails": {"id": f"greenlang/quality/{report.agent_id}/{report.version}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"description": {"text": "the folder of the agent's pack"}}},
        "invocations": [invocation],
        "artifacts": [{"location": _location(name)} for name in files],
        "results": [_result(r, place[r.rule], seen) for r in results],
        "properties": {
            "agent": report.agent_id,
            "version": report.version,
            "result": report.result,
            "score": report.score,
            "failedRequired": [d.name for d in report.failed_required],
            "digests": dict(report.digests),
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rules(report: QualityReport, docs: str) -> list[dict[str, Any]]:
    """Every declared measure, met or not, and one rule for mutants; measures that are reported and not declared too."""
    found: dict[str, dict[str, Any]] = {}
    for number, dimension in enumerate(DIMENSIONS, 1):
        for measure in dimension.measures:
            rule = rule_id(dimension.name, measure.name)
            need = "must be met in full" if measure.must else "counts for the score"
            text = (
                f"{measure.what}; met at {aim(measure)}. Measured by: {measure.how}. "
                f"It {need}; see docs/quality.md, {dimension.title}."
            )
            found[rule] = _rule(rule, f"{dimension.title}: {measure.name}", text, dimension, docs, number)
            found[rule]["defaultConfiguration"] = {"level": "error" if measure.must else "warning"}
    declared = {d.name: (number, d) for number, d in enumerate(DIMENSIONS, 1)}
    for dimension_result in report.dimensions:
        number, declaration = declared.get(dimension_result.name, (0, None))
        for name in [m.name for m in dimension_result.measures] or [""]:
            rule = rule_id(dimension_result.name, name)
            title = f"{dimension_result.title}: {name}".removesuffix(": ")
            found.setdefault(rule, _rule(rule, title, f"{title}. See docs/quality.md.", declaration, docs, number))
    text = "A mistake that was put into the agent on purpose and that none of its tests noticed. Add a test that does."
    found[SURVIVOR] = _rule(SURVIVOR, "Mutant survived", text, None, docs, 0)
    return list(found.values())


SURVIVOR = "tests/mutant-survived"


def rule_id(dimension: str, measure: str) -> str:
    """``dimension/measure`` in letters that every reader of rules takes."""
    return "/".join(part.replace("_", "-").replace(" ", "-").lower() for part in (dimension, measure) if part)


def _rule(rule: str, title: str, text: str, of: Dimension | None, docs: str, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": title},
        "fullDescription": {"text": text},
        "help": {"text": text},
    }
    if of is not None:
        made["properties"] = {"tags": [of.name], "dimension": of.title}
    if docs:
        anchor = "-".join(f"{number} {of.title}".lower().split()) if of is not None else ""
        made["helpUri"] = f"{docs.rstrip('#')}#{anchor}" if anchor else docs
    return made


def _details(report: QualityReport) -> Iterator[_Result]:
    """Each finding; and for what is not met and left no finding, the measure itself."""
    for dimension in report.dimensions:
        blocking = dimension.status == "failed" and dimension.required
        if not dimension.measures and dimension.status == "failed":
            message = dimension.reason or dimension.evidence or "failed"
            yield _Result(rule_id(dimension.name, ""), Detail(message, level="error" if blocking else "warning"))
        for measure in dimension.measures:
            rule = rule_id(dimension.name, measure.name)
            for detail in measure.details:
                yield _Result(rule, replace(detail, level=level(dimension, measure, detail)))
            if measure.share is not None and not measure.met and not measure.details:
                missed = Detail(f"{measure.name}: {measure.text}", level="error" if blocking else "warning")
                yield _Result(rule, missed)


def _survivors(report: QualityReport) -> Iterator[_Result]:
    """The mutants that lived, unless a measure has told of the very place already."""
    told = {
        (d.path, d.line, d.rule)
        for dimension in report.dimensions
        for m in dimension.measures
        for d in m.details
        if "mut" in m.name
    }
    tests = next((d for d in report.dimensions if d.name == "tests"), None)
    for m in report.survivors:
        if (m.path, m.line, m.operator) in told or (m.path, m.line, m.id) in told:
            continue
        message = f"No test noticed `{m.before.strip()}` changed to `{m.after.strip()}` ({m.operator})"
        grave = tests is not None and tests.status == "failed"
        mend = "Add a test that fails on it"
        detail = Detail(message, m.path, m.line, m.operator, mend, "warning" if grave else "note")
        yield _Result(SURVIVOR, detail, m.after.strip())


def _result(result: _Result, index: int, seen: Counter[str]) -> dict[str, Any]:
    detail = result.detail
    text = f"{detail.message.rstrip('.')}. {detail.mend}" if detail.mend else detail.message
    made: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": detail.level,
        "message": {"text": _text(text) or result.rule},
        "partialFingerprints": {"greenlangFinding/v1": _fingerprint(result, seen)},
    }
    if detail.path:
        physical: dict[str, Any] = {"artifactLocation": _location(detail.path)}
        if detail.line > 0:
            physical["region"] = {"startLine": detail.line}
        made["locations"] = [{"physicalLocation": physical}]
    if detail.rule:
        made["properties"] = {"rule": detail.rule}
    return made


def _fingerprint(result: _Result, seen: Counter[str]) -> str:
    """The same for a finding that only moved: no line number is in it; the n-th of its like has its n."""
    detail = result.detail
    parts = (result.rule, detail.path, detail.rule, detail.message, result.extra)
    same = hashlib.sha256("\0".join(_text(p) for p in parts).encode()).hexdigest()[:32]
    seen[same] += 1
    return f"{same}:{seen[same]}"


def _location(path: str) -> dict[str, str]:
    return {"uri": quote(_text(path), safe="/-._~"), "uriBaseId": BASE}


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
