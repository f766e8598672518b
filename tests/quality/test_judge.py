"""Each dimension passes for what is good and fails, with a reason, for what is not."""

from __future__ import annotations

import dataclasses
import gc
import sys
from pathlib import Path

import pytest

from greenlang.quality import DIMENSIONS, PackRef, overall, page, prepare, vector_inputs
from greenlang.resolution.plan import Missing, Vector
from greenlang.sandbox.verdict import CoverageResult, Evaluation
from greenlang.specs.diagnostics import Diagnostic
from tests.quality.packs import ANSWERS, PACKAGE, PROFILE, evaluations, resolution, verdict, write

MEASURED = [d.name for d in DIMENSIONS if not d.not_yet]


def test_the_twelve_are_declared_in_order_and_weigh_a_hundred():
    assert [d.name for d in DIMENSIONS] == [
        "specification",
        "implementation",
        "tests",
        "determinism",
        "documentation",
        "compliance_security",
        "deployment_readiness",
        "exit_criteria",
        "integration",
        "business_impact",
        "operations",
        "continuous_improvement",
    ]
    assert sum(d.weight for d in DIMENSIONS) == 100
    for d in DIMENSIONS:
        assert bool(d.measures) is not bool(d.not_yet)
        assert not (d.not_yet and d.required)


def test_a_good_pack_passes_what_is_measured_and_the_rest_says_why_it_is_not(judged):
    results = judged()
    for d in DIMENSIONS:
        result = results[d.name]
        if d.not_yet:
            assert (result.status, result.score, result.reason) == ("not_applicable", None, d.not_yet)
        else:
            assert (result.status, result.reason) == ("passed", ""), result
    score, passed = overall(list(results.values()))
    assert passed
    assert 95 < score < 100
    assert results["tests"].evidence.startswith(
        "passed: 48 of 48 tests; coverage: 94.17 % (not: gl_mini/tools.py lines 1, 2)"
    )


def test_the_same_pack_is_judged_in_the_same_words(judged):
    first = judged()
    assert judged(verdict=verdict(seconds=9.0)) == first


def test_score_and_pass_are_separate(judged):
    results = judged(evaluations=evaluations(ANSWERS, ANSWERS.replace(b"8", b"9")))
    score, passed = overall(list(results.values()))
    assert results["determinism"].status == "failed"
    assert score > 85
    assert not passed


def test_a_failed_dimension_that_is_not_required_costs_score_only(pack, judged):
    (pack / "README.md").write_text("# Mini\n")
    results = judged()
    assert results["documentation"].status == "failed"
    assert "readme: 0 of 7 headings" in results["documentation"].reason
    assert overall(list(results.values()))[1]


def test_nothing_applicable_is_no_pass():
    assert overall([]) == (0.0, False)


