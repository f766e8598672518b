"""Twelve questions that analysts ask, as SQL files beside this module.

A file begins with one sentence as a comment. Below it each parameter has a line, ``-- $rows = 20: how many agents``:
its name, its default and its meaning; the SQL says ``$rows``. Values are texts, the SQL casts them. Any DuckDB client
can run a file with the parameters bound.

Belongs here: the files, reading them. Does not belong here: running them (`greenlang.metrics.query`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from greenlang.errors import QueryError

_PARAMETER = re.compile(r"-- \$([a-z_]+) = (.*?): (.+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a question: its default as text, and what it means."""

    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Question:
    """A ready question."""

    name: str
    sentence: str
    sql: str
    parameters: Mapping[str, Parameter]

    def filled(self, given: Mapping[str, str]) -> dict[str, str]:
        """The values of all parameters. Raises QueryError for a name that the question does not have."""
        unknown = sorted(given.keys() - self.parameters.keys())
        if unknown:
            known = ", ".join(self.parameters) or "none"
            raise QueryError(f"the question {self.name} has no parameter {unknown[0]}; it has: {known}")
        return {name: given.get(name, one.default) for name, one in self.parameters.items()}


def questions() -> dict[str, Question]:
    """Every question by name, sorted."""
    return {path.stem: _read(path) for path in sorted(Path(__file__).parent.glob("*.sql"))}


def question(name: str) -> Question:
    """The question of that name. Raises QueryError, with those that there are."""
    found = questions()
    if name not in found:
        near = get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(found)}"
        raise QueryError(f"there is no question {name}; {hint}")
    return found[name]


def _read(path: Path) -> Question:
    text = path.read_text(encoding="utf-8")
    first, *rest = text.splitlines()
    parameters = {}
    for line in rest:
        if not (found := _PARAMETER.fullmatch(line)):
            break
        parameters[found[1]] = Parameter(found[2], found[3])
    return Question(path.stem, first.removeprefix("-- "), text, parameters)
