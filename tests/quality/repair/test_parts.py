"""Classes, halves, patches and comparison, each for itself."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.factory.outcome import Detail, DimensionResult, MeasureResult
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.judgement import Judgement
from greenlang.quality.repair import Patch, classify, rollback
from greenlang.quality.repair.classes import NEVER_MODEL, Failure, barred, measure_class, together
from greenlang.quality.repair.code import shown
from greenlang.quality.repair.compare import lowered
from greenlang.quality.repair.dossier import _WHAT_TO_DO
from greenlang.quality.repair.patches import Change, apply, contents, copy_pack, place_refused
from greenlang.quality.repair.split import Case, split
from greenlang.sandbox.trial import Mutation, Service, Trial
from greenlang.sandbox.verdict import Evaluation, TestResult, Verdict
from tests.quality.repair.light import PROFILE, dimension, judgement, measure

NOTHING = judgement(dimension("tests", measure("passed", 1, 1)))


def trial(status: str = "passed", *tests: TestResult, **more: object) -> Trial:
    return Trial(Verdict(status, PROFILE, tests, **more))  # type: ignore[arg-type]


def bad(test_id: str, message: str, outcome: str = "failed") -> TestResult:
    category = test_id.removeprefix("tests/test_").partition(".")[0]
    return TestResult(test_id, category, outcome, 0.1, message)  # type: ignore[arg-type]


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (trial("timed_out", detail="60 s"), "time_out"),
        (trial("out_of_memory"), "memory"),
        (trial("escaped", attempts=("connect to 10.0.0.1",)), "escape"),
        (trial("failed", detail="gate: import of os is not allowed"), "gate"),
        (trial("failed", bad("tests/test_unit.py", "ModuleNotFoundError: No module named 'x'", "error")), "import"),
        (trial("failed", bad("tests/test_unit.py", "SyntaxError: invalid syntax", "error")), "syntax"),
        (trial("failed", bad("tests/test_golden.py::t[a]", "assert 1 == 2")), "test"),
        (replace(trial(), evaluations=(Evaluation("timed_out", PROFILE),)), "time_out"),
        (replace(trial(), service=Service("out_of_memory")), "memory"),
        (replace(trial(), mutation=Mutation("infrastructure", detail="fork")), "infrastructure"),
        (trial("infrastructure", detail="no memory for a fork"), "infrastructure"),
        (
            replace(
                trial("passed", replace(bad("tests/test_unit.py::t", ""), outcome="passed")),
                again=Verdict("failed", PROFILE, (bad("tests/test_unit.py::t", "assert"),)),
            ),
            "nondeterminism",
        ),
    ],
)
def test_what_the_sandbox_reports_is_classed_by_rule(run, kind):
    assert [f.kind for f in classify(NOTHING, run)] == [kind]


@pytest.mark.parametrize(
    ("dimension_name", "measure_name", "kind"),
    [
        ("implementation", "lint", "lint"),
        ("implementation", "types", "types"),
        ("implementation", "imports", "import"),
        ("tests", "coverage", "coverage"),
        ("tests", "mutation score", "mutants"),
        ("determinism", "literal audit", "literal"),
        ("determinism", "as expected", "differential"),
        ("determinism", "identical", "nondeterminism"),
        ("compliance_security", "secrets", "secret"),
        ("compliance_security", "security rules", "security"),
        ("specification", "outputs planned", "spec"),
        ("deployment_readiness", "anything", "deployment"),
    ],
)
def test_what_a_measure_finds_is_classed_by_its_name_or_its_dimension(dimension_name, measure_name, kind):
    found = Detail("something", "gl_x/tools.py", 7, "R1", "mend it")
    judged = judgement(dimension(dimension_name, measure(measure_name, 0, 1, [found])))
    (failure,) = classify(judged, trial())
    assert (failure.kind, failure.path, failure.line, failure.mend) == (kind, "gl_x/tools.py", 7, "mend it")


def test_every_measure_that_is_declared_has_a_class_and_every_class_a_word_for_a_person():
    kinds = {measure_class(d.name, m.name) for d in DIMENSIONS for m in d.measures}
    assert "other" not in kinds
    assert kinds <= _WHAT_TO_DO.keys()
    assert NEVER_MODEL.keys() <= _WHAT_TO_DO.keys()


def test_a_mishap_of_ours_hides_everything_else():
    run = replace(trial("failed", bad("tests/test_unit.py::t", "x")), service=Service("infrastructure", detail="fork"))
    assert [f.kind for f in classify(NOTHING, run)] == ["infrastructure"]


def test_what_a_judgement_misses_is_ours_only_where_the_tests_ran():
    lacking = replace(NOTHING, mishap="not run: a second evaluation")
    assert [f.kind for f in classify(lacking, trial())] == ["infrastructure"]
    refused = trial("failed", detail="refused before it ran: gl_x/tools.py:1: SyntaxError: invalid syntax")
    assert [f.kind for f in classify(lacking, refused)] == ["syntax"]


def test_what_only_follows_from_code_that_cannot_be_imported_is_left_out():
    measures = [
        dimension("implementation", measure("syntax", 0, 1), measure("lint", 0, 1)),
        dimension("tests", measure("coverage", 0, 1), measure("mutation score", 0, 1)),
        dimension("determinism", measure("literal audit", 0, 1), measure("identical", 0, 1)),
    ]
    assert {f.kind for f in classify(judgement(*measures), trial())} == {"syntax", "lint"}
    alone = judgement(dimension("implementation", measure("lint", 0, 1)), *measures[1:])
    kinds = {f.kind for f in classify(alone, trial())}
    assert kinds == {"lint", "coverage", "mutants", "literal", "nondeterminism"}


def test_the_figures_that_the_judge_found_on_inputs_of_its_own_are_told_to_nobody():
    found = [Detail(f"hidden_{n}: cop is 1.5 by agent, 1.093563 by decimal", rule="difference") for n in range(3)]
    judged = judgement(dimension("determinism", measure("differential", 0, 1, found)))
    (told,) = shown(classify(judged, trial()), split("d", (), ()))
    assert told["message"] == "agent and reference evaluator disagree 3 times on inputs that are not told"
    assert "1.093563" not in str(told)


def test_an_optional_dimension_does_not_count_for_the_fingerprint():
    needed = Failure("lint", "F401", "lint")
    assert together([needed]) == together([needed, Failure("documents", "x", "readme", required=False)])


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(["/tmp/a/b/", "/work/x/y/", ""]))
def test_a_fingerprint_knows_neither_lines_nor_folders_nor_addresses_nor_times(line, address, folder):
    first = Failure(
        "test", "File /tmp/q/r/tools.py:3: <object at 0x7f> is wrong after 0.2 s", "t", path="tools.py", line=3
    )
    message = f"File {folder or '/a/b/'}tools.py:{line}: <object at {address:#x}> is wrong after {line} s"
    assert replace(first, message=message, line=line).fingerprint == first.fingerprint


def test_another_figure_is_another_failure():
    assert Failure("test", "x is 1, expected 2").fingerprint != Failure("test", "x is 3, expected 2").fingerprint


def test_what_never_goes_to_a_model_is_not_shown_even_beside_what_does():
    both = [Failure("literal", "0.45 is untraced", "literal audit"), Failure("lint", "F401", "lint")]
    half = split("d", (), ())
    assert [f["class"] for f in shown(both, half)] == ["lint"]
    assert [f.kind for f in barred(both)] == ["literal"]


# --- halves --------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(["golden", "reference", "boundary", "gap"])
CASES = st.lists(st.tuples(st.from_regex(r"[a-z]{3,8}", fullmatch=True), KINDS), unique_by=lambda c: c[0], max_size=40)


@given(CASES, st.text("0123456789abcdef", min_size=8, max_size=8))
def test_each_kind_of_vector_is_halved_to_within_one_and_so_is_the_whole(cases, digest):
    made = split(digest, [Case(n, k) for n, k in cases], ())
    assert abs(len(made.visible) - len(made.held_out)) <= 1
    for kind in {k for _, k in cases}:
        sides = [n in made.visible for n, k in cases if k == kind]
        assert abs(sum(sides) - (len(sides) - sum(sides))) <= 1
    assert made == split(digest, [Case(n, k) for n, k in reversed(cases)], ())


def test_all_tests_of_a_vector_are_on_its_side():
    made = split("d" * 64, [Case(n, "golden") for n in ("a-1", "a-10", "b")], ())
    for name in ("a-1", "a-10", "b"):
        ids = (
            f"tests/test_golden.py::x[{name}]",
            f"tests/test_property.py::y[{name}-co2]",
            f"tests/test_unit.py::z[co2-{name}]",
        )
        assert {made.shows(i) for i in ids} == {name in made.visible}


def test_a_test_that_was_not_known_is_put_on_a_side_by_digest_alone():
    made = split("d" * 64, (), ())
    sides = [made.shows(f"tests/test_unit.py::test_{n}") for n in range(200)]
    assert 60 < sum(sides) < 140
    assert sides == [split("d" * 64, (), ()).shows(f"tests/test_unit.py::test_{n}") for n in range(200)]


def test_a_text_that_tells_a_held_out_name_or_figure_is_withheld():
    cases = [Case(n, "golden", (v, "8")) for n, v in (("summer", "181.04"), ("winter", "93.5"))]
    made = split("d" * 64, cases, ())
    hidden = next(c for c in cases if c.name in made.held_out)
    seen = next(c for c in cases if c.name in made.visible)
    assert made.safe(f"expected {seen.expected[0]} and 8") == f"expected {seen.expected[0]} and 8"
    for text in (f"expected {hidden.expected[0]}", f"case {hidden.name} failed"):
        assert "withheld" in made.safe(text)
    assert made.safe(f"{hidden.expected[0]}7") == f"{hidden.expected[0]}7", "another figure that begins alike"


# --- patches -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pack"
    (root / "gl_x").mkdir(parents=True)
    (root / "gl_x" / "tools.py").write_text("A = 1\nB = 2\nC = 2\n")
    (root / "gl_x" / "agent.py").write_text("D = 4\n")
    return root


def test_patches_of_one_file_follow_each_other_and_roll_back_to_the_byte(folder):
    before = contents(folder)
    pair = [Patch("gl_x/tools.py", "A = 1", "A = 10"), Patch("gl_x/tools.py", "A = 10", "A = 100")]
    changes, refused = apply(folder, "gl_x", pair, rung="code")
    assert (refused, (folder / "gl_x/tools.py").read_text()) == ("", "A = 100\nB = 2\nC = 2\n")
    assert rollback(folder, changes) == ()
    assert contents(folder) == before


def test_text_that_stands_twice_is_refused_and_nothing_is_written(folder):
    before = contents(folder)
    changes, refused = apply(
        folder, "gl_x", [Patch("gl_x/agent.py", "D = 4", "D = 5"), Patch("gl_x/tools.py", " = 2", " = 3")], rung="code"
    )
    assert changes == ()
    assert "stands there 2 times" in refused
    assert contents(folder) == before


@pytest.mark.parametrize(
    "new",
    [
        "A = 1  # type: ignore",
        "A = 1  # pragma: no cover",
        "A = 1  # PRAGMA NO COVER",
        "A = 1  # NOQA",
        "A = 1  # pyright: ignore",
        "A = 1  # fmt: off",
        "A\u202e = 1",
        "A = 'x\U000e0101'",
        "A = '\x00'",
    ],
)
def test_text_that_silences_a_check_or_hides_itself_is_refused(folder, new):
    assert apply(folder, "gl_x", [Patch("gl_x/tools.py", "A = 1", new)], rung="code")[1]


def test_a_silencer_is_not_put_together_of_patches_nor_copied(folder):
    pair = [Patch("gl_x/tools.py", "A = 1", "A = 1  # no"), Patch("gl_x/tools.py", "no\n", "noq\n")]
    more = [*pair, Patch("gl_x/tools.py", "q\n", "qa\n")]
    assert "silences" in apply(folder, "gl_x", more, rung="code")[1]
    (folder / "gl_x" / "tools.py").write_text("import os  # noqa: F401\nA = 1\n")
    twice = Patch("gl_x/tools.py", "import os  # noqa: F401", "import os  # noqa: F401\nimport re  # noqa: F401")
    assert "silences" in apply(folder, "gl_x", [twice], rung="code")[1]
    kept = Patch("gl_x/tools.py", "import os  # noqa: F401", "import re  # noqa: F401")
    assert apply(folder, "gl_x", [kept], rung="code")[1] == ""


def test_links_are_not_followed_in_any_part_of_a_path(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "tools.py").write_text("A = 1\n")
    (folder / "gl_x" / "linked").symlink_to(outside, target_is_directory=True)
    (folder / "gl_x" / "link.py").symlink_to(outside / "tools.py")
    os.link(outside / "tools.py", folder / "gl_x" / "hard.py")
    for path in ("gl_x/linked/tools.py", "gl_x/link.py", "gl_x/hard.py"):
        assert place_refused(folder, "gl_x", path)
    assert not place_refused(folder, "gl_x", "gl_x/tools.py")


def test_a_folder_that_only_begins_like_the_pack_is_outside(folder):
    (folder.parent / "pack_evil").mkdir()
    (folder.parent / "pack_evil" / "tools.py").write_text("A = 1\n")
    assert place_refused(folder, "gl_x", "../pack_evil/tools.py")
    assert place_refused(folder, "gl_x", "gl_x_evil/tools.py")


def test_a_file_that_was_changed_since_is_not_rolled_back(folder):
    changes, _ = apply(folder, "gl_x", [Patch("gl_x/tools.py", "A = 1", "A = 9")], rung="code")
    (folder / "gl_x/tools.py").write_text("somebody else\n")
    assert rollback(folder, changes) == ("gl_x/tools.py is not as the repair left it",)
    assert (folder / "gl_x/tools.py").read_text() == "somebody else\n"


def test_a_journal_cannot_write_outside_the_folder(folder):
    away = Change("code", 1, "../away.py", b"evil", None)
    assert rollback(folder, [away])
    assert not (folder.parent / "away.py").exists()


def test_a_journal_whose_texts_are_not_those_of_its_digests_is_refused():
    row = Change("code", 1, "gl_x/tools.py", b"a", b"b").as_dict()
    with pytest.raises(ValueError, match="digests"):
        Change.from_dict(row | {"before": {"text": "evil"}})


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_the_journal_holds_every_content_to_the_byte(before, after):
    change = Change("template", 0, "x", before, after)
    assert Change.from_dict(change.as_dict()) == change


def test_a_copy_shares_nothing_with_the_pack(folder, tmp_path):
    copy = copy_pack(folder, tmp_path / "copy")
    (copy / "gl_x" / "tools.py").write_text("changed")
    assert (folder / "gl_x" / "tools.py").read_text().startswith("A = 1")


# --- comparison ----------------------------------------------------------------------------------------------------


def result(name: str, share: float | None, met: bool | None = None) -> MeasureResult:
    return MeasureResult(name, share, share == 1.0 if met is None else met, "")


def judged(*measures: MeasureResult, status: str = "passed", score: float = 90.0) -> Judgement:
    one = DimensionResult("tests", "Tests", status, score, 80, 10, True, "", "", measures)  # type: ignore[arg-type]
    return Judgement((one,), score, status == "passed")


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (judged(result("a", 0.5)), judged(result("a", 0.5)), False),
        (judged(result("a", 0.5)), judged(result("a", 0.9)), False),
        (judged(result("a", 0.5)), judged(result("a", 0.4)), True),
        (judged(result("a", 0.9, True)), judged(result("a", 0.9, False)), True),
        (judged(result("a", 1.0)), judged(result("a", None)), True),
        (judged(result("a", 1.0)), judged(), True),
        (judged(result("a", None)), judged(result("a", 0.1)), False),
        (judged(result("a", 1.0)), judged(result("a", 1.0), status="failed"), True),
        (judged(score=90), judged(score=89), True),
        (judged(score=90), judged(score=91), False),
        (judged(result("a", 1.0)), Judgement((), 0, False), True),
    ],
)
def test_nothing_may_get_worse_in_any_dimension_or_measure(before, after, worse):
    assert bool(lowered(before, after)) is worse


def test_of_code_that_could_not_be_imported_only_what_passed_is_held():
    before, after = judged(result("docstrings", 1.0)), judged(result("docstrings", 0.98))
    assert lowered(before, after)
    assert not lowered(before, after, statuses_only=True)
    assert lowered(before, judged(result("docstrings", 0.98), status="failed"), statuses_only=True)


def test_a_gain_in_one_measure_does_not_pay_for_a_loss_in_another():
    before, after = judged(result("a", 0.2), result("b", 0.9)), judged(result("a", 1.0), result("b", 0.8))
    assert lowered(before, after) == ("Tests, b: 0.9 before, 0.8 now",)
