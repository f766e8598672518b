"""Tests that take long: fewer mutants go to one child, and a child's clock is no verdict on what it was at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox import claims
from greenlang.sandbox.decisions import Ended, Run
from greenlang.sandbox.mutants import Asking
from greenlang.sandbox.trial import MutatedFile, Mutation, TrialRequest
from greenlang.sandbox.verdict import Profile, TestResult, Verdict

STRICT = Profile("strict", ("rlimits",))
SAME = b"x = 1\n"


class Child:
    """A child for which a mutant that is killed takes a second, and one that survives ``whole`` seconds."""

    def __init__(self, whole: float, limit: int, hangs: str = "") -> None:
        self.whole, self.limit, self.hangs = whole, limit, hangs.encode()
        self.asked: list[int] = []

    def __call__(self, payload: dict[str, Any]) -> Run:
        self.asked.append(len(payload["mutants"]))
        lines: list[dict[str, Any]] = [{"confined": list(STRICT.primitives)}]
        left = float(self.limit)
        for mutant in payload["mutants"]:
            content = mutant["content"].encode("latin-1")
            survives = content.strip() == SAME.strip()
            left -= self.whole if survives else 1.0
            if left < 0 or content == self.hangs:
                return self.run(lines, Ended(None, 9, "timed out", 1.0, 1.0, 1))
            met = [{"id": "tests/test_unit.py::test_it", "outcome": "passed", "seconds": self.whole}]
            said = {"outcome": "survived" if survives else "killed", "by": "" if survives else met[0]["id"]}
            lines.append({"part": "mutant", "value": {**said, "tests": met if survives else [], "cpu_seconds": 1.0}})
        return self.run([*lines, {"result": {}}], Ended(0, None, "", 1.0, 1.0, 1))

    def run(self, lines: list[dict[str, Any]], ended: Ended) -> Run:
        report = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return Run(claims.parse(report), ended, STRICT, self.limit, 512)


def asking(tmp_path: Path, child: Child, told: float, count: int = 40) -> Mutation:
    """The mutants, where each test took ``told`` seconds in the first run."""
    (tmp_path / "a.py").write_bytes(SAME)
    files = tuple(MutatedFile(str(n), "a.py", b"x = %d\n" % n) for n in range(2, count + 2))
    first = Verdict("passed", STRICT, (TestResult("tests/test_unit.py::test_it", "unit", "passed", told),))
    declared = {"tests/test_unit.py::test_it"}
    return Asking(child, tmp_path, declared, TrialRequest((), files), first, child.limit).run()


def test_of_slow_tests_a_child_takes_fewer(tmp_path: Path) -> None:
    child = Child(whole=2.0, limit=20)
    made = asking(tmp_path, child, told=2.0)
    assert (made.status, {r.outcome for r in made.results}, len(made.results)) == ("passed", {"killed"}, 40)
    assert max(child.asked) == 5, "four, and a control: ten seconds should all of them survive"


def test_of_quick_tests_one_child_takes_them_all(tmp_path: Path) -> None:
    child = Child(whole=0.01, limit=60)
    assert asking(tmp_path, child, told=0.01).status == "passed"
    assert child.asked == [41]


def test_a_machine_that_grew_slow_fails_no_agent(tmp_path: Path) -> None:
    """In the first run the tests were quick: the clock of the child, not a mutant, is what ends it."""
    child = Child(whole=5.0, limit=10)
    made = asking(tmp_path, child, told=0.01)
    assert (made.status, made.detail) == ("passed", "")
    assert {r.outcome for r in made.results} == {"killed"}


@pytest.mark.parametrize("place", [2, 20, 41])
def test_a_mutant_that_hangs_is_still_told(place: int, tmp_path: Path) -> None:
    child = Child(whole=0.1, limit=60, hangs=f"x = {place}\n")
    made = asking(tmp_path, child, told=0.1)
    assert made.status == "passed"
    assert {r.id: r.outcome for r in made.results if r.outcome != "killed"} == {str(place): "timed_out"}
