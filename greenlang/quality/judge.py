"""The judgement of one pack: every measure of every dimension, from what was run.

Belongs here: measuring and scoring. Does not belong here: declarations (`greenlang.quality.dimensions`), running
foreign code. Evidence holds no times and no machine paths, so that the same pack is judged in the same words.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from greenlang.factory import whole
from greenlang.factory.outcome import DimensionResult
from greenlang.quality import source
from greenlang.quality.dimensions import (
    CATEGORIES,
    COVERAGE_PERCENT,
    DIMENSIONS,
    MINIMUM_TESTS,
    README_HEADINGS,
    Dimension,
)
from greenlang.quality.tools import Finding, Findings, PackRef, prepare
from greenlang.resolution.plan import Resolution, Vector
from greenlang.sandbox.verdict import Evaluation, Verdict

SBOM = "sbom.cdx.json"
_ERROR_CODES = frozenset({"invalid_input", "not_covered", "calculation"})


@dataclass(frozen=True, slots=True)
class Result:
    """One measure, taken. ``share`` is 0 to 1; ``met`` is whether it is met in full."""

    name: str
    share: float
    met: bool
    text: str


@dataclass(frozen=True, slots=True)
class _Case:
    """All that the measures look at."""

    resolution: Resolution
    pack: Path
    package: str
    verdict: Verdict
    evaluations: Sequence[Evaluation]
    findings: Findings


def judge(
    resolution: Resolution,
    pack: Path,
    package: str,
    verdict: Verdict,
    evaluations: Sequence[Evaluation],
    cache: Path,
    *,
    findings: Findings | None = None,
) -> tuple[DimensionResult, ...]:
    """The twelve results, in the order of `DIMENSIONS`.

    ``evaluations`` are the answers to `vector_inputs` under two or more hash seeds. ``findings`` come from `prepare`
    over a batch; without them the tools run for this pack alone. Where a run ended in ``infrastructure``, what it
    would have measured is not applicable: that went wrong on our side, and says nothing about the agent.
    """
    if findings is None:
        findings = prepare([PackRef(pack, package)], cache)[pack]
    case = _Case(resolution, pack, package, verdict, evaluations, findings)
    measured = {
        "specification": _specification,
        "implementation": _implementation,
        "tests": _tests,
        "determinism": _determinism,
        "documentation": _documentation,
        "compliance_security": _compliance,
        "integration": _integration,
    }
    ours = _not_run(verdict, evaluations)
    return tuple(
        _not_applicable(d, reason)
        if (reason := d.not_yet or ours.get(d.name, ""))
        else _conclude(d, measured[d.name](case))
        for d in DIMENSIONS
    )


def overall(dimensions: Sequence[DimensionResult]) -> tuple[float, bool]:
    """The score (weighted mean of the applicable dimensions) and, apart from it, whether every required one passed."""
    scored = [d for d in dimensions if d.score is not None and d.status != "not_applicable"]
    weight = sum(d.weight for d in scored)
    score = sum((d.score or 0.0) * d.weight for d in scored) / weight if weight else 0.0
    passed = bool(scored) and all(d.status == "passed" for d in dimensions if d.required)
    return round(score, 2), passed


def vector_inputs(resolution: Resolution) -> list[dict[str, Any]]:
    """The inputs of all vectors as JSON values, decimals as texts: what `Sandbox.evaluate` is given."""
    return [question.input for question in whole.questions(resolution)]


def _conclude(dimension: Dimension, results: Sequence[Result]) -> DimensionResult:
    if [r.name for r in results] != [m.name for m in dimension.measures]:
        raise ValueError(f"{dimension.name} was not measured as declared")
    score = 100.0 * sum(r.share for r in results) / len(results)
    unmet = [r for r in results if dimension.measure(r.name).must and not r.met]
    passed = not unmet and score >= dimension.threshold
    low = [] if unmet or passed else [r for r in results if not r.met]
    return DimensionResult(
        name=dimension.name,
        title=dimension.title,
        status="passed" if passed else "failed",
        score=round(score, 2),
        threshold=dimension.threshold,
        weight=dimension.weight,
        required=dimension.required,
        evidence="; ".join(f"{r.name}: {r.text}" for r in results),
        reason="; ".join(f"{r.name}: {r.text}" for r in (*unmet, *low)),
    )


def _not_run(verdict: Verdict, evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Dimensions that could not be measured because a run failed on our side -> the reason."""
    said = "the sandbox failed, not the agent"
    found = dict.fromkeys(("tests", "integration"), said) if verdict.status == "infrastructure" else {}
    if any(e.status == "infrastructure" for e in evaluations):
        found["determinism"] = said
    return found


