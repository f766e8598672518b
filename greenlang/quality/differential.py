"""Three ways to one figure: the generated agent, the Decimal back-end, the DuckDB back-end, on inputs nobody has seen.

The agent answered in the sandbox (bytes); the Decimal back-end is the reference evaluator on the plans; the DuckDB
back-end is the same plans as plain SQL (``differential_sql``): exact on DECIMAL to the last digit after the declared
rounding where that can be, else on DOUBLE to the digits that a DOUBLE can tell. Which figure was compared in which way,
and which in none, is counted for every output and told.

Belongs here: comparing, counting. Does not belong here: drawing inputs (``differential_inputs``), running the agent
(``greenlang.sandbox``), asking DuckDB (``differential_sql``) and the reference evaluator (``reference``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from greenlang.factory import whole
from greenlang.quality.differential_inputs import inputs
from greenlang.quality.differential_sql import DIGITS, LONG_SQL, SQL_LENGTH, Answers, ask
from greenlang.quality.judgement import Difference
from greenlang.quality.reference import answer, typed
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given

_UNSURE = Decimal("1e-28")  # of a figure: what some steps of 34 digits may be off by

__all__ = ["LONG_SQL", "SQL_LENGTH", "Compared", "Way", "differences", "inputs"]


@dataclass(slots=True)
class Way:
    """How the figures of one output were compared with DuckDB. ``why``: it has no exact SQL."""

    output: str
    figures: int = 0  # compared between agent and Decimal back-end
    exact: int = 0  # of those, with exact SQL
    double: int = 0  # of the others, with DOUBLE
    why: str = ""

    @property
    def alone(self) -> int:
        """Figures that DuckDB says nothing of."""
        return self.figures - self.exact - self.double

    @property
    def text(self) -> str:
        """In words."""
        why = f" ({self.why})" if self.why else ""
        ways = ((self.exact, "exact"), (self.double, "DOUBLE"), (self.alone, "not by DuckDB"))
        return f"{self.output}: {', '.join(f'{n} {what}' for n, what in ways if n)}{why}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared."""

    inputs: int = 0
    answered: int = 0  # inputs that have an answer
    ways: tuple[Way, ...] = field(default=())

    @property
    def figures(self) -> int:
        """Single outputs compared between agent and Decimal back-end."""
        return sum(way.figures for way in self.ways)

    @property
    def exact(self) -> int:
        """Of those, compared with exact SQL."""
        return sum(way.exact for way in self.ways)

    @property
    def double(self) -> int:
        """Of the others, compared with SQL on DOUBLE."""
        return sum(way.double for way in self.ways)

    @property
    def alone(self) -> int:
        """Of all, those that DuckDB says nothing of."""
        return sum(way.alone for way in self.ways)

    @property
    def text(self) -> str:
        """One sentence, and every output with the ways in which DuckDB was asked."""
        return (
            f"{self.inputs} hidden inputs, {self.answered} answered: {self.figures} figures of agent and Decimal "
            f"back-end compared to the last digit; with DuckDB {self.exact} to the last digit (exact SQL), "
            f"{self.double} to the digits that DOUBLE tells ({DIGITS} at most), {self.alone} not at all: "
            f"{'; '.join(way.text for way in self.ways)}"
        )


