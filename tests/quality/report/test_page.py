"""The page for people: what it says, in which order, and that foreign text stays text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.llm.ask import Disclosure
from greenlang.pages import figure
from greenlang.quality.judgement import Difference, MutantLine
from greenlang.quality.report import LiteralLine, ModelPart, QualityReport, Reference, html, wheel
from greenlang.quality.report import palette as colours
from greenlang.quality.report.charts import BARS, histogram, percentile, sectors
from greenlang.quality.report.page import _row, ranges
from greenlang.sandbox.verdict import TestResult
from tests.html import Page
from tests.quality.report.contrast import contrast
from tests.quality.report.example import OUTCOME, WEAK, dimensions, judgement, report, trial


def words(made: QualityReport) -> str:
    return Page(html(made)).words


def test_a_failed_required_dimension_stands_in_words_at_the_top_apart_from_the_score() -> None:
    text = words(report())
    head = text[: text.index("On this page")] if "On this page" in text else text[: text.index("The twelve dimensions")]
    assert "Verdict Failed" in head
    assert "2 dimensions that are required failed: Tests and Determinism and zero hallucination" in head
    assert "Documentation failed too, which costs score only" in head
    assert "91.37 of 100" in head
    assert "Score, apart from the verdict" in head


def test_a_passed_agent_is_said_to_have_passed_and_nothing_is_left_to_do() -> None:
    text = words(report(good=True))
    assert "Verdict Passed Every required dimension passed." in text
    assert "Nothing. Every measure that was taken is met in full." in text
    assert "No mutant survived." in text


def test_a_high_score_does_not_hide_one_failed_dimension() -> None:
    text = words(report(score=99.9, dimensions=dimensions()))
    assert "Verdict Failed" in text
    assert "Verdict Passed" not in text


def test_a_fault_of_ours_is_no_verdict_on_the_agent() -> None:
    broken = trial()
    broken = replace(
        broken, tests=replace(broken.tests, status="infrastructure", detail="the fork server failed twice")
    )
    made = QualityReport.of(OUTCOME, judgement(), broken)
    assert made.result == "undecided"
    text = words(made)
    assert "Verdict Not decided The factory failed, not the agent: the fork server failed twice." in text


def test_a_required_dimension_that_could_not_be_measured_is_said() -> None:
    found = tuple(
        replace(d, status="not_applicable", score=None) if d.name == "tests" else d for d in dimensions(good=True)
    )
    assert "1 dimension that is required could not be measured: Tests." in words(
        report(good=True, dimensions=found, passed=False)
    )


def test_every_section_is_there_and_every_link_leads_somewhere() -> None:
    page = Page(html(report()))
    ids = page.ids
    assert len(ids) == len(set(ids))
    sections = [a["id"] for tag, a in page.found if tag == "section"]
    assert sections == [
        "dimensions",
        "next",
        "measures",
        "tests",
        "mutants",
        "differences",
        "sandbox",
        "service",
        "literals",
        "references",
        "models",
        "digests",
    ]
    links = [a["href"] or "" for tag, a in page.found if tag == "a"]
    assert links
    assert all(link[:1] == "#" and link[1:] in ids for link in links)
    for _, attributes in page.found:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)


def test_a_report_of_almost_nothing_still_says_what_is_not_there() -> None:
    bare = QualityReport.of(OUTCOME, replace(judgement(), mutants=(), differences=(), figures={}))
    text = words(bare)
    for sentence in ("No test was run.", "No mutants were run.", "Nothing was run.", "The agent was not timed."):
        assert sentence in text
    page = Page(html(bare))
    assert not {"literals", "references", "models"} & set(page.ids), "nobody looked, so nothing is said"
    assert "No certified agent stands near this one." in words(replace(bare, references=()))
    assert "No model had a part in this agent." in words(replace(bare, models=()))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = Page(html(report()))
    assert not {"script", "link", "iframe", "object", "embed", "img", "form", "base"} & {tag for tag, _ in page.found}
    assert not [a for _, attributes in page.found for a in attributes if a.startswith("on") or a in {"src", "srcset"}]
    policy = next(a["content"] or "" for tag, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "url(" not in re.sub(r"url\(#wheel-\w+\)", "", html(report()))
    assert "@import" not in html(report())


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"></style></title></textarea><svg onload=alert(1)>",
    "</pre></code></details><a href='javascript:alert(1)'>x</a>",
    "{{ 7 * 11111 }}{% raw %}",
    "a\x00b\x1b[31m\ud800c\u202egnp.exe",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text_wherever_it_comes_from(text: str) -> None:
    clean = Page(html(report()))
    measure = MeasureResult(text, 0.5, False, text, (Detail(text, text, 3, text, text),), {text: 1.0})
    hostile = report(
        agent_id=text,
        name=text,
        version=text,
        reason=text,
        dimensions=tuple(
            replace(d, title=text, reason=text, evidence=text, measures=(measure,) if d.measures else ())
            for d in dimensions()
        ),
        mutants=tuple(MutantLine(str(n), text, text, n, text, f"x{text}", "survived") for n in range(2)),
        differences=(Difference(text, text, {"agent": text, text: "1"}),),
        figures={text: 1.0},
        tests=(TestResult(text, text, "failed", 0.1, text),),
        digests={text: text},
        profile=replace(WEAK, weaknesses=(text,), primitives=(text,), notes=(text,)),
        literals=(LiteralLine(text, 1, text, text), LiteralLine(text, 2, text)),
        references=(Reference(text, text, text, 1.0, {text: 1.0}),),
        models=(ModelPart(text, Disclosure(text, text, text, text, {text: text}, {text: text}, {text: text}, text)),),
    )
    made = html(hostile)
    made.encode("utf-8")
    page = Page(made)
    assert {tag for tag, _ in page.found} <= {tag for tag, _ in clean.found}
    assert not [a for _, attributes in page.found for a in attributes if a.startswith("on")]
    assert {name for _, a in page.found for name in a} <= {name for _, a in clean.found for name in a}
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202e]", made)
    assert "77777" not in page.words
    if "script" in text:
        assert "alert(1)" in page.words


def test_what_is_long_is_cut_and_says_by_how_much() -> None:
    many = tuple(MutantLine(f"m{n}", "sign", "a/tools.py", n, "a + b", "a - b", "survived") for n in range(500))
    text = words(report(mutants=many))
    assert "and 440 more, in the JSON form." in text
    loud = (TestResult("tests/test_unit.py::test_a", "unit", "failed", 0.1, "x" * 100_000),)
    made = html(report(tests=loud))
    assert "... 96,000 more characters, in the JSON form" in made
    assert len(made) < 80_000


def test_controls_are_no_survivors() -> None:
    control = MutantLine("c1", "control", "a/tools.py", 3, "a + b", "(a + b)", "survived")
    made = report(good=True, mutants=(*report(good=True).mutants, control))
    assert made.survivors == ()
    text = words(made)
    assert "1 control, which changes nothing that counts: none was killed, as it should be." in text
    assert "No mutant survived." in text
    killed = words(replace(made, mutants=(replace(control, outcome="killed"),)))
    assert "its score cannot be believed" in killed


def test_the_survivor_shows_what_was_changed() -> None:
    text = html(report())
    assert "energy <mark>*</mark> factor" in text
    assert "energy <mark>+</mark> factor" in text
    assert "Decimal(1000<mark>000</mark>)" in text


def test_the_source_that_stands_alone_is_marked() -> None:
    assert "12.4 differs" in words(report())
    two = Difference("a", "x", {"agent": "1", "decimal": "2"})
    assert [odd for _, odd in _row(two, ("agent", "decimal")).cells] == [True, True], (
        "nobody knows which of two is wrong"
    )
    three = Difference("a", "x", {"agent": "1", "decimal": "2", "duckdb": "2"})
    assert [odd for _, odd in _row(three, ("agent", "decimal", "duckdb")).cells] == [True, False, False]
    assert _row(two, ("agent", "duckdb", "decimal")).cells[1] == ("", False)


def test_the_weak_sandbox_is_named_with_its_weaknesses() -> None:
    text = words(report(profile=WEAK))
    assert "Profile weak" in text
    assert WEAK.weaknesses[0] in text
    assert "not confined as the strict profile asks" not in words(report())


def test_the_wheel_tells_the_same_without_colours() -> None:
    drawing = wheel(report(), alone=True)
    assert drawing.count('class="w-wedge"') == 10
    assert drawing.count("url(#wheel-idle)") == 2
    assert drawing.count("url(#wheel-fail)") == 3
    assert drawing.count('class="w-rim"') == sum(d.required for d in report().dimensions)
    assert drawing.count('class="w-sign"') == 12
    assert 'role="img"' in drawing
    assert "Tests: failed, 82.5 of 100, least 85, required" in drawing
    assert "Business impact: not applicable, not required" in drawing


def test_the_radius_is_the_score() -> None:
    wanted = {d.title: d.score for d in report().dimensions}
    for sector in sectors(report().dimensions):
        score = wanted[sector.title]
        if score is not None:
            assert f"A{round(1.12 * score, 2)} " in sector.wedge


def test_the_histogram_counts_every_call_once() -> None:
    calls = sorted([1.0] * 90 + [2.0] * 9 + [50.0])
    made = histogram(calls)
    assert made is not None
    assert [m.value for m in made.marks] == [1.0, 2.0, 2.0]
    assert (made.end, made.beyond) == (2.0, 1)
    assert sum(int(b.words.split()[0]) for b in made.bars) == 100
    assert len(made.bars) <= BARS
    assert histogram([]) is None
    flat = histogram([3.0, 3.0])
    assert flat is not None
    assert sum(int(b.words.split()[0]) for b in flat.bars) == 2


def test_a_percentile_is_one_of_the_figures() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 95) == 4.0
    assert percentile([7.0], 1) == 7.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (100.0, "100"), (91.37, "91.37"), (0.4479, "0.4479"), (0.00001, "<0.0001"), (12345.678, "12,345.68")],
)
def test_figures_are_for_people(value: float, text: str) -> None:
    assert figure(value) == text


def test_lines_are_drawn_together() -> None:
    assert ranges((7, 8, 9, 31, 33)) == "7-9, 31, 33"


@pytest.mark.parametrize("theme", [colours.LIGHT, colours.DARK], ids=["light", "dark"])
def test_every_colour_has_the_contrast_that_aa_asks_for(theme: dict[str, str]) -> None:
    poor = [
        (ink, ground, round(contrast(theme[ink], theme[ground]), 2))
        for ink, grounds, least in colours.PAIRS
        for ground in grounds
        if contrast(theme[ink], theme[ground]) < least
    ]
    assert poor == []


def test_no_colour_stands_outside_the_palette() -> None:
    assert colours.LIGHT.keys() == colours.DARK.keys()
    known = {*colours.LIGHT.values(), *colours.DARK.values()}
    assert set(re.findall(r"#[0-9a-f]{6}\b", html(report()).split("</style>")[0])) <= known
    checked = {ink for ink, _, _ in colours.PAIRS} | {g for _, grounds, _ in colours.PAIRS for g in grounds}
    assert colours.LIGHT.keys() - checked == {"line"}, "lines only decorate"


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_same_report_gives_the_same_page() -> None:
    assert html(report()) == html(report())
    assert "2026-11-21" in html(report())
    assert "<time" not in html(report(at=""))