def _not_applicable(dimension: Dimension, reason: str) -> DimensionResult:
    return DimensionResult(
        name=dimension.name,
        title=dimension.title,
        status="not_applicable",
        score=None,
        threshold=dimension.threshold,
        weight=dimension.weight,
        required=dimension.required,
        evidence="",
        reason=reason,
    )


def _share(name: str, good: int, total: int, what: str, missing: Sequence[str] = ()) -> Result:
    """A result for ``good`` of ``total``; nothing to count is not met."""
    share = good / total if total else 0.0
    tail = f" (not: {_some(missing)})" if missing else ""
    return Result(name, share, bool(total) and good == total, f"{good} of {total} {what}{tail}")


def _none(name: str, found: Sequence[str], what: str) -> Result:
    """A result that is met if nothing was found; each finding costs a tenth."""
    if not found:
        return Result(name, 1.0, True, f"no {what}")
    return Result(name, max(0.0, 1.0 - len(found) / 10), False, f"{len(found)} {what}: {_some(found)}")


def _some(names: Sequence[str], most: int = 3) -> str:
    more = len(names) - most
    return "; ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _texts(findings: Sequence[Finding]) -> list[str]:
    return [f.text for f in findings]


# --- specification ---------------------------------------------------------------------------------------------


def _specification(case: _Case) -> list[Result]:
    resolution, spec = case.resolution, case.resolution.spec
    units = [(part, name) for part in resolution.flat for name in part.spec.outputs]
    planned = [name for part, name in units if name in part.plans]
    errors = [f"{d.code} {d.message}" for d in resolution.diagnostics if d.severity == "error"]
    pinned = resolution.pinned
    uncited = [f.key for f in pinned if not (f.document and (f.table or f.cell))]
    silent = [line.path for line in spec.ledger if line.fate == "ignored" and not line.reason]
    every = spec.parts or (spec,)
    fields = {
        "name": spec.name,
        "summary": spec.summary,
        "licence": spec.license,
        "owners": spec.owners,
        "tags": spec.tags,
        "worked cases": any(one.golden for one in every),
        "descriptions of inputs": _described(i.description for one in every for i in one.inputs.values()),
        "descriptions of outputs": _described(o.description for one in every for o in one.outputs.values()),
    }
    absent = [name for name, value in fields.items() if not value]
    cited = (
        _share("factors cited", len(pinned) - len(uncited), len(pinned), "rows", uncited)
        if pinned
        else Result("factors cited", 1.0, True, "no factor is used")
    )
    keys = len(spec.ledger)
    ledger = (
        _share("ledger", keys - len(silent), keys, "keys accounted for", silent)
        if keys
        else Result("ledger", 0.0, False, "the reader kept no ledger")
    )
    missing = [name for part, name in units if name not in part.plans]
    return [
        _share("outputs planned", len(planned), len(units), "outputs", missing),
        _none("no contradiction", errors, "errors"),
        cited,
        ledger,
        _share("fields", len(fields) - len(absent), len(fields), "present", absent),
    ]


def _described(texts: Iterable[str]) -> bool:
    """Whether there are any, and none of them is empty."""
    found = list(texts)
    return bool(found) and all(found)


# --- implementation --------------------------------------------------------------------------------------------


