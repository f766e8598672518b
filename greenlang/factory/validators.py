"""`QualityValidator`: the twelve dimensions for whoever holds code, tests and a spec (000, section 5; 001, 3.3).

Belongs here: laying out what was given as a pack, running and judging it, telling the result in the documents' names.
Does not belong here: measuring (``greenlang.quality``), running (``greenlang.sandbox``), the line of the factory.
"""

from __future__ import annotations

import ast
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from greenlang.errors import PackError
from greenlang.factors.table import FactorTable
from greenlang.factory.examine import Examined, Examiner
from greenlang.factory.naming import package_name
from greenlang.factory.outcome import Detail, DimensionResult
from greenlang.factory.pack import write_pack
from greenlang.factory.regenerate import BASE
from greenlang.factory.source import SpecSource
from greenlang.formulas.library import library
from greenlang.provenance import files_digest, tree
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.judge import judge
from greenlang.quality.literals import trace
from greenlang.quality.report import LiteralLine, QualityReport, html
from greenlang.quality.report.model import level
from greenlang.quality.report.steps import place
from greenlang.quality.tools import PackRef, prepare
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read

Code = str | Path | Mapping[str, str]
Spec = AgentSpec | SpecSource | str | bytes | Path | Mapping[str, Any]

# Measures of files that bare code does not have: measured as soon as one of the files is given.
_BELONGS_TO_A_PACK: Mapping[str, tuple[str, ...]] = {
    "implementation.says what the plan says": ("pack.yaml",),
    "tests.expected values": ("tests/vectors.json", "tests/vectors"),
    "determinism.decisions": ("pack.yaml",),
    "determinism.pinned rows": ("pack.yaml",),
    "determinism.statements": ("pack.yaml",),
    "documentation.readme": ("README.md",),
    "documentation.api page": ("docs/api.md",),
    "documentation.build": ("README.md", "docs/api.md"),
    "documentation.code blocks": ("README.md", "docs/api.md"),
    "compliance_security.sbom schema": ("sbom.cdx.json",),
    "compliance_security.sbom true": ("sbom.cdx.json",),
    "compliance_security.licence": ("LICENSE",),
    "compliance_security.component licences": ("sbom.cdx.json",),
    "compliance_security.dependency audit": ("sbom.cdx.json",),
    "deployment_readiness.image file": ("Dockerfile",),
    "deployment_readiness.manifests": ("deploy/k8s",),
    "deployment_readiness.one story": ("deploy/k8s",),
    "deployment_readiness.probes": ("deploy/k8s",),
    "deployment_readiness.confinement": ("deploy/k8s",),
    "deployment_readiness.wheel": ("pyproject.toml",),
    "integration.dependencies declared": ("pyproject.toml",),
    "integration.dependencies used": ("pyproject.toml",),
    "operations.health": ("demos/api.py",),
    "operations.metrics": ("demos/api.py",),
    "operations.logs": ("demos/api.py",),
    "operations.logs keep still": ("demos/api.py",),
    "continuous_improvement.changelog": ("CHANGELOG.md",),
    "continuous_improvement.one version": ("pyproject.toml", "pack.yaml"),
}
_ONE_MODULE = {
    "determinism.literal audit": "a number is traced by where it stands in models.py, tools.py and agent.py, and the "
    "code was given as one module",
}
_ONE_TEXT = {
    "tests.categories": "categories are the names of test files, and the tests were given as one text",
    "integration.integration tests": "which tests are integration tests stands in the names of their files, and the "
    "tests were given as one text",
}
MOST = 10  # findings of one measure among errors or warnings; the report has all
MANIFEST = "pack.yaml"  # a folder that has it is a whole pack, of which everything is asked
_CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".git"})
_KNOWN = frozenset({*sys.stdlib_module_names, "pytest", "hypothesis", "pydantic", "greenlang_sdk", "tests", "conftest"})