BROKEN = {
    "syntax": (f"{PACKAGE}/tools.py", "def f(:\n", "implementation", f"{PACKAGE}/tools.py:1: syntax SyntaxError"),
    "lint": (f"{PACKAGE}/__init__.py", '"""X."""\nimport os\n', "implementation", f"{PACKAGE}/__init__.py:2: F401"),
    "noqa does not hide": (f"{PACKAGE}/__init__.py", '"""X."""\nimport os  # noqa\n', "implementation", "F401"),
    "types": (
        f"{PACKAGE}/__init__.py",
        '"""X."""\n\n\ndef f(x: int) -> str:\n    """F."""\n    return x\n',
        "implementation",
        f"types: 1 findings: {PACKAGE}/__init__.py:6: return-value",
    ),
    "untyped": (
        f"{PACKAGE}/__init__.py",
        '"""X."""\n\n\ndef f(x):\n    """F."""\n',
        "implementation",
        "no-untyped-def",
    ),
    "foreign import": (
        f"{PACKAGE}/__init__.py",
        '"""X."""\n\nimport pytest\n\n__all__ = ["pytest"]\n',
        "implementation",
        f"imports: 1 foreign imports: {PACKAGE}/__init__.py:3 imports pytest",
    ),
    "undeclared": (
        "pyproject.toml",
        '[project]\nname = "gl-mini"\n',
        "integration",
        "dependencies: 0 of 1 declared (not: pydantic)",
    ),
    "eval": (
        f"{PACKAGE}/__init__.py",
        '"""X."""\n\n\ndef f(x: str) -> object:\n    """F."""\n    return eval(x)\n',
        "compliance_security",
        f"security rules: 1 findings: {PACKAGE}/__init__.py:6: S307",
    ),
    "secret": ("docs/note.md", "key AKIAABCDEFGHIJKLMNOP\n", "compliance_security", "docs/note.md:1: AWS access key"),
    "private key": ("k.txt", "-----BEGIN RSA PRIVATE KEY-----\n", "compliance_security", "k.txt:1: private key"),
    "password": ("a.yaml", 'password: "correct-horse"\n', "compliance_security", "a.yaml:1: password"),
    "address": ("a.yaml", "url: postgres://me:hunter22@db/x\n", "compliance_security", "password in an address"),
    "sbom broken": ("sbom.cdx.json", "{", "compliance_security", "sbom.cdx.json cannot be read: JSONDecodeError"),
    "sbom of another": (
        "sbom.cdx.json",
        '{"bomFormat": "CycloneDX", "metadata": {"component": {"name": "x"}}, "components": []}',
        "compliance_security",
        "sbom.cdx.json is about x",
    ),
    "licence": ("LICENSE", "", "compliance_security", "licence: not stated"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_in_the_files_is_found(name, pack, judged):
    file, text, dimension, said = BROKEN[name]
    (pack / file).write_text(text)
    result = judged()[dimension]
    assert result.status == "failed"
    assert said in result.reason
    assert result.score < 100
    assert str(pack) not in result.evidence


def test_secrets_are_never_repeated(pack, judged):
    (pack / "docs/note.md").write_text("key AKIAABCDEFGHIJKLMNOP\n")
    assert "AKIA" not in judged()["compliance_security"].evidence


def test_missing_docstrings_lower_the_score(pack, judged):
    path = pack / PACKAGE / "tools.py"
    path.write_text(path.read_text().replace('    """Twice."""\n', ""))
    result = judged()["documentation"]
    assert f"docstrings: 3 of 4 public names (not: {PACKAGE}/tools.py::total)" in result.evidence
    assert result.score == pytest.approx(100 * (0.75 + 1 + 1) / 3, abs=0.01)


VERDICTS = {
    "low coverage": ({"coverage": CoverageResult(80, 100, 17, 20)}, "coverage: 80.83 %"),
    "no coverage": ({"coverage": None}, "coverage: not measured"),
    "timed out": (
        {"status": "timed_out", "tests": (), "detail": "stopped after 5 s"},
        "verdict timed_out: stopped after 5 s",
    ),
    "few tests": ({"tests": verdict().tests[:12]}, "count: 12 of 40 or more"),
    "one failed": (
        {
            "status": "failed",
            "tests": (dataclasses.replace(verdict().tests[0], outcome="failed"), *verdict().tests[1:]),
        },
        "passed: 47 of 48 tests (not: tests/test_unit.py::test_0)",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_the_sandbox_said_counts(name, judged):
    changes, said = VERDICTS[name]
    result = judged(verdict=verdict(**changes))["tests"]
    assert result.status == "failed"
    assert said in result.reason


def test_integration_needs_integration_tests(judged):
    tests = tuple(t for t in verdict().tests if t.category != "integration")
    result = judged(verdict=verdict(tests=tests))["integration"]
    assert (result.status, result.score) == ("failed", 50)


RUNS = {
    "one run": ([ANSWERS], "1 evaluations; two are needed"),
    "other bytes": ([ANSWERS, ANSWERS.replace(b'"data"', b' "data"')], "different bytes"),
    "wrong in both": (
        [ANSWERS.replace(b"8", b"9")] * 2,
        "as expected: 1 of 2 vectors (not: four: total is 9, expected 8)",
    ),
    "missing output": ([ANSWERS.replace(b"total", b"sum")] * 2, "four: total is missing"),
    "answered a gap": ([ANSWERS.splitlines(keepends=True)[0] * 2] * 2, "gap: it answered where it must refuse"),
    "wrong code": ([ANSWERS.replace(b"not_covered", b"calculation")] * 2, "gap: it refused with calculation instead"),
    "too few": ([ANSWERS.splitlines(keepends=True)[0]] * 2, "gap: no answer"),
    "too many": ([ANSWERS * 2] * 2, "4 answers to 2 questions"),
    "nonsense": ([b"x\ny\n"] * 2, "its answer is malformed"),
}


@pytest.mark.parametrize("name", RUNS)
def test_determinism_is_bytes_and_expected_answers(name, judged):
    outputs, said = RUNS[name]
    result = judged(evaluations=evaluations(*outputs))["determinism"]
    assert result.status == "failed"
    assert said in result.reason


def test_a_tolerance_of_the_spec_is_honoured(judged):
    vectors = (Vector("four", "golden", {}, {"total": "8.1"}, tolerances={"total": "0.02"}),)
    line = ANSWERS.splitlines(keepends=True)[0]
    assert (
        judged(resolution=resolution(vectors=vectors), evaluations=evaluations(line, line))["determinism"].status
        == "passed"
    )
    strict = (dataclasses.replace(vectors[0], tolerances={"total": "0.01"}),)
    assert (
        judged(resolution=resolution(vectors=strict), evaluations=evaluations(line, line))["determinism"].status
        == "failed"
    )


def test_an_evaluation_that_did_not_end_well_fails(judged):
    runs = [Evaluation("timed_out", PROFILE, detail="stopped after 5 s")] * 2
    assert "timed_out: stopped after 5 s" in judged(evaluations=runs)["determinism"].reason


SPECS = {
    "a contradiction": ({"diagnostics": (Diagnostic("GLS041", "error", "kWh + GB"),)}, "1 errors: GLS041 kWh + GB"),
    "an output without plan": (
        {"plans": {}, "missing": (Missing("total", "nothing fits"),)},
        "outputs planned: 0 of 1 outputs (not: total)",
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_specification_is_judged(name, judged):
    changes, said = SPECS[name]
    result = judged(resolution=resolution(**changes))["specification"]
    assert result.status == "failed"
    assert said in result.reason


def test_what_was_our_own_fault_is_not_held_against_the_agent_and_not_passed_either(judged):
    results = judged(
        verdict=verdict(status="infrastructure", tests=(), coverage=None),
        evaluations=[Evaluation("infrastructure", PROFILE)] * 2,
    )
    for name in ("tests", "integration", "determinism"):
        assert (results[name].status, results[name].score) == ("not_applicable", None)
        assert results[name].reason == "the sandbox failed, not the agent"
    assert not overall(list(results.values()))[1]


def test_inputs_of_vectors_are_plain_values_in_normal_form():
    assert vector_inputs(resolution()) == [{"amount": "4"}, {"amount": "5"}]


def test_a_batch_finds_what_single_runs_find_and_sorts_it_by_pack(tmp_path: Path, cache: Path):
    good, bad, broken = (write(tmp_path / name) for name in ("good", "bad", "broken"))
    for folder in (bad, broken):
        (folder / PACKAGE).rename(folder / f"gl_{folder.name}")
    (bad / "gl_bad/tools.py").write_text('"""X."""\n\nx: int = "a"\n')
    (broken / "gl_broken/tools.py").write_text("def (\n")
    refs = [PackRef(good, PACKAGE), PackRef(bad, "gl_bad"), PackRef(broken, "gl_broken")]
    batch = prepare(refs, cache)
    for ref in refs:
        assert prepare([ref], cache)[ref.folder].types == batch[ref.folder].types
        assert prepare([ref], cache)[ref.folder].lint == batch[ref.folder].lint
    assert not batch[good].lint + batch[good].types + batch[good].syntax
    assert [f.code for f in batch[bad].types] == ["assignment"]
    assert batch[broken].syntax


def test_two_versions_of_one_package_are_checked_in_one_batch(tmp_path: Path, cache: Path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    (two / PACKAGE / "tools.py").write_text('"""X."""\n\nx: int = "a"\n')
    found = prepare([PackRef(one, PACKAGE), PackRef(two, PACKAGE)], cache)
    assert (len(found[one].types), len(found[two].types)) == (0, 1)


def test_the_interpreter_is_left_as_it_was(pack: Path, cache: Path):
    before = (gc.get_threshold(), sys.getrecursionlimit())
    prepare([PackRef(pack, PACKAGE)], cache)
    assert (gc.get_threshold(), sys.getrecursionlimit()) == before


def test_the_page_names_every_dimension_and_measure():
    text = page()
    for d in DIMENSIONS:
        assert d.title in text
        assert d.not_yet in text
        for m in d.measures:
            assert f"| {m.name} | {m.text} |" in text
    assert "number of lines" not in text
    assert "counts lines (1,300 to 2,200)" in text
    assert all(len(line) < 400 for line in text.splitlines())