def _implementation(case: _Case) -> list[Result]:
    found = case.findings
    own = source.package_trees(found.trees, case.package)
    foreign = [
        f"{place} imports {name}"
        for name, place in source.imported(own, case.package).items()
        if name not in source.ALLOWED_IMPORTS
    ]
    files = len(found.trees) + len(found.syntax)
    types = (
        Result("types", 0.0, False, "not checked: a file does not parse")
        if found.syntax
        else _none("types", _texts(found.types), "findings")
    )
    return [
        _share("syntax", len(found.trees), files, "files", _texts(found.syntax)),
        _none("lint", _texts(found.lint), "findings"),
        types,
        _none("imports", foreign, "foreign imports"),
    ]


# --- tests -----------------------------------------------------------------------------------------------------


def _tests(case: _Case) -> list[Result]:
    verdict = case.verdict
    bad = [t.id for t in verdict.tests if t.outcome != "passed"]
    passed = _share("passed", verdict.passed, len(verdict.tests), "tests", bad)
    if verdict.status != "passed":
        said = f"{passed.text}; verdict {verdict.status}: {verdict.detail}"
        passed = Result("passed", passed.share if verdict.status == "failed" else 0.0, False, said)
    if verdict.coverage is None:
        coverage = Result("coverage", 0.0, False, "not measured")
    else:
        percent = verdict.coverage.percent
        gaps = [f"{name} lines {_lines(lines)}" for name, lines in verdict.coverage.missing]
        tail = f" (not: {_some(gaps)})" if gaps else ""
        coverage = Result("coverage", percent / 100, percent >= COVERAGE_PERCENT, f"{percent:.2f} %{tail}")
    count = len(verdict.tests)
    present = {t.category for t in verdict.tests}
    absent = [c for c in CATEGORIES if c not in present]
    return [
        passed,
        coverage,
        Result("count", min(1.0, count / MINIMUM_TESTS), count >= MINIMUM_TESTS, f"{count} of {MINIMUM_TESTS} or more"),
        _share("categories", len(CATEGORIES) - len(absent), len(CATEGORIES), "present", absent),
    ]


def _lines(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:8])) + (" ..." if len(lines) > 8 else "")


# --- determinism -----------------------------------------------------------------------------------------------


def _determinism(case: _Case) -> list[Result]:
    vectors, runs = [question.vector for question in whole.questions(case.resolution)], case.evaluations
    broken = [f"{e.status}: {e.detail}" for e in runs if e.status != "passed"]
    if broken:
        identical = Result("identical", 0.0, False, _some(broken))
    elif len(runs) < 2:
        identical = Result("identical", 0.0, False, f"{len(runs)} evaluations; two are needed")
    else:
        same = len({e.output for e in runs}) == 1
        identical = Result(
            "identical", float(same), same, f"{len(runs)} processes gave {'the same' if same else 'different'} bytes"
        )
    lines = runs[0].output.splitlines() if runs and not broken else []
    wrong: list[str] = []
    for number, vector in enumerate(vectors):
        said = difference(vector, lines[number]) if number < len(lines) else "no answer"
        if said:
            wrong.append(f"{vector.name}: {said}")
    if len(lines) > len(vectors):
        wrong.append(f"{len(lines)} answers to {len(vectors)} questions")
    good = max(0, len(vectors) - len(wrong))
    return [identical, _share("as expected", good, len(vectors), "vectors", wrong)]


def difference(vector: Vector, line: bytes) -> str:
    """How an answer differs from what the vector expects; "" if it does not."""
    try:
        answer = json.loads(line)
        ok, data, error = answer["ok"], answer.get("data") or {}, answer.get("error") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "its answer is malformed"
    if vector.error:
        if ok is not False:
            return "it answered where it must refuse"
        code = error.get("code") if isinstance(error, dict) else None
        if vector.error in _ERROR_CODES and code != vector.error:
            return f"it refused with {code} instead of {vector.error}"
        return ""
    if ok is not True or not isinstance(data, dict):
        return f"it refused: {error}"[:200]
    for name, expected in vector.expect.items():
        if name not in data:
            return f"{name} is missing"
        if not _agrees(data[name], expected, vector.tolerances.get(name)):
            return f"{name} is {data[name]}, expected {expected}"
    return ""