@dataclass(frozen=True, slots=True)
class QualityResult:
    """What `QualityValidator` found. ``score`` (0 to 100) and ``passed`` are separate.

    ``coverage`` is in percent, None where no test ran. ``errors`` keep the agent from passing, ``warnings`` do not;
    each names its place. ``report`` is the whole story, for `greenlang.quality.report`.
    """

    dimensions: tuple[DimensionResult, ...]
    score: float
    passed: bool
    coverage: float | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    report: QualityReport | None = None

    @classmethod
    def of(cls, report: QualityReport, findings: Sequence[Diagnostic] = ()) -> QualityResult:
        """What a report tells; ``findings`` are those about the spec."""
        told = _told(report)
        return cls(
            report.dimensions,
            report.score,
            report.result == "passed",
            report.coverage.percent if report.coverage else None,
            tuple(told["error"]),
            (*told["warning"], *(d.text("spec") for d in findings if d.severity == "warning")),
            report,
        )

    @classmethod
    def unjudged(cls, errors: Sequence[str], warnings: Sequence[str] = ()) -> QualityResult:
        """Nothing was judged, for the reasons in ``errors``, of which there is at least one."""
        dimensions = tuple(
            DimensionResult(d.name, d.title, "not_applicable", None, d.threshold, d.weight, d.required, "", errors[0])
            for d in DIMENSIONS
        )
        return cls(dimensions, 0.0, False, None, tuple(errors), tuple(warnings))

    @property
    def scores(self) -> dict[str, float]:
        """Score of each applicable dimension, 0 to 1, in the words of document 001."""
        return {d.name: d.score / 100 for d in self.dimensions if d.score is not None}

    @property
    def overall_score(self) -> float:
        """The score, 0 to 1."""
        return self.score / 100

    @property
    def is_valid(self) -> bool:
        """Whether it passed; no score makes up for a failed required dimension."""
        return self.passed


@dataclass(frozen=True, slots=True)
class _Laid:
    """A pack on disk: its package, and the measures that are asked of no such pack, with the reason."""

    ref: PackRef
    not_asked: Mapping[str, str]


class QualityValidator:
    """Judges code against a spec by running it in the sandbox. A context manager; `close` ends the sandbox's processes.

    ``settings`` name the sandbox, its limits, the factor tables and the folder of caches; without a folder ``var``,
    caches live as long as the validator. Raises SandboxUnavailable where this machine cannot confine foreign code.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._temporary = tempfile.TemporaryDirectory(prefix="greenlang-validator-", ignore_cleanup_errors=True)
        self._held = ExitStack()
        self._held.callback(self._temporary.cleanup)
        self._end = weakref.finalize(self, self._held.close)  # who forgets `close` leaves nothing behind either
        self._examiner: Examiner | None = None
        self._table: FactorTable | None = None

    def __enter__(self) -> QualityValidator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox's processes and remove what was laid out. Using the validator again is a mistake."""
        self._end()

    def validate_12_dimensions(self, *, agent_code: Code, test_code: Code | None = None, spec: Spec) -> QualityResult:
        """Run and judge an agent.

        ``agent_code``: the text of one module that defines ``Agent``; or path -> text of several files; or the path of
        a module, a package, or a whole pack. ``test_code``: the same for its tests; a pack brings its own. One module
        of code is imported by the tests under the only foreign name that they import, or else under the agent's
        package name. ``spec``: an `AgentSpec`, YAML text or bytes, a path, the values, or a file with its overlay.

        What belongs to a whole pack and was not given (documents, manifests, bill of materials) is not applicable, with
        the reason. A spec's mistakes are in ``errors``. Raises PackError where what was given makes no pack.
        """
        known, findings = _spec(spec, self.settings.max_spec_bytes)
        if known is None:
            return _refused(findings)
        resolution = resolve(known, self.table, library())
        findings = (*findings, *resolution.diagnostics)
        if any(d.severity == "error" for d in findings) or not resolution.complete:
            return _refused(findings, resolution)
        with tempfile.TemporaryDirectory(dir=self._temporary.name) as folder:
            laid = _lay_out(Path(folder), agent_code, test_code, known)
            examined = self._examine(laid, resolution)
            told = {
                "digests": {"pack": files_digest(tree(laid.ref.folder))},
                "literals": _literals(examined, laid),
            }
        return _result(known, examined, findings, told)

    def validate(self, code_path: Path, test_path: Path | None, spec: Spec) -> QualityResult:
        """The same for files on disk: a module, a package or a pack, and the file or folder of its tests."""
        return self.validate_12_dimensions(agent_code=code_path, test_code=test_path, spec=spec)

    def generate_html_report(self, result: QualityResult) -> str:
        """The report as a page. Raises PackError where nothing was judged, because the spec was refused."""
        if result.report is None:
            raise PackError(f"nothing was judged: {'; '.join(result.errors)}")
        return html(result.report)

    @property
    def table(self) -> FactorTable:
        """The factor table in force."""
        if self._table is None:
            self._table = FactorTable.in_force(self.settings.tables)
        return self._table

    @property
    def examiner(self) -> Examiner:
        """What runs and judges, made at the first use."""
        if self._examiner is None:
            settings = self.settings
            if not settings.var.is_dir():  # nobody asked for a folder here
                settings = settings.model_copy(update={"var": Path(self._temporary.name) / "var"})
            self._examiner = Examiner(settings, self.table)
            self._held.callback(self._examiner.sandbox.close)
        return self._examiner

    def _examine(self, laid: _Laid, resolution: Resolution) -> Examined:
        examiner = self.examiner
        questions = examiner.questions(laid.ref, resolution)
        found = prepare([laid.ref], examiner.cache)[laid.ref.folder]
        trial = examiner.run(laid.ref, questions, found)
        numbers = trace(resolution, laid.ref.folder / laid.ref.package, found.trees)
        case = examiner.case(laid.ref, resolution, questions, trial, found, numbers)
        if not laid.not_asked:
            return Examined(trial, judge(case), numbers)
        # of bare code not everything can be asked: what was left out is no fault of ours and holds nothing back
        return Examined(trial, judge(replace(case, not_asked=laid.not_asked, tier="quick")), numbers)


