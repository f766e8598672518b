"""A pack that passes every measure, made by the factory, and the case of it, as if everything had been run.

The agent's answers are its own, asked in this process; what a sandbox would say of its tests is made up, so that each
test can make one thing wrong and see exactly one measure fail.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang_sdk.testing import answers

from greenlang import _paths
from greenlang.factors.table import FactorTable
from greenlang.factory.generate import generate, package_name
from greenlang.factory.outcome import DimensionResult, MeasureResult
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.quality import Case, Findings, Judgement, asked
from greenlang.quality.advisories import Advisories
from greenlang.quality.differential import Compared
from greenlang.quality.dimensions import CATEGORIES
from greenlang.quality.documents import blocks
from greenlang.quality.judgement import MutantLine
from greenlang.quality.tools import PackRef, _parse
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.sandbox.trial import Block, BlockResult, MutantResult, Mutation, Service, Trial
from greenlang.sandbox.verdict import CoverageResult, Evaluation, Profile, TestResult, Verdict
from greenlang.specs.reader import read
from tests.quality.here import asked_here

PROFILE = Profile("strict", ("landlock abi 7", "seccomp", "rlimits"))
SPEC = "electricity_uk.pack.yaml"


@cache
def resolution() -> Resolution:
    """The plan of the example spec, with the factor table as it is shipped."""
    path = _paths.data() / "templates" / "specs" / "examples" / SPEC
    spec, _ = read(path.read_bytes(), path.name)
    assert spec is not None
    with TemporaryDirectory() as folder:
        return resolve(spec, FactorTable.in_force(Path(folder) / "tables"), library())


@cache
def files() -> dict[str, bytes]:
    return generate(resolution())


PACKAGE = "gl_electricity_location_based_uk_v1"


def write(folder: Path) -> Path:
    """The good pack on disk."""
    assert package_name(resolution().spec) == PACKAGE
    write_pack(files(), folder)
    return folder


@cache
def output() -> bytes:
    """The agent's own answers to everything that it is asked."""
    with TemporaryDirectory() as folder:
        write_pack(files(), Path(folder) / "pack")
        before = set(sys.modules)
        sys.path.insert(0, str(Path(folder) / "pack"))
        try:
            return answers(PACKAGE, asked(resolution()))
        finally:
            sys.path.pop(0)
            for name in set(sys.modules) - before:
                del sys.modules[name]


def ids_of(trees: dict[str, ast.Module]) -> list[str]:
    """The ids of the tests that stand in the files."""
    return [
        f"{name}::{node.name}[{number}]"
        for number in range(2)
        for name, tree in trees.items()
        for node in tree.body
        if name.startswith("tests/") and isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]


@cache
def results() -> tuple[TestResult, ...]:
    """Every test of the pack, passed."""
    names = ids_of(trees())
    tests = [TestResult(name, name.partition("::")[0][len("tests/test_") : -3], "passed", 0.01) for name in names]
    assert {test.category for test in tests} == set(CATEGORIES)
    return tuple(tests)


def verdict(**changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "status": "passed",
        "profile": PROFILE,
        "tests": results(),
        "coverage": CoverageResult(95, 100, 18, 20, missing=((f"{PACKAGE}/tools.py", (1, 2)),)),
    }
    return Verdict(**(values | changes))


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(data) for name, data in files().items() if name.endswith(".py")}


@cache
def code_blocks() -> tuple[Block, ...]:
    """The code blocks of the pack's documents."""
    with TemporaryDirectory() as folder:
        write_pack(files(), Path(folder) / "pack")
        return blocks(Path(folder) / "pack")


@cache
def own() -> Service:
    """The service as the agent gives it, asked in this process."""
    with TemporaryDirectory() as folder:
        write_pack(files(), Path(folder) / "pack")
        return asked_here(Path(folder) / "pack", PACKAGE, asked(resolution()))[2]


def logs() -> tuple[str, ...]:
    """The log lines of an answered and of a refused run, each at a time of its own."""
    return own().logs


def service(**changes: Any) -> Service:
    found = code_blocks()
    assert {block.language for block in found} == {"python", "sh"}
    results = [
        BlockResult(b.path, b.line, "passed" if b.language == "python" else "skipped", "installs") for b in found
    ]
    values: dict[str, Any] = {
        "latency_ms": tuple(0.1 + n / 1000 for n in range(200)),
        "memory_mb": 3.0,
        "blocks": tuple(results),
    }
    return replace(own(), **(values | changes))


def mutants(outcome: str = "killed", *, control: str = "survived") -> list[MutantLine]:
    lines = [
        MutantLine(f"m{n}", "unit swapped", f"{PACKAGE}/tools.py", n + 1, "kg", "g", outcome, "tests/test_golden.py::a")
        for n in range(20)
    ]
    return [*lines, MutantLine("m20", "control", f"{PACKAGE}/tools.py", 1, "", "", control)]


def mutation(lines: list[MutantLine]) -> Mutation:
    return Mutation("passed", tuple(MutantResult(m.id, m.outcome, m.by) for m in lines))  # type: ignore[arg-type]


def evaluations(*outputs: bytes) -> tuple[Evaluation, ...]:
    return tuple(Evaluation("passed", PROFILE, o) for o in outputs or (output(), output()))


def trial(**changes: Any) -> Trial:
    values: dict[str, Any] = {
        "tests": verdict(),
        "again": verdict(seconds=9.0),
        "evaluations": evaluations(),
        "mutation": mutation(mutants()),
        "service": service(),
    }
    return Trial(**(values | changes))


def findings(pack: Path, package: str = PACKAGE) -> Findings:
    """What parsing finds, as if ruff and mypy had found nothing."""
    parsed, texts, wrong = _parse(PackRef(pack, package))
    return Findings(parsed, tuple(wrong), (), (), (), texts)


def case(pack: Path, **changes: Any) -> Case:
    values: dict[str, Any] = {
        "resolution": resolution(),
        "pack": pack,
        "package": PACKAGE,
        "trial": trial(),
        "inputs": asked(resolution()),
        "mutants": mutants(),
        "differences": (),
        "compared": Compared(inputs=5),
        "literals": (),
        "advisories": Advisories(3),
        "history": (),
        "tier": "full",
    }
    if "findings" not in changes:
        changes["findings"] = findings(pack)
    return Case(**(values | changes))


def spec_with(**changes: Any) -> Resolution:
    """The resolution of a spec in which these fields are others."""
    return replace(resolution(), spec=replace(resolution().spec, **changes))


def measures(judgement: Judgement) -> dict[str, MeasureResult]:
    """Every measure under ``dimension.measure``."""
    return {f"{d.name}.{m.name}": m for d in judgement.dimensions for m in d.measures}


def unmet(judgement: Judgement) -> set[str]:
    """The measures that apply and are not met."""
    return {name for name, m in measures(judgement).items() if m.share is not None and not m.met}


def dimension(judgement: Judgement, name: str) -> DimensionResult:
    return next(d for d in judgement.dimensions if d.name == name)