def _agrees(actual: object, expected: str, tolerance: str | None) -> bool:
    text = ("true" if actual else "false") if isinstance(actual, bool) else str(actual)
    if text == expected:
        return True
    if tolerance is None:
        return False
    try:
        wanted = Decimal(expected)
        return abs(Decimal(text) - wanted) <= Decimal(tolerance) * (abs(wanted) or Decimal(1))
    except InvalidOperation:
        return False


# --- documentation ---------------------------------------------------------------------------------------------


def _documentation(case: _Case) -> list[Result]:
    own = source.package_trees(case.findings.trees, case.package)
    names = list(source.public_names(own))
    silent = [name for name, has in names if not has]
    headings = set(re.findall(r"^#{1,3}\s+(.+?)\s*$", _read(case.pack / "README.md"), re.MULTILINE))
    absent = [h for h in README_HEADINGS if h not in headings]
    api = _read(case.pack / "docs/api.md")
    functions = [f for name, tree in own.items() if name.endswith("/tools.py") for f in source.public_functions(tree)]
    unnamed = [f for f in functions if not re.search(rf"\b{re.escape(f)}\b", api)]
    return [
        _share("docstrings", len(names) - len(silent), len(names), "public names", silent),
        _share("readme", len(README_HEADINGS) - len(absent), len(README_HEADINGS), "headings", absent),
        _share("api page", len(functions) - len(unnamed), len(functions), "tools", unnamed),
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


# --- compliance and security -----------------------------------------------------------------------------------


def _compliance(case: _Case) -> list[Result]:
    licence = case.resolution.spec.license
    text = _read(case.pack / "LICENSE")
    carried = bool(licence) and bool(text.strip())
    sbom = _sbom_problem(case)
    return [
        _none("security rules", _texts(case.findings.security), "findings"),
        _none("secrets", source.secrets(case.pack), "likely secrets"),
        Result("sbom", float(not sbom), not sbom, sbom or "parses and names the agent and what it needs"),
        Result("licence", float(carried), carried, licence if carried else "not stated, or no LICENSE in the pack"),
    ]


def _sbom_problem(case: _Case) -> str:
    path = case.pack / SBOM
    if not path.is_file():
        return f"{SBOM} is missing"
    try:
        bill: Any = json.loads(path.read_bytes())
        names = {component["name"] for component in bill["components"]}
        root = bill["metadata"]["component"]["name"]
        form = bill["bomFormat"]
    except (ValueError, KeyError, TypeError) as error:
        return f"{SBOM} cannot be read: {type(error).__name__}: {error}"
    if form != "CycloneDX":
        return f"{SBOM} is no CycloneDX"
    if _distribution(root) != _distribution(str(_project(case.pack).get("name", ""))):
        return f"{SBOM} is about {root}"
    absent = {"greenlang-sdk", "pydantic"} - {_distribution(str(n)) for n in names}
    return f"{SBOM} does not name {', '.join(sorted(absent))}" if absent else ""


# --- integration -----------------------------------------------------------------------------------------------


def _integration(case: _Case) -> list[Result]:
    tests = [t for t in case.verdict.tests if t.category == "integration"]
    bad = [t.id for t in tests if t.outcome != "passed"]
    own = source.package_trees(case.findings.trees, case.package)
    needed = sorted(_distribution(name) for name in source.imported(own, case.package))
    stated = _project(case.pack).get("dependencies")
    declared = {
        _distribution(re.split(r"[\s\[<>=!~;@(]", str(line), maxsplit=1)[0])
        for line in (stated if isinstance(stated, list) else ())
    }
    undeclared = [name for name in needed if name not in declared]
    return [
        _share("integration tests", len(tests) - len(bad), len(tests), "passed", bad),
        _share("dependencies", len(needed) - len(undeclared), len(needed), "declared", undeclared)
        if needed
        else Result("dependencies", 1.0, True, "none are needed"),
    ]


def _project(pack: Path) -> Mapping[str, Any]:
    try:
        project = tomllib.loads(_read(pack / "pyproject.toml")).get("project", {})
    except tomllib.TOMLDecodeError:
        return {}
    return project if isinstance(project, dict) else {}


def _distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
