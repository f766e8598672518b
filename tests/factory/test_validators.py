"""`QualityValidator` as documents 000 and 001 call it: bare code and whole packs, run and judged for real."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.errors import PackError
from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack
from greenlang.factory.regenerate import regenerate
from greenlang.factory.validators import QualityResult, QualityValidator
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.settings import Settings
from greenlang.specs.reader import read
from tests import libraries
from tests.factory.bare_agent import AGENT, SPEC, TESTS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QualityValidator]:
    var = tmp_path_factory.mktemp("validator") / "var"
    var.mkdir()
    libraries.tell(var)
    with QualityValidator(Settings(var=var)) as made:
        yield made


@pytest.fixture(scope="module")
def good(validator: QualityValidator) -> QualityResult:
    return validator.validate_12_dimensions(agent_code=AGENT, test_code=TESTS, spec=SPEC)


def status(result: QualityResult) -> dict[str, str]:
    return {d.name: d.status for d in result.dimensions}


def test_good_code_passes_and_has_the_names_of_both_documents(good: QualityResult) -> None:
    assert [d.name for d in good.dimensions] == [d.name for d in DIMENSIONS]
    assert (good.passed, good.is_valid, good.errors) == (True, True, ()), good.errors
    assert good.coverage == 100.0
    assert good.score == 100 * good.overall_score
    assert good.scores["tests"] == 1.0
    assert [d.name for d in good.dimensions if not d.passed] == ["deployment_readiness", "operations"]


def test_what_bare_code_does_not_have_is_not_applicable_and_says_so(good: QualityResult) -> None:
    found = {d.name: d for d in good.dimensions}
    assert found["deployment_readiness"].score is None
    assert "only code and tests were given, and no Dockerfile" in found["deployment_readiness"].reason
    measures = {(d.name, m.name): m for d in good.dimensions for m in d.measures}
    for name in (("documentation", "readme"), ("tests", "categories"), ("determinism", "literal audit")):
        assert measures[name].share is None
        assert "given" in measures[name].text
    assert measures["tests", "passed"].text == "54 of 54 tests"
    assert measures["determinism", "as expected"].share == 1.0


def test_it_is_run_and_not_read(validator: QualityValidator) -> None:
    wrong = validator.validate_12_dimensions(
        agent_code=AGENT.replace("return heat / electricity", "return heat * electricity"), test_code=TESTS, spec=SPEC
    )
    assert not wrong.passed
    assert status(wrong)["tests"] == status(wrong)["determinism"] == "failed"
    assert wrong.score > 70, "a score that document 001 would take"
    assert any("expected" in error and "cop" in error for error in wrong.errors)
    assert any("tests, passed" in error for error in wrong.errors)
    assert wrong.report is not None
    assert wrong.report.differences


def test_tests_that_notice_nothing_do_not_pass(validator: QualityValidator) -> None:
    hollow = "def test_nothing() -> None:\n    assert True\n"
    result = validator.validate_12_dimensions(agent_code=AGENT, test_code=hollow, spec=SPEC)
    assert not result.passed
    assert result.coverage is not None
    assert result.coverage < 100
    assert any("tests, count" in error for error in result.errors)
    assert any("integration, tools callable" in error for error in result.errors)


def test_code_that_reaches_out_is_stopped(validator: QualityValidator) -> None:
    hostile = AGENT.replace("from decimal import", "import socket\nfrom decimal import") + "\nsocket.socket()\n"
    result = validator.validate_12_dimensions(agent_code=hostile, test_code=TESTS, spec=SPEC)
    assert not result.passed
    assert any("socket" in error for error in result.errors)


def test_a_module_that_does_not_parse_is_a_finding_with_its_line(validator: QualityValidator) -> None:
    result = validator.validate_12_dimensions(agent_code="def f(:\n", test_code=TESTS, spec=SPEC)
    assert status(result)["implementation"] == "failed"
    assert any("agent/__init__.py:1" in error for error in result.errors)


def test_a_spec_that_is_refused_is_a_result_and_nothing_is_run(validator: QualityValidator) -> None:
    result = validator.validate_12_dimensions(
        agent_code=AGENT, test_code=TESTS, spec=SPEC.replace("compute:", "compte:")
    )
    assert (result.passed, result.score, result.coverage, result.report) == (False, 0.0, None, None)
    assert {d.status for d in result.dimensions} == {"not_applicable"}
    assert "compute" in result.errors[0]
    with pytest.raises(PackError, match="nothing was judged"):
        validator.generate_html_report(result)


def test_an_output_without_a_certain_plan_is_an_error(validator: QualityValidator) -> None:
    result = validator.validate_12_dimensions(
        agent_code=AGENT, test_code=TESTS, spec=SPEC.replace("    cop: heat / electricity\n", "    {}\n")
    )
    assert any("no certain plan for cop" in error for error in result.errors)


@pytest.mark.parametrize("form", ["mapping", "bytes", "read", "path"])
def test_a_spec_may_come_in_every_form(validator: QualityValidator, tmp_path: Path, form: str) -> None:
    import yaml

    read_spec, _ = read(SPEC.encode())
    assert read_spec is not None
    (tmp_path / "spec.yaml").write_text(SPEC)
    forms = {
        "mapping": yaml.safe_load(SPEC),
        "bytes": SPEC.encode(),
        "read": read_spec,
        "path": tmp_path / "spec.yaml",
    }
    result = validator.validate_12_dimensions(agent_code=AGENT, test_code=TESTS, spec=forms[form])
    assert result.passed, result.errors


def test_files_on_disk_are_judged_as_document_001_calls_it(validator: QualityValidator, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "test_agent.py").write_text(TESTS)
    result = validator.validate(tmp_path / "agent.py", tmp_path / "test_agent.py", SPEC)
    assert result.is_valid, result.errors
    assert result.overall_score == 1.0


def test_a_package_and_a_folder_of_tests_keep_their_categories(validator: QualityValidator, tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "agent" / "__init__.py").write_text(AGENT)
    for name in ("unit", "golden"):
        (tmp_path / "tests" / f"test_{name}.py").write_text(TESTS)
    result = validator.validate(tmp_path / "agent", tmp_path / "tests", SPEC)
    measure = next(m for d in result.dimensions for m in d.measures if m.name == "categories")
    assert measure.text.startswith("2 of 6 present")
    assert not result.passed


def test_of_a_whole_pack_everything_is_asked(validator: QualityValidator, tmp_path: Path) -> None:
    from greenlang.formulas.library import library
    from greenlang.resolution.resolve import resolve

    spec, _ = read(SPEC.encode())
    assert spec is not None
    write_pack(generate(resolve(spec, validator.table, library())), tmp_path / "pack")
    before = sorted(p for p in (tmp_path / "pack").rglob("*"))
    result = validator.validate_12_dimensions(agent_code=tmp_path / "pack", spec=SPEC)
    assert result.passed, result.errors
    assert status(result)["deployment_readiness"] == status(result)["operations"] == "passed"
    assert sorted(p for p in (tmp_path / "pack").rglob("*")) == before
    assert result.report is not None
    assert result.report.mutants
    assert result.report.literals
    assert all(line.origin for line in result.report.literals)
    page = validator.generate_html_report(result)
    assert "Every required dimension passed." in page
    (tmp_path / "pack" / "Dockerfile").unlink()
    worse = validator.validate_12_dimensions(agent_code=tmp_path / "pack", spec=SPEC)
    assert status(worse)["deployment_readiness"] == "failed", "a pack that lost a file does not become bare code"


def test_a_working_copy_is_judged_without_what_lies_beside_it(validator: QualityValidator, tmp_path: Path) -> None:
    from greenlang.formulas.library import library
    from greenlang.resolution.resolve import resolve

    spec, _ = read(SPEC.encode())
    assert spec is not None
    copy = tmp_path / "mine"
    regenerate(generate(resolve(spec, validator.table, library())), copy)
    for name in (".venv/lib/other.py", "tests/__pycache__/test_unit.cpython-311.pyc"):
        (copy / name).parent.mkdir(parents=True)
        (copy / name).write_bytes(b"import os")
    assert validator.validate_12_dimensions(agent_code=copy, spec=SPEC).errors == ()
    tools = next(copy.glob("gl_*/tools.py"))
    tools.write_text(
        tools.read_text().replace("    return ", "    if ACCURACY:\n        pass\n    return ", 1) + "\nACCURACY = 0\n"
    )
    edited = validator.validate_12_dimensions(agent_code=copy, spec=SPEC)
    assert not edited.passed
    assert any("has a condition that the plan has not" in error for error in edited.errors), edited.errors


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ({"agent.py": AGENT}, "no folder with __init__.py"),
        ({"a/__init__.py": "", "b/__init__.py": ""}, "several packages: a, b"),
        ({"agent/__init__.py": AGENT, "../../evil.py": "x = 1\n"}, "outside the pack"),
        (Path("/nowhere/at/all"), "there is no"),
    ],
)
def test_what_makes_no_pack_is_refused(validator: QualityValidator, code: object, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        validator.validate_12_dimensions(agent_code=code, test_code=TESTS, spec=SPEC)  # type: ignore[arg-type]


def test_without_a_folder_var_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with QualityValidator(Settings(var=tmp_path / "var")) as made:
        made.validate_12_dimensions(agent_code="def f(:\n", test_code=TESTS, spec=SPEC)
    assert list(tmp_path.iterdir()) == []


def test_the_example_of_the_page_prints_what_the_page_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "quality-report.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    for name, text in {"agent.py": AGENT, "test_agent.py": TESTS, "spec.yaml": SPEC, "example.py": code}.items():
        (tmp_path / name).write_text(text)
    runpy.run_path("example.py")
    assert capsys.readouterr().out == printed
