"""Scores, pass, what went wrong on our side, and the tools that look at whole batches."""

from __future__ import annotations

import dataclasses
import gc
import sys
from pathlib import Path

import pytest

from greenlang.factory.outcome import DimensionResult
from greenlang.quality import DIMENSIONS, Judgement, PackRef, judge, overall, page, prepare, vector_inputs
from greenlang.quality.dimensions import CATEGORIES
from greenlang.quality.judge import difference
from greenlang.quality.page import LEFT_OUT, RECONCILED
from greenlang.resolution.plan import Vector
from greenlang.sandbox.trial import Mutation, Trial
from greenlang.sandbox.verdict import Evaluation
from tests.quality.good import (
    PACKAGE,
    PROFILE,
    case,
    dimension,
    evaluations,
    measures,
    mutants,
    output,
    resolution,
    service,
    trial,
    unmet,
    verdict,
    write,
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good pack, which these tests only read."""
    return write(tmp_path_factory.mktemp("judge") / "pack")


def test_the_twelve_are_declared_in_order_and_weigh_a_hundred() -> None:
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
        assert d.measures
        assert len({m.name for m in d.measures}) == len(d.measures)
        assert all(m.what and m.how and m.evidence and m.unit and m.threshold for m in d.measures)
        assert d.measure(d.measures[0].name) is d.measures[0]
        with pytest.raises(KeyError):
            d.measure("nothing")


def test_the_same_pack_is_judged_in_the_same_words_however_long_it_took(pack: Path) -> None:
    first = judge(case(pack))
    slower = trial(tests=verdict(seconds=99.0), service=service(latency_ms=(7.0,) * 200, memory_mb=20.0))
    again = judge(case(pack, trial=slower))
    assert [dataclasses.replace(d, measures=()) for d in again.dimensions] == [
        dataclasses.replace(d, measures=()) for d in first.dimensions
    ]
    assert again.figures["latency p95 ms"] == 7.0
    assert again.figures["memory MB"] == 20.0
    assert first.figures["latency p95 ms"] != 7.0
    assert first.figures["mutation score %"] == 100


def test_a_dimension_scores_the_mean_of_the_measures_that_apply(pack: Path) -> None:
    judged = dimension(judge(case(pack, trial=trial(service=None), tier="quick")), "documentation")
    assert judged.measures[-1].share is None
    assert judged.score == 100
    low = case(pack, trial=trial(service=service(http_status=500)))
    assert dimension(judge(low), "operations").score == 80


def test_score_and_pass_are_separate(pack: Path) -> None:
    wrong = output().replace(b'"scope2":"177"', b'"scope2":"178"')
    judgement = judge(case(pack, trial=trial(evaluations=evaluations(wrong, wrong))))
    assert dimension(judgement, "determinism").status == "failed"
    assert judgement.score > 95
    assert not judgement.passed


def test_a_measure_that_must_be_met_fails_its_dimension_at_any_score(pack: Path) -> None:
    judged = dimension(judge(case(pack, trial=trial(again=verdict(tests=verdict().tests[1:])))), "tests")
    assert judged.score is not None
    assert judged.score > judged.threshold
    assert judged.status == "failed"
    assert judged.reason.startswith("stable: ")


def test_a_measure_that_need_not_be_met_costs_score_only(pack: Path) -> None:
    spec = dataclasses.replace(resolution().spec, owners=(), tags=())
    judged = dimension(judge(case(pack, resolution=dataclasses.replace(resolution(), spec=spec))), "specification")
    assert judged.status == "passed"
    assert judged.score is not None
    assert judged.score < 100


def test_a_failed_dimension_that_is_not_required_costs_score_only(pack: Path) -> None:
    judgement = judge(case(pack, trial=trial(service=service(blocks=()))))
    assert dimension(judgement, "documentation").status == "failed"
    assert judgement.passed
    assert judgement.score < judge(case(pack)).score


def result(status: str, score: float | None, *, weight: float = 10, required: bool = True) -> DimensionResult:
    return DimensionResult("x", "X", status, score, 80, weight, required, "")  # type: ignore[arg-type]


def test_the_score_of_an_agent_is_the_weighted_mean_of_what_applies() -> None:
    results = [result("passed", 100), result("failed", 50, weight=30, required=False), result("not_applicable", None)]
    assert overall(results)[0] == 62.5
    assert overall(results[:2]) == (62.5, True)
    assert overall(results)[1] is False, "a required dimension that was not measured has not passed"
    assert overall([]) == (0.0, False)


# --- what is ours ----------------------------------------------------------------------------------------------


def test_what_was_our_own_fault_is_not_held_against_the_agent_and_not_passed_either(pack: Path) -> None:
    ours = trial(
        tests=verdict(status="infrastructure", tests=(), coverage=None, detail="no fork"),
        evaluations=(Evaluation("infrastructure", PROFILE, detail="no fork"),) * 2,
    )
    judgement = judge(case(pack, trial=ours))
    for name in ("tests", "integration", "determinism"):
        judged = dimension(judgement, name)
        assert (judged.status, judged.score, judged.required) == ("not_applicable", None, True)
        assert "the sandbox failed, not the agent" in judged.reason
    assert unmet(judgement) == set()
    assert not judgement.passed
    assert judgement.mishap == "no fork"


@pytest.mark.parametrize(
    ("run", "measure"),
    [
        ({"mutation": Mutation("infrastructure", detail="no fork")}, "tests.mutation score"),
        ({"service": service(status="infrastructure", latency_ms=(), logs=(), http_status=0)}, "operations.health"),
        ({"again": verdict(status="infrastructure", tests=())}, "tests.stable"),
    ],
)
def test_each_run_that_failed_on_our_side_takes_its_measures_with_it(
    run: dict[str, object], measure: str, pack: Path
) -> None:
    judgement = judge(case(pack, trial=trial(**run)))
    assert measures(judgement)[measure].share is None
    assert unmet(judgement) == set()
    assert not judgement.passed
    assert judgement.mishap


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ({"trial": trial(again=None)}, "the second run of the tests"),
        ({"trial": trial(mutation=None)}, "the mutants"),
        ({"trial": trial(mutation=Mutation("passed"))}, "21 mutants"),
        ({"mutants": None}, "the mutants"),
        ({"trial": trial(service=None)}, "the service"),
        ({"differences": None}, "the differential runs"),
        ({"literals": None}, "the literal audit"),
        ({"inputs": ()}, "the inputs that must be refused"),
    ],
)
def test_where_all_must_be_run_what_was_left_out_is_a_fault_of_ours(
    left_out: dict[str, object], said: str, pack: Path
) -> None:
    if left_out.get("trial") and trial(mutation=Mutation("passed")) == left_out["trial"]:
        left_out = left_out | {"mutants": [dataclasses.replace(m, outcome="not run") for m in mutants()]}
    changes = left_out if left_out.get("inputs") != () else left_out | {"trial": trial(evaluations=without_probes())}
    judgement = judge(case(pack, **changes))
    assert said in judgement.mishap
    assert not judgement.passed
    quick = judge(case(pack, tier="quick", **changes))
    assert quick.mishap == ""
    assert quick.passed
    assert unmet(quick) == set()


def without_probes() -> tuple[Evaluation, ...]:
    lines = output().splitlines(keepends=True)[: len(vector_inputs(resolution()))]
    return evaluations(b"".join(lines), b"".join(lines))


def test_in_the_quick_tier_a_dimension_that_was_not_run_is_not_required_and_says_so(pack: Path) -> None:
    judged = dimension(judge(case(pack, trial=trial(service=None), tier="quick")), "operations")
    assert (judged.status, judged.required, judged.reason) == ("not_applicable", False, "the service: was not run")


def test_outcomes_of_mutants_come_from_the_trial(pack: Path) -> None:
    lines = [dataclasses.replace(m, outcome="not run", by="") for m in mutants()]
    judgement: Judgement = judge(case(pack, mutants=lines))
    assert list(judgement.mutants) == mutants()


def test_an_agent_without_a_place_for_a_mutant_is_not_judged_by_mutants(pack: Path) -> None:
    judgement = judge(case(pack, mutants=(), trial=trial(mutation=None)))
    assert measures(judgement)["tests.mutation score"].text == "no operator finds a place"
    assert judgement.passed


def test_where_the_tests_fail_the_mutants_are_not_run_and_nobody_of_ours_is_to_blame(pack: Path) -> None:
    tests = (dataclasses.replace(verdict().tests[0], outcome="failed"), *verdict().tests[1:])
    bad = verdict(status="failed", tests=tests)
    lines = [dataclasses.replace(m, outcome="not run", by="") for m in mutants()]
    judgement = judge(case(pack, mutants=lines, trial=trial(tests=bad, again=bad, mutation=Mutation("failed"))))
    assert measures(judgement)["tests.mutation score"].share is None
    assert judgement.mishap == ""
    assert dimension(judgement, "tests").status == "failed"


@pytest.mark.parametrize("status", ["escaped", "timed_out", "out_of_memory"])
def test_a_pack_that_is_not_run_again_has_failed_and_nobody_of_ours_is_to_blame(status: str, pack: Path) -> None:
    judgement = judge(case(pack, trial=Trial(verdict(status=status, tests=(), coverage=None)), differences=None))
    assert judgement.mishap == ""
    assert not judgement.passed
    assert dimension(judgement, "tests").status == "failed"
    assert dimension(judgement, "determinism").status == "failed"


def test_an_agent_that_gives_no_answers_has_no_differences_and_nobody_of_ours_is_to_blame(pack: Path) -> None:
    runs = (Evaluation("timed_out", PROFILE),) * 2
    judgement = judge(case(pack, trial=trial(evaluations=runs), differences=None))
    assert judgement.mishap == ""
    assert dimension(judgement, "determinism").status == "failed"


# --- answers ---------------------------------------------------------------------------------------------------

FOUR = Vector("four", "golden", {}, {"total": "8"})
GAP = Vector("gap", "gap", {}, error="not_covered")
ANSWERS: dict[str, tuple[Vector, bytes, str]] = {
    "right": (FOUR, b'{"ok":true,"data":{"total":"8"}}', ""),
    "wrong": (FOUR, b'{"ok":true,"data":{"total":"9"}}', "total is 9, expected 8"),
    "missing": (FOUR, b'{"ok":true,"data":{}}', "total is missing"),
    "refused": (FOUR, b'{"ok":false,"error":{"code":"calculation"}}', "it refused: {'code': 'calculation'}"),
    "malformed": (FOUR, b"x", "its answer is malformed"),
    "no object": (FOUR, b"[1]", "its answer is malformed"),
    "gap refused": (GAP, b'{"ok":false,"error":{"code":"not_covered"}}', ""),
    "gap answered": (GAP, b'{"ok":true,"data":{"total":"9"}}', "it answered where it must refuse"),
    "gap refused otherwise": (
        GAP,
        b'{"ok":false,"error":{"code":"calculation"}}',
        "it refused with calculation instead of not_covered",
    ),
    "within tolerance": (
        dataclasses.replace(FOUR, expect={"total": "8.1"}, tolerances={"total": "0.02"}),
        b'{"ok":true,"data":{"total":"8"}}',
        "",
    ),
    "beyond tolerance": (
        dataclasses.replace(FOUR, expect={"total": "8.1"}, tolerances={"total": "0.01"}),
        b'{"ok":true,"data":{"total":"8"}}',
        "total is 8, expected 8.1",
    ),
    "truth": (Vector("t", "golden", {}, {"ok": "true"}), b'{"ok":true,"data":{"ok":true}}', ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_compared_with_what_the_vector_expects(name: str) -> None:
    vector, line, said = ANSWERS[name]
    assert difference(vector, line) == said


# --- tools -----------------------------------------------------------------------------------------------------


TREES = {
    "lint": ("__init__.py", '"""X."""\nimport os\n', "lint", "F401"),
    "noqa does not hide": ("__init__.py", '"""X."""\nimport os  # noqa\n', "lint", "F401"),
    "types": ("tools.py", '"""X."""\n\n\ndef f(x: int) -> str:\n    """F."""\n    return x\n', "types", "return-value"),
    "untyped": ("tools.py", '"""X."""\n\n\ndef f(x):\n    """F."""\n', "types", "no-untyped-def"),
    "eval": (
        "tools.py",
        '"""X."""\n\n\ndef f(x: str) -> object:\n    """F."""\n    return eval(x)\n',
        "security",
        "S307",
    ),
    "syntax": ("tools.py", "def f(:\n", "syntax", "syntax"),
}


def small(folder: Path, package: str = PACKAGE, **texts: str) -> PackRef:
    """A pack of one small package."""
    (folder / package).mkdir(parents=True)
    for name, text in ({"__init__.py": '"""X."""\n'} | texts).items():
        (folder / package / name).write_text(text)
    return PackRef(folder, package)


@pytest.mark.slow
def test_tools_find_what_is_wrong_in_a_batch_and_sort_it_by_pack(tmp_path: Path, cache: Path) -> None:
    packs = {
        name: small(tmp_path / name.replace(" ", "_"), f"gl_{name.replace(' ', '_')}", **{file: text})
        for name, (file, text, _, _) in TREES.items()
    }
    packs["good"] = small(tmp_path / "good", "gl_good")
    found = prepare(list(packs.values()), cache)
    for name, (file, _, kind, code) in TREES.items():
        told = getattr(found[packs[name].folder], kind)
        assert code in {f.code for f in told}, name
        assert {f.path for f in told} == {f"{packs[name].package}/{file}"}
    good = found[packs["good"].folder]
    assert not good.lint + good.types + good.security + good.syntax
    alone = prepare([packs["types"]], cache)[packs["types"].folder]
    assert (alone.types, alone.lint) == (found[packs["types"].folder].types, found[packs["types"].folder].lint)


def test_two_versions_of_one_package_are_checked_in_one_batch(tmp_path: Path, cache: Path) -> None:
    one = small(tmp_path / "one")
    two = small(tmp_path / "two", **{"tools.py": '"""X."""\n\nx: int = "a"\n'})
    found = prepare([one, two], cache)
    assert (len(found[one.folder].types), len(found[two.folder].types)) == (0, 1)


def test_the_interpreter_is_left_as_it_was(tmp_path: Path, cache: Path) -> None:
    before = (gc.get_threshold(), gc.isenabled(), sys.getrecursionlimit())
    prepare([small(tmp_path / "pack")], cache)
    assert (gc.get_threshold(), gc.isenabled(), sys.getrecursionlimit()) == before


# --- the page --------------------------------------------------------------------------------------------------


def test_the_page_tells_every_dimension_measure_and_what_is_left_out() -> None:
    text = page()
    for d in DIMENSIONS:
        assert f"## {DIMENSIONS.index(d) + 1}. {d.title}" in text
        for m in d.measures:
            assert f"| {m.name} | {m.what} |" in text
    for _, item, why in LEFT_OUT:
        assert f"| {item} | {why} |" in text
    for words in ("1,300-2,200 lines", "7-10 tools", "seed: 42", "ROI metrics", "alerting defined"):
        assert words in text
    for document, said, here in RECONCILED:
        assert f"| {document} | {said} | {here} |" in text
    for name in CATEGORIES:
        assert name in text


def test_the_page_in_docs_is_this_one() -> None:
    assert (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text() == page()
