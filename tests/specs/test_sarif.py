"""SARIF 2.1.0: the parts of the standard that code hosts read, checked by hand against its text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenlang.specs.codes import CODES
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.reader import read
from greenlang.specs.sarif import sarif
from tests.specs.texts import A, C

FINDINGS = {
    "specs/heat.yaml": read(A.replace("minimum: 0", "minimum: lots").encode())[1],
    "specs/pack%20two.yaml": read(C.encode())[1],
    "whole.yaml": (Diagnostic("GLS001", "error", "not UTF-8", "save it"),),
    "good.yaml": (),
}


def check(report: dict[str, Any]) -> None:
    """Section 3 of the standard, for what we write."""
    assert report["version"] == "2.1.0"
    assert report["$schema"].endswith("sarif-2.1.0.json")
    for run in report["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"]
        assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
        ids = [rule["id"] for rule in driver["rules"]]
        assert len(ids) == len(set(ids))
        assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in driver["rules"])
        for result in run["results"]:
            assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in {"none", "note", "warning", "error"}
            assert result["message"]["text"]
            (location,) = result["locations"]
            physical = location["physicalLocation"]
            assert " " not in physical["artifactLocation"]["uri"]
            if "region" in physical:
                assert physical["region"]["startLine"] >= 1
                assert physical["region"]["startColumn"] >= 1
                assert set(physical["region"]) <= {"startLine", "startColumn", "endLine", "endColumn"}
            assert set(result) <= {"ruleId", "ruleIndex", "level", "message", "locations"}


def test_the_report_has_the_form_of_the_standard() -> None:
    report = sarif(FINDINGS)
    check(json.loads(json.dumps(report)))
    run = report["runs"][0]
    assert len(run["results"]) == sum(len(found) for found in FINDINGS.values())
    assert [a["location"]["uri"] for a in run["artifacts"]] == list(FINDINGS)


def test_a_finding_keeps_its_place_level_and_hint() -> None:
    wanted = next(d for d in FINDINGS["specs/heat.yaml"] if d.severity == "error")
    result = next(r for r in sarif(FINDINGS)["runs"][0]["results"] if r["level"] == "error")
    assert result["ruleId"] == wanted.code
    assert result["message"]["text"] == f"{wanted.message}. {wanted.hint}"
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "specs/heat.yaml"
    assert physical["region"] == {"startLine": wanted.line, "startColumn": wanted.column}
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == wanted.path


def test_a_finding_about_the_whole_file_has_no_region_and_one_of_an_overlay_its_own_file() -> None:
    report = sarif({"a/b.yaml": [Diagnostic("GLS081", "error", "m", file="b c.overlay.yaml", line=3)]})
    physical = report["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "a/b%20c.overlay.yaml"
    whole = sarif({"x.yaml": FINDINGS["whole.yaml"]})["runs"][0]["results"][0]
    assert "region" not in whole["locations"][0]["physicalLocation"]


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_a_rule(code: str) -> None:
    check(sarif({"x.yaml": [Diagnostic(code, "info", "m", line=1, column=0)]}))
