"""Which half of the tests a repair may see. The other half decides.

A vector is used by several tests; all of them take its side, or the held-out half would be told through another test.
Belongs here: the split, pass rates of the halves, keeping held-out figures out of texts. Does not belong here: prompts.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from greenlang.factory import whole
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import TestResult

_WITHHELD = "(withheld: the text tells of held-out cases)"
_PARAMETER = re.compile(r"\[(.*)\]$", re.DOTALL)
_SHORTEST = 3  # a figure of one or two signs tells nothing


@dataclass(frozen=True, slots=True)
class Rates:
    """Passed and all tests of each half."""

    visible_passed: int
    visible_total: int
    held_out_passed: int
    held_out_total: int

    @property
    def visible(self) -> float | None:
        """Share of the visible half that passed, None where none ran."""
        return self.visible_passed / self.visible_total if self.visible_total else None

    @property
    def held_out(self) -> float | None:
        """Share of the held-out half that passed, None where none ran."""
        return self.held_out_passed / self.held_out_total if self.held_out_total else None

    @property
    def gap(self) -> float | None:
        """Visible minus held-out: above zero the code fits what it was shown better than what it was not."""
        return None if self.visible is None or self.held_out is None else self.visible - self.held_out

    @property
    def text(self) -> str:
        """``visible 20/20, held out 17/20``."""
        return (
            f"visible {self.visible_passed}/{self.visible_total}, held out {self.held_out_passed}/{self.held_out_total}"
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A vector: its name, kind (golden, reference, boundary, gap) and the figures that are expected of it."""

    name: str
    kind: str
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """Two halves of the tests. A unit is a vector's name, another parameter, or the id of a test without one."""

    digest: str
    held_out: frozenset[str]
    visible: frozenset[str]
    names: tuple[str, ...]  # names of vectors, the longest first
    telling: tuple[str, ...]  # texts that would give held-out cases away

    def shows(self, test_id: str) -> bool:
        """Whether a test belongs to the visible half. One that was not known when the split was made goes by digest."""
        unit = _unit(test_id, self.names)
        if unit in self.visible or unit in self.held_out:
            return unit in self.visible
        return _order(self.digest, unit)[-1] in "02468ace"

    def rates(self, tests: Iterable[TestResult]) -> Rates:
        """Passed and total of each half."""
        counts = {True: [0, 0], False: [0, 0]}
        for test in tests:
            half = counts[self.shows(test.id)]
            half[0] += test.outcome == "passed"
            half[1] += 1
        return Rates(*counts[True], *counts[False])

    def safe(self, text: str) -> str:
        """The text, or a note in its place where it tells of held-out cases."""
        return _WITHHELD if any(_stands(word, text) for word in self.telling) else text


def cases(resolution: Resolution) -> tuple[Case, ...]:
    """The vectors of an agent as the split sees them."""
    return tuple(
        Case(q.vector.name, q.vector.origin, tuple(sorted(set(q.vector.expect.values()))))
        for q in whole.questions(resolution)
    )


def split(digest: str, cases: Sequence[Case], tests: Iterable[TestResult]) -> Split:
    """Halves by ``digest`` (of the spec), stratified by the kind of vector and by the category of test.

    The same digest, vectors and tests give the same halves; each stratum is halved to within one, and so is the whole.
    """
    names = tuple(sorted((c.name for c in cases), key=lambda n: (-len(n), n)))
    strata: dict[str, set[str]] = defaultdict(set)
    known = {c.name: c.kind for c in cases}
    for name, kind in known.items():
        strata[f"vector {kind}"].add(name)
    for test in sorted(tests, key=lambda t: t.id):
        unit = _unit(test.id, names)
        if unit not in known:
            known[unit] = test.category
            strata[f"test {test.category}"].add(unit)
    halves: tuple[set[str], set[str]] = (set(), set())
    for stratum in sorted(strata):
        smaller = 0 if len(halves[0]) <= len(halves[1]) else 1
        for n, unit in enumerate(sorted(strata[stratum], key=lambda u: _order(digest, u))):
            halves[(n + smaller) % 2].add(unit)
    held_out, visible = frozenset(halves[0]), frozenset(halves[1])
    return Split(digest, held_out, visible, names, _telling(cases, held_out))


def _telling(cases: Sequence[Case], held_out: frozenset[str]) -> tuple[str, ...]:
    shown = {figure for c in cases if c.name not in held_out for figure in c.expected}
    telling = {c.name for c in cases if c.name in held_out}
    telling |= {f for c in cases if c.name in held_out for f in c.expected if len(f) >= _SHORTEST and f not in shown}
    return tuple(sorted(telling))


def _stands(word: str, text: str) -> bool:
    """Whether a word stands in a text, not as a part of a longer one."""
    return word in text and re.search(rf"(?<![\w.]){re.escape(word)}(?![\w]|\.\d)", text) is not None


def _unit(test_id: str, names: Sequence[str]) -> str:
    found = _PARAMETER.search(test_id)
    if found is None:
        return test_id
    text = found.group(1)
    for name in names:
        if text == name or text.startswith(f"{name}-") or text.endswith(f"-{name}"):
            return name
    return text


def _order(digest: str, unit: str) -> str:
    return hashlib.sha256(f"{digest}:{unit}".encode()).hexdigest()


def by_class(kinds: Iterable[str]) -> Mapping[str, int]:
    """How often each word stands, by word."""
    counts: dict[str, int] = {}
    for kind in sorted(kinds):
        counts[kind] = counts.get(kind, 0) + 1
    return counts
