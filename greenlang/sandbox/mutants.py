"""The mutants of a pack: which child is asked about which, and what is made of the answers.

Belongs here: controls, children that end early, who vouches for what. Does not belong here: making mutants
(`greenlang.quality.mutation`), running them (`greenlang.sandbox.child_mutants`), what one answer says (`decisions`).

Every child gets a control, a file in which nothing is changed, and is not told which it is. What a child says of the
others counts only if it came to its control: tests that fail whatever is asked would otherwise pass for good ones.
A control is never the first, so that a test that fails from its second time on is found, and where it comes is chance.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from greenlang.sandbox import decisions
from greenlang.sandbox.decisions import Run
from greenlang.sandbox.trial import MutantResult, MutatedFile, Mutation, TrialRequest
from greenlang.sandbox.verdict import Status, Verdict
from greenlang.sandbox.wire import Broken

_HANGS = 5  # mutants that end the whole process, before the rest is given up
_AT_ONCE = 100  # mutants for one child; fewer of slow tests
_BYTES_AT_ONCE = 16 * 1024 * 1024
_OWN = "the same file again"
_NO_PLACE = -1  # of a control of our own


@dataclass(slots=True)
class Asking:
    """A pack's mutants in front of its tests. ``ask`` takes the payload of an operation ``again``.

    ``first`` is the run of the first child; ``unchanged`` the tests as the first control that survived has met them.
    """

    ask: Callable[[dict[str, Any]], Run | Broken]
    pack: Path
    declared: set[str]
    request: TrialRequest
    tests: Verdict  # of the first run, which has passed
    seconds: float  # that a child may take
    first: Run | Broken | None = None
    unchanged: Verdict | None = None
    _results: dict[int, MutantResult] = field(default_factory=dict)  # by place in the request
    _own: list[MutantResult] = field(default_factory=list)
    _cpu: float = 0.0
    _ended: int = 0
    _fewer: int = field(default_factory=lambda: _AT_ONCE)

    def run(self) -> Mutation:
        """All of them: a child takes so many at once; where one ends the process, the next child goes on."""
        while waiting := [n for n in range(len(self.request.mutants)) if n not in self._results]:
            asked = self._with_control(waiting)
            run = self.ask(self._payload([file for _, file in asked]))
            self.first = self.first or run
            if isinstance(run, Broken):
                return self._so_far("infrastructure", str(run))
            self._cpu += run.ended.cpu_seconds
            if problem := self._take(run, asked):
                return self._so_far(*problem)
        results = [self._results[n] for n in sorted(self._results)]
        return decisions.mutation(results, self.request.mutants, self._own, self._cpu)

    def _with_control(self, waiting: Sequence[int]) -> list[tuple[int, MutatedFile]]:
        """As many of those that wait as one child takes, with places; a control of our own where none is among them."""
        files = _some([self.request.mutants[n] for n in waiting], self._most())
        pairs = list(zip(waiting, files, strict=False))
        asked = [pair for pair in pairs if not pair[1].control]
        controls = [pair for pair in pairs if pair[1].control]
        if not controls:
            same = (self.pack / files[0].path).read_bytes() + b"\n"
            controls = [(_NO_PLACE, MutatedFile(_OWN, files[0].path, same, control=True))]
        for control in controls:  # tests that count how often they are loaded must not know when to pass
            asked.insert(1 + secrets.randbelow(len(asked)) if asked else 0, control)
        return asked

    def _most(self) -> int:
        """Mutants for one child: should all of them meet every test, they take half of its time."""
        each = sum(test.seconds for test in self.tests.tests)
        return max(1, min(self._fewer, int(self.seconds / 2 / max(each, 0.001)) - 1))

    def _payload(self, files: Sequence[MutatedFile]) -> dict[str, Any]:
        """What the child is told: path and content, in a row. Neither name nor kind."""
        return {
            "inputs": list(self.request.inputs) if self.first is None else [],
            "mutants": [{"path": m.path, "content": m.content.decode("latin-1")} for m in files],
            "tests": [[test.id, test.seconds] for test in self.tests.tests],
        }

    def _take(self, run: Run, asked: Sequence[tuple[int, MutatedFile]]) -> tuple[Status, str] | None:
        """Note what a child tells. The value says why no further child is asked."""
        known = [test.id for test in self.tests.tests]
        told, problem = decisions.mutants(run, [file for _, file in asked], self.declared, known)
        if barred := run.barred():
            return barred
        if problem:
            return "failed", problem
        if len(told) < len(asked):
            status, detail = run.status()
            if status == "passed":
                return "failed", "it does not tell of every mutant"
            if status == "timed_out" and told and len(asked) > 2:
                self._fewer = len(asked) // 2  # all of them together took too long: this one is asked again
            elif self._ended == _HANGS:
                return "failed", f"more than {_HANGS} mutants ended the process ({detail})"
            else:
                self._ended += 1
                place, file = asked[len(told)]
                outcome: Literal["timed_out", "broken"] = "timed_out" if status == "timed_out" else "broken"
                self._note(place, MutantResult(file.id, outcome, detail))
            if not any(file.control for _, file in asked[: len(told)]):
                return None  # no one vouches for what it told: the next child is asked
        for (place, file), said in zip(asked, told, strict=False):
            self._note(place, said.result)
            if file.control and said.met and self.unchanged is None:
                self.unchanged = decisions.unchanged(run, said.met, self.declared)
        return None

    def _note(self, place: int, result: MutantResult) -> None:
        if place == _NO_PLACE:
            self._own.append(result)
        else:
            self._results[place] = result

    def _so_far(self, status: Status, detail: str) -> Mutation:
        return Mutation(status, tuple(self._results[n] for n in sorted(self._results)), detail, self._cpu)


def _some(mutants: Sequence[MutatedFile], most: int) -> Sequence[MutatedFile]:
    """As many of the first as one child takes, ``most`` at most."""
    size = 0
    for number, mutant in enumerate(mutants):
        size += len(mutant.content)
        if number and (number == most or size > _BYTES_AT_ONCE):
            return mutants[:number]
    return mutants