def _spec(given: Spec, most: int) -> tuple[AgentSpec | None, tuple[Diagnostic, ...]]:
    if isinstance(given, AgentSpec):
        return given, ()
    if isinstance(given, SpecSource):
        return given.read(most)
    name = "spec"
    if isinstance(given, Path):
        name, given = given.name, given.read_bytes()
    elif isinstance(given, Mapping):
        given = yaml.safe_dump(dict(given), sort_keys=False, allow_unicode=True)
    data = given.encode() if isinstance(given, str) else given
    return read(data, name, max_bytes=most)


def _refused(findings: Sequence[Diagnostic], resolution: Resolution | None = None) -> QualityResult:
    """Nothing can be judged against a spec that is wrong or that no plan computes."""
    errors = [d.text("spec") for d in findings if d.severity == "error"]
    errors += [f"spec: no certain plan for {m.output}: {m.reason}" for m in (resolution.missing if resolution else ())]
    return QualityResult.unjudged(errors, [d.text("spec") for d in findings if d.severity == "warning"])


def _literals(examined: Examined, laid: _Laid) -> tuple[LiteralLine, ...] | None:
    if laid.not_asked.keys() & _ONE_MODULE.keys():
        return None
    return tuple(LiteralLine(t.path, t.line, t.number, t.origin) for t in examined.literals or ())


def _result(
    spec: AgentSpec, examined: Examined, findings: Sequence[Diagnostic], told_of: Mapping[str, Any]
) -> QualityResult:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = QualityReport.of(spec, examined.judgement, examined.trial, at=now, **told_of)
    return QualityResult.of(report, findings)


def _told(report: QualityReport) -> dict[str, list[str]]:
    """The findings by level, at most `MOST` of a measure."""
    told: dict[str, list[str]] = {"error": [], "warning": [], "note": []}
    if report.mishap:
        told["error"].append(f"the factory failed, not the agent: {report.mishap}")
    for dimension in report.dimensions:
        for measure in dimension.measures:
            head = f"{dimension.name}, {measure.name}"
            details = measure.details
            if measure.share is not None and not measure.met and not details:
                details = (Detail(measure.text),)
            for detail in details[:MOST]:
                where = place(detail)
                text = f"{where}: {detail.message}" if where else detail.message
                told[level(dimension, measure, detail)].append(f"{head}: {text}")
            if len(details) > MOST:
                told[level(dimension, measure, details[MOST])].append(f"{head}: {len(details) - MOST} more")
    return told


# --- laying out ------------------------------------------------------------------------------------------------


