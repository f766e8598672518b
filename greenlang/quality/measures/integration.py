"""Integration: how the agent fits with what surrounds it: dependencies, callers, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from packaging.utils import canonicalize_name

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import source
from greenlang.quality.measures.agreement import ERROR_CODES
from greenlang.quality.measures.results import inapplicable, place, share
from greenlang.quality.measures.subject import Subject


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    tests = subject.tests("integration")
    bad = [test.id for test in tests if test.outcome != "passed"]
    needed = sorted({canonicalize_name(name) for name in subject.imported})
    declared = declared_names(subject)
    return [
        share("integration tests", len(tests) - len(bad), len(tests), "passed", bad, _failed(bad)),
        _all("dependencies declared", needed, [n for n in needed if n not in declared], "declared"),
        _all("dependencies used", sorted(declared), sorted(set(declared) - set(needed)), "used"),
        _refusals(subject),
        _tools(subject),
    ]


def declared_names(subject: Subject) -> list[str]:
    """The distributions that pyproject.toml needs, by name."""
    stated = subject.files.project.get("dependencies")
    lines = [str(line) for line in stated] if isinstance(stated, list) else []
    return [canonicalize_name(re.split(r"[\s\[<>=!~;@(]", line, maxsplit=1)[0]) for line in lines]


def _all(name: str, every: Sequence[str], wrong: Sequence[str], what: str) -> MeasureResult:
    if not every:
        return inapplicable(name, "none is needed" if what == "declared" else "none is declared")
    details = [Detail(f"{w} is not {what}", "pyproject.toml", rule="dependency") for w in wrong]
    return share(name, len(every) - len(wrong), len(every), what, wrong, details)


def _refusals(subject: Subject) -> MeasureResult:
    """Every answer that is a refusal is a value with code and message; where one must come, one came."""
    refused = {n for n, vector in enumerate(subject.vectors) if vector.error}
    refused |= {len(subject.vectors) + n for n in range(len(subject.refusals))}
    refused |= {n for n, answer in enumerate(subject.answers) if answer.get("ok") is False}
    if not refused:
        return inapplicable("refusals typed", "no input was asked that must be refused")
    wrong = []
    for number in sorted(refused):
        answer = subject.answers[number] if number < len(subject.answers) else {}
        error = answer.get("error")
        typed = isinstance(error, dict) and error.get("code") in ERROR_CODES and bool(error.get("message"))
        if answer.get("ok") is not False or not typed:
            wrong.append(Detail(f"answer {number + 1} is no typed refusal", rule="refusal"))
    said = [d.message for d in wrong]
    return share("refusals typed", len(refused) - len(wrong), len(refused), "refusals", said, wrong)


def _tools(subject: Subject) -> MeasureResult:
    """Whether a test that calls the tools through the SDK ran and passed."""
    calling = set(_calling(subject))
    ran = [t for t in subject.case.trial.tests.tests if t.id.partition("[")[0] in calling]
    bad = [t.id for t in ran if t.outcome != "passed"]
    if not ran:
        missing = Detail("no test that was run calls a tool through the SDK", rule="tools")
        return MeasureResult("tools callable", 0.0, False, place(missing), (missing,))
    return share("tools callable", len(ran) - len(bad), len(ran), "tests that call the tools passed", bad, _failed(bad))


def _failed(tests: Iterable[str]) -> list[Detail]:
    return [Detail(f"{test} did not pass") for test in tests]


def _calling(subject: Subject) -> Iterator[str]:
    for name, tree in subject.case.findings.trees.items():
        if name.startswith("tests/"):
            text = subject.files.text(name)
            yield from (f"{name}::{test}" for test in source.tests_calling(tree, text, ("call_tool", "calculate")))