def differences(
    resolution: Resolution, asked: Sequence[Mapping[str, Any]], answers: bytes, *, sql_length: int = SQL_LENGTH
) -> tuple[tuple[Difference, ...], Compared]:
    """Where the sources disagree on the inputs (`inputs`), which the agent answered line by line.

    ``sql_length``: characters of exact SQL that are asked of DuckDB for one agent; what is longer is asked in DOUBLE
    alone. A line that is missing or is no JSON counts as the answer ``no answer``.
    """
    lines = answers.split(b"\n")
    found: list[Difference] = []
    ways: list[Way] = []
    answered = 0
    toolbox = whole.is_toolbox(resolution)
    for part in resolution.flat:
        places = [i for i, given in enumerate(asked) if not toolbox or given.get("tool") == part.spec.part]
        given = [typed(part, asked[i]["arguments"] if toolbox else asked[i]) for i in places]
        agent = [_answer(lines[i] if i < len(lines) else b"") for i in places]
        one = _Part(part, given, agent, sql_length // len(resolution.flat))
        head = f"{part.spec.part}." if toolbox else ""
        found += [replace(d, case=f"hidden_{places[int(d.case)] + 1}", output=head + d.output) for d in one.differ()]
        ways += [replace(way, output=head + way.output) for way in one.ways.values()]
        answered += one.answered
    return tuple(found), Compared(len(asked), answered, tuple(ways))


def _answer(line: bytes) -> dict[str, str] | str:
    """Outputs as texts, or the code of the refusal."""
    try:
        said = json.loads(line)
        if said["ok"]:
            return {name: _text(value) for name, value in said["data"].items()}
        return str(said["error"]["code"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no answer"


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class _Part:
    """The answers of the three to the inputs of one part."""

    def __init__(
        self, part: Resolution, given: list[dict[str, Given]], agent: list[dict[str, str] | str], budget: int
    ) -> None:
        self.part = part
        self.given = given
        self.agent = agent
        self.decimals = [answer(part, one) for one in given]
        outputs = [name for name in part.order if part.plans[name].means != "system"]
        self.duckdb = ask(part, outputs, given, budget)
        self.ways = {name: Way(name, why=self.duckdb[name].why) for name in outputs}
        self.answered = sum(isinstance(one, dict) for one in self.decimals)

    def differ(self) -> list[Difference]:
        """Where they differ, by the number of the input; counts the ways on the way."""
        found = []
        for place, (claimed, wanted) in enumerate(zip(self.agent, self.decimals, strict=True)):
            if isinstance(claimed, str) or isinstance(wanted, str):
                if claimed != wanted:
                    found.append(Difference(str(place), "*", {"agent": _said(claimed), "decimal": _said(wanted)}))
                continue
            for name, way in self.ways.items():
                way.figures += 1
                sources = {"agent": claimed.get(name, "no answer"), "decimal": wanted[name]}
                sources |= self.of_duckdb(way, self.duckdb[name], place, sources)
                if len(set(sources.values())) > 1:
                    found.append(Difference(str(place), name, sources))
        return found

    def of_duckdb(self, way: Way, said: Answers, place: int, sources: Mapping[str, str]) -> dict[str, str]:
        """What DuckDB says of a figure, in both ways: its own text where it disagrees with one of the others."""
        told = {}
        if (exact := said.exact[place]) is not None:
            told["duckdb"] = sources["decimal"] if self.tied(way.output, place, exact, sources["decimal"]) else exact
            way.exact += 1
        if (double := said.double[place]) is not None:
            way.double += exact is None
            if isinstance(double, str):
                told["duckdb double"] = double
            else:
                digits = self.part.plans[way.output].decimals or 0
                if not double.holds(sources.values(), digits):
                    told["duckdb double"] = double.text(digits)
        return told

    def tied(self, output: str, place: int, exact: str, rounded: str) -> bool:
        """Whether two figures are the neighbours of a tie that the declared arithmetic misses by its last digits.

        A third of something and two thirds of it are no whole in Decimal. What hits the tie itself has to be rounded
        half-even.
        """
        digits = self.part.plans[output].decimals
        if exact == rounded or digits is None:
            return False
        try:
            one, other = Decimal(exact), Decimal(rounded)
        except InvalidOperation:
            return False
        if abs(one - other) != Decimal(1).scaleb(-digits):
            return False
        part = self.part
        value = run.outputs(part.spec, part.plans, part.order, run.tables(part.lookups), self.given[place])[output]
        return isinstance(value, Decimal) and 0 < abs(value - (one + other) / 2) <= abs(value) * _UNSURE


def _said(answer: dict[str, str] | str) -> str:
    return answer if isinstance(answer, str) else "an answer"
