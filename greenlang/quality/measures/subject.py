"""A case, with what several measures read of it.

Belongs here: what is read once and used by more than one dimension. Does not belong here: measuring.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from greenlang.factory import whole
from greenlang.factory.generate import generated
from greenlang.factory.naming import part_modules
from greenlang.quality import source
from greenlang.quality.case import Case, Refusal, refusals, vector_inputs
from greenlang.quality.documents import Page, page_of
from greenlang.quality.files import Files
from greenlang.resolution.plan import Vector
from greenlang.sandbox.verdict import TestResult


class Subject:
    """One pack under judgement."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.files = Files(case.pack)
        self.spec = case.resolution.spec
        self._pages: dict[str, Page] = {}

    @cached_property
    def own(self) -> dict[str, ast.Module]:
        """Syntax trees of the agent's package."""
        return source.package_trees(self.case.findings.trees, self.case.package)

    @cached_property
    def imported(self) -> dict[str, str]:
        """Foreign top-level modules that the package imports -> ``file:line``."""
        return source.imported(self.own, self.case.package)

    @cached_property
    def vectors(self) -> list[Vector]:
        """Every vector, under the names of the whole agent."""
        return [question.vector for question in whole.questions(self.case.resolution)]

    @cached_property
    def rendered(self) -> Mapping[str, bytes]:
        """The files that the factory makes of the resolution: what is the same to the byte needs no second look."""
        return generated(self.case.resolution)

    @cached_property
    def contents(self) -> dict[str, dict[str, Any]]:
        """For each tool ("" for a flat agent) the cases and statements that the resolution gives."""
        parts = self.case.resolution.flat
        return {
            part.spec.part: json.loads(self.rendered[path]) for path, part in zip(self.vector_files, parts, strict=True)
        }

    @cached_property
    def vector_files(self) -> list[str]:
        """The files of the vectors, in the order of the parts."""
        if not whole.is_toolbox(self.case.resolution):
            return ["tests/vectors.json"]
        modules = part_modules([part.spec.part for part in self.case.resolution.flat])
        return [f"tests/vectors/{module}.json" for module in modules]

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """The inputs that must be refused, if they were asked; else none."""
        made = refusals(self.case.resolution)
        start = len(self.vectors)
        wanted = [refusal.input for refusal in made]
        return made if [*self.case.inputs[start : start + len(made)]] == wanted else ()

    @cached_property
    def lines(self) -> list[bytes]:
        """The answers of the first evaluation, one a line; empty where an evaluation did not end well."""
        runs = self.case.trial.evaluations
        if not runs or any(run.status != "passed" for run in runs):
            return []
        return runs[0].output.splitlines()

    @cached_property
    def answers(self) -> list[Mapping[str, Any]]:
        """The answers as values; what is no JSON object is empty."""
        return [json_object(line) for line in self.lines]

    @cached_property
    def expected_answers(self) -> int:
        """How many answers each evaluation must give."""
        return len(self.case.inputs) or len(vector_inputs(self.case.resolution))

    def page(self, name: str) -> Page:
        """A document, parsed once."""
        if name not in self._pages:
            self._pages[name] = page_of(name, self.files.text(name))
        return self._pages[name]

    def tests(self, category: str) -> list[TestResult]:
        """The tests of a category, as the sandbox ran them."""
        return [test for test in self.case.trial.tests.tests if test.category == category]


def mapping(value: object) -> Mapping[str, Any]:
    """A piece of a foreign document as a mapping; {} where it is none."""
    return value if isinstance(value, Mapping) else {}


def json_object(line: str | bytes) -> dict[str, Any]:
    """A line of foreign text as a JSON object; {} where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