def _lay_out(folder: Path, agent: Code, tests: Code | None, spec: AgentSpec) -> _Laid:
    """What was given as a pack on disk; a whole pack is judged where it lies, a working copy without what is beside it.

    Raises PackError.
    """
    if isinstance(agent, Path) and tests is None and (agent / MANIFEST).is_file():
        files = _files(agent)
        ref = PackRef(agent, _package(files, spec))
        if (agent / BASE).is_dir():
            hidden = {name for name in files if name.startswith(".") and "/" in name}
            ref = _written({n: data for n, data in files.items() if n not in hidden}, folder, ref.package)
        return _Laid(ref, {})
    beside = {} if tests is None else _tests(tests)
    package, files = _code(agent, beside, spec)
    ref = _written(files | beside, folder, package)
    reasons = _absent({**files, **beside})
    reasons |= (_ONE_MODULE if _text(agent) is not None else {}) | (_ONE_TEXT if _text(tests) is not None else {})
    return _Laid(ref, reasons)


def _written(files: Mapping[str, bytes], folder: Path, package: str) -> PackRef:
    try:
        write_pack(files, folder / "pack")
    except (ValueError, OSError) as error:
        raise PackError(f"this makes no pack: {error}") from error
    return PackRef(folder / "pack", package)


def _code(agent: Code, tests: Mapping[str, bytes], spec: AgentSpec) -> tuple[str, dict[str, bytes]]:
    """The name of the package, and the files of the pack without tests that are given apart. Raises PackError."""
    text = _text(agent)
    if text is not None:
        package = _imported(tests) or package_name(spec)
        return package, {f"{package}/__init__.py": text.encode()}
    files = _files(agent)
    if "__init__.py" in files:
        head = agent.name if isinstance(agent, Path) else package_name(spec)
        files = {f"{head}/{name}": data for name, data in files.items()}
    if tests:
        files = {name: data for name, data in files.items() if not name.startswith("tests/")}
    return _package(files, spec), files


def _text(code: Code | None) -> str | None:
    """The text of one module; None where more than one file was given."""
    if isinstance(code, Path) and code.is_file():
        return code.read_text(encoding="utf-8")
    return code if isinstance(code, str) else None


def _absent(files: Mapping[str, bytes]) -> dict[str, str]:
    """The measures of files that were not given, with the reason."""
    if MANIFEST in files:
        return {}
    return {
        measure: f"only code and tests were given, and no {' or '.join(needed)}"
        for measure, needed in _BELONGS_TO_A_PACK.items()
        if not any(name == n or name.startswith(f"{n}/") for name in files for n in needed)
    }


def _files(code: Code) -> dict[str, bytes]:
    """Path -> content; of a folder, what is no cache. Raises PackError for a folder that is not there."""
    if isinstance(code, Mapping):
        return {name: text.encode() for name, text in code.items()}
    if isinstance(code, str) or not code.is_dir():
        raise PackError(f"there is no {code}")
    return {
        name.as_posix(): path.read_bytes()
        for path in sorted(code.rglob("*"))
        if path.is_file() and not path.is_symlink() and not _CACHES.intersection((name := path.relative_to(code)).parts)
    }


def _tests(code: Code) -> dict[str, bytes]:
    """The tests under ``tests/``."""
    if isinstance(code, str):
        return {"tests/test_agent.py": code.encode()}
    if isinstance(code, Path) and code.is_file():
        return {f"tests/{code.name}": code.read_bytes()}
    return {name if name.startswith("tests/") else f"tests/{name}": data for name, data in _files(code).items()}


def _package(files: Mapping[str, bytes], spec: AgentSpec) -> str:
    """The agent's package among the files. Raises PackError where there is none, or no telling which."""
    found = {name.partition("/")[0] for name in files if name.count("/") == 1 and name.endswith("/__init__.py")}
    found.discard("tests")
    if package_name(spec) in found:
        return package_name(spec)
    if len(found) != 1:
        said = f"several packages: {', '.join(sorted(found))}" if found else "no package: no folder with __init__.py"
        raise PackError(f"this makes no pack: {said}")
    return found.pop()


def _imported(tests: Mapping[str, bytes]) -> str:
    """The only foreign module that tests import; "" where there is none, several, or they do not parse."""
    found: set[str] = set()
    for data in tests.values():
        try:
            nodes = list(ast.walk(ast.parse(data)))
        except (SyntaxError, ValueError, RecursionError):
            return ""
        for node in nodes:
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    found -= _KNOWN
    return found.pop() if len(found) == 1 else ""
