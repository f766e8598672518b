"""What to do next, and the short form for the Dagster UI."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from greenlang.factory.outcome import Detail, DimensionResult, MeasureResult
from greenlang.quality.report import QualityReport, markdown, steps
from tests.quality.report.example import OUTCOME, dimensions, judgement, report


def only(*details: Detail, name: str = "tests", measure: str = "coverage", **changes: object) -> QualityReport:
    """A report in which nothing but one measure of one dimension is not met."""
    bad = MeasureResult(measure, 0.4, False, "40 %", details)
    given = {"status": "failed", "score": 40.0, "reason": "coverage: 40 %", "measures": (bad,)} | changes
    found = tuple(replace(d, **given) if d.name == name else d for d in dimensions(good=True))  # type: ignore[arg-type]
    return report(good=True, passed=False, dimensions=found)


def test_what_blocks_comes_first_and_the_heaviest_of_it_before_the_rest() -> None:
    found = steps(report())
    assert [(s.dimension, s.blocking) for s in found] == [
        ("tests", True),
        ("determinism", True),
        ("documentation", False),
    ]
    assert found[0].text.startswith("Make tools.total add nitrous oxide")
    assert found[0].why == "test_sum_of_gases expected 12.5, got 12.4"
    assert found[0].places == ("tests/test_golden.py:41",)


def test_findings_of_one_mend_are_one_step() -> None:
    step = steps(report())[2]
    assert step.places == ("gl_buildings_boiler/tools.py:17", "gl_buildings_boiler/tools.py:31")
    assert step.why.endswith("(and 1 more like it)")


def test_a_measure_without_findings_says_what_is_to_be_reached() -> None:
    (step,) = steps(only())
    assert step.text.startswith("Reach 85 percent or more: lines and branches")
    assert step.why == "40 %"
    assert step.blocking


def test_a_finding_without_mend_stands_for_itself() -> None:
    (step,) = steps(only(Detail("line 7 is never run", "a.py", 7)))
    assert (step.text, step.why, step.places) == ("line 7 is never run", "", ("a.py:7",))


@pytest.mark.parametrize(("count", "steps_made"), [(3, 3), (4, 1), (29, 1)])
def test_many_findings_of_one_rule_are_one_step(count: int, steps_made: int) -> None:
    details = [Detail(f"test_{n} failed: {n} is not 1", f"tests/test_{n % 2}.py", rule="failed") for n in range(count)]
    found = steps(only(*details))
    assert len(found) == steps_made
    if steps_made == 1:
        assert found[0].text == f"test_0 failed: 0 is not 1 (and {count - 1} more like it)"
        assert found[0].places == ("tests/test_0.py", "tests/test_1.py")


def test_an_unmet_measure_in_a_dimension_that_passed_costs_score_only() -> None:
    (step,) = steps(only(status="passed", score=95.0))
    assert not step.blocking


def test_what_is_met_and_not_whole_is_a_step_at_the_end() -> None:
    lived = Detail("survived: a + b -> a - b", "a.py", 3, "sign", "add a case")
    met = MeasureResult("mutation score", 0.96, True, "24 of 25", (lived,))
    (step,) = steps(only(measures=(met,), status="passed", score=99.0))
    assert (step.text, step.blocking) == ("add a case", False)
    assert steps(only(measures=(MeasureResult("coverage", 0.9, True, "90 %", (Detail("m", level="note"),)),))) == ()


def test_beside_an_unmet_must_what_is_no_must_does_not_block() -> None:
    must = MeasureResult("outputs planned", 0.5, False, "1 of 2")
    soft = MeasureResult("fields", 0.9, False, "9 of 10")
    made = only(name="specification", measures=(soft, must))
    assert [(s.measure, s.blocking) for s in steps(made)] == [("outputs planned", True), ("fields", False)]
    alone = only(name="specification", measures=(soft,))
    assert [(s.measure, s.blocking) for s in steps(alone)] == [("fields", True)]


def test_a_dimension_of_an_old_record_without_measures_gives_its_reason() -> None:
    old = DimensionResult("tests", "Tests", "failed", 10.0, 85, 15, True, "e", "coverage: 10 %")
    (step,) = steps(QualityReport.of(OUTCOME, replace(judgement(), dimensions=(old,))))
    assert (step.text, step.blocking) == ("coverage: 10 %", True)


def test_the_short_form_has_verdict_score_picture_table_and_steps() -> None:
    text = markdown(report(), page="var/reports/x/index.html")
    assert text.startswith("**Failed**. 2 dimensions that are required failed: Tests and Determinism")
    assert "Score **91.37** of 100, apart from the verdict." in text
    assert "| 3 | **Tests** | ✘ failed | 82.5 | 85 |" in text
    assert "1. **blocks the pass**: Make tools.total add nitrous oxide" in text
    assert "2 of 24 mutants survived." in text
    assert "`var/reports/x/index.html`" in text
    assert "![" not in markdown(report(), picture=False)


def test_the_picture_is_a_whole_drawing_by_itself() -> None:
    address = markdown(report()).split("](", 1)[1].split(")", 1)[0]
    kind, _, data = address.partition(";base64,")
    assert kind == "data:image/svg+xml"
    drawing = ET.fromstring(base64.b64decode(data))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    text = base64.b64decode(data).decode()
    assert "var(--" not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    "text",
    [
        "a | b\n\n# c",
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "`` ` ``",
        "![x](http://evil.example/y)",
        "https://evil.example",
        "* a\n1. b",
        "back\\|slash",
    ],
)
def test_foreign_text_neither_breaks_the_table_nor_becomes_markup(text: str) -> None:
    found = tuple(replace(d, title=text, reason=text) for d in dimensions())
    made = markdown(report(dimensions=found, reason=text), picture=False)
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    page = reader.render(made)
    assert page.count("<table>") == 1
    assert page.count("<tr>") == 13
    assert all(tag not in page for tag in ("<img", "<a ", "<h1", "<ul", "<code>"))
    plain = " ".join(text.split())
    assert reader.render(plain.replace("x", "x")) is not None
    assert page.count("<td") == 12 * 6
