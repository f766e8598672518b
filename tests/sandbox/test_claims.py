"""What a child says is read with care: nothing of it makes the supervisor fail, and nothing of it grows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from greenlang.sandbox import claims, decisions
from greenlang.sandbox.decisions import Ended, Run
from greenlang.sandbox.trial import MutantResult, MutatedFile
from greenlang.sandbox.verdict import Profile

FIRST = b'{"confined": []}\n'
PROFILE = Profile("strict", ())


def run(*lines: bytes) -> Run:
    claim = claims.parse(FIRST + b"".join(line + b"\n" for line in lines))
    return Run(claim, Ended(0, None, "", 0.0, 0.0, 0), PROFILE, 1, 1)


def result(test: bytes) -> bytes:
    return b'{"result": {"exit": 0, "errors": [], "tests": [' + test + b"]}}"


@pytest.mark.parametrize(
    "seconds", [b"NaN", b"Infinity", b"1e999", b"1" + b"0" * 400, b"-" + b"9" * 30], ids=lambda s: s[:8].decode()
)
def test_a_number_that_is_none_ends_the_report(seconds: bytes) -> None:
    line = result(b'{"id": "a", "outcome": "passed", "seconds": ' + seconds + b"}")
    verdict = decisions.verdict(run(line), {"a"}, traced=False)
    assert (verdict.status, verdict.detail) == ("failed", "a line of its report is not JSON")


@pytest.mark.parametrize(("code", "signal"), [(None, 11), (3, None)])
def test_a_result_counts_only_if_the_process_ends_well_after_it(code: int | None, signal: int | None) -> None:
    good = run(result(b'{"id": "a", "outcome": "passed"}'))
    assert decisions.verdict(good, {"a"}, traced=False).status == "passed"
    bad = replace(good, ended=Ended(code, signal, "", 0.0, 0.0, 0))
    verdict = decisions.verdict(bad, {"a"}, traced=False)
    assert (verdict.status, "badly after its result" in verdict.detail) == ("failed", True)


@pytest.mark.parametrize("text", [b"\\ud800", b"\\uDFFF"])
def test_half_a_character_ends_the_report(text: bytes) -> None:
    claim = run(result(b'{"id": "' + text + b'", "outcome": "passed"}')).claim
    assert claim.problem == "a line of its report is not JSON"
    whole = run(result(b'{"id": "\\ud83c\\udf31", "outcome": "passed"}')).claim
    assert whole.problem == ""


@pytest.mark.parametrize("depth", [60, 900, 100_000])
def test_deep_nesting_ends_the_report(depth: int) -> None:
    assert run(b'{"part": "x", "value": ' + b"[" * depth + b"]" * depth + b"}").claim.problem


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a": ' * 500 + "1" + "}" * 500, '{"a": NaN}', '{"a": "\\ud800"}'])
def test_what_a_server_answers_is_read_with_the_same_care(body: str) -> None:
    value: dict[str, Any] = {"part": "service", "value": {"http": {"GET /health": [200, body]}, "blocks": []}}
    service = decisions.service(run(json.dumps(value).encode()), ())
    assert (service.http_status, service.health) == (200, {})


def test_a_flood_of_attempts_is_cut() -> None:
    claim = run(*[b'{"attempt": "' + b"x" * 1_000 + b'"}'] * 5_000).claim
    assert len(claim.attempts) < 100
    assert max(map(len, claim.attempts)) == 500


def test_a_flood_of_parts_ends_the_report() -> None:
    assert run(*[b'{"part": "mutant"}'] * 20_000).claim.problem == "its report has too many parts"


def test_mutants_that_only_fail_to_import_are_not_the_tests_merit() -> None:
    mutants = [MutatedFile("m", "a.py", b"")]
    broken = decisions.mutation([MutantResult("m", "broken", "ValueError")], mutants, (), 0.0)
    assert (broken.status, broken.detail) == ("failed", "its tests notice nothing: not one mutant dies")
    killed = decisions.mutation([MutantResult("m", "killed", "t")], mutants, (), 0.0)
    assert killed.status == "passed"


MET = [{"id": "t.py::a", "outcome": "passed", "seconds": 0.1}, {"id": "t.py::b", "outcome": "passed", "seconds": 0.1}]


@pytest.mark.parametrize(
    ("tests", "detail"),
    [
        (MET, ""),
        ([], "a mutant survived that has not met every test"),
        (None, "a mutant survived that has not met every test"),
        (MET[:1], "a mutant survived that has not met every test"),
        ([MET[0], MET[0]], "a mutant survived that has not met every test"),
        ([*MET, {**MET[0], "id": "t.py::c"}], "a mutant survived that has not met every test"),
    ],
)
def test_who_survives_says_that_it_met_every_test(tests: object, detail: str) -> None:
    value = {"part": "mutant", "value": {"outcome": "survived", "by": "", "tests": tests, "cpu_seconds": 0.5}}
    said = run(json.dumps(value).encode())
    told, problem = decisions.mutants(
        said, [MutatedFile("m", "a.py", b"")], {"t.py::a", "t.py::b"}, ["t.py::a", "t.py::b"]
    )
    assert problem == detail
    assert [(one.result.id, one.met["tests"]) for one in told] == ([("m", MET)] if not detail else [])


def test_what_a_control_met_is_a_verdict_on_the_tests() -> None:
    met = {"tests": [MET[0], {**MET[1], "outcome": "skipped"}], "cpu_seconds": 0.5}
    ended = Ended(0, None, "", 2.0, 2.0, 0)
    verdict = decisions.unchanged(replace(run(), ended=ended), met, {"t.py::a", "t.py::b"})
    assert (verdict.status, verdict.cpu_seconds) == ("failed", 0.5)
    assert [t.outcome for t in verdict.tests] == ["passed", "skipped"]
