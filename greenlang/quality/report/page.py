"""The report as one page for people: no script, no network, light and dark, for screen, phone and paper.

Belongs here: what the templates of ``templates/report`` are given. Does not belong here: marks and styles (the
templates), geometry (`greenlang.quality.report.charts`). Everything in a report is foreign text and is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import jinja2
from markupsafe import Markup

from greenlang.factory.outcome import DimensionResult
from greenlang.pages import clean, environment, figure
from greenlang.quality.dimensions import DIMENSIONS, Measure
from greenlang.quality.judgement import Difference, MutantLine
from greenlang.quality.mutation.operators import CONTROL
from greenlang.quality.report import charts, palette
from greenlang.quality.report.model import LiteralLine, QualityReport, level
from greenlang.quality.report.steps import Step, aim, place, steps
from greenlang.sandbox.verdict import TestResult

MESSAGE = 4_000  # characters of a test's message
SHOWN = 60  # rows of a list; the rest stands in the JSON form
_WORD = {"passed": "Passed", "failed": "Failed", "undecided": "Not decided"}
_WORDS = {"not_applicable": "not applicable", "timed_out": "timed out", "out_of_memory": "out of memory"}
_DECLARED = {(d.name, m.name): m for d in DIMENSIONS for m in d.measures}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The head of a list, and how many more there are."""

    shown: tuple[T, ...]
    left: int = 0

    @classmethod
    def of(cls, items: Iterable[T], most: int = SHOWN) -> Part[T]:
        """The first ``most``."""
        every = tuple(items)
        return cls(every[:most], max(0, len(every) - most))


@dataclass(frozen=True, slots=True)
class Category:
    """Tests of one category."""

    name: str
    count: int
    passed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Operator:
    """Mutants of one operator. ``score`` is the share that was noticed, None where none was run."""

    name: str
    count: int
    noticed: int
    survived: int
    not_run: int

    @property
    def score(self) -> float | None:
        """Noticed of those that were run, 0 to 1."""
        run = self.count - self.not_run
        return self.noticed / run if run else None


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that lived, with the changed part of the line marked."""

    line: MutantLine
    before: Markup
    after: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """A difference, and for every source its answer and whether it is alone with it."""

    row: Difference
    cells: tuple[tuple[str, bool], ...]


class View:
    """What the page shows, worked out: templates lay out and count nothing."""

    def __init__(self, report: QualityReport) -> None:
        self.r = report
        self.heading = report.name or report.agent_id or report.key
        self.word = _WORD[report.result]
        self.sentences = tuple(verdict_sentences(report))
        self.applicable = sum(d.score is not None for d in report.dimensions)
        self.css = css()
        self.wheel = Markup(wheel(report))  # noqa: S704 - rendered by the escaping template
        self.steps: Part[Step] = Part.of(steps(report), 25)
        self.tests_passed = sum(t.outcome == "passed" for t in report.tests)
        self.failed_tests: Part[TestResult] = Part.of((t for t in report.tests if t.outcome != "passed"), 20)
        self.categories = tuple(_categories(report.tests))
        self.slowest = sorted(report.tests, key=lambda t: (-t.seconds, t.id))[:5]
        self.operators = operators([m for m in report.mutants if m.operator != CONTROL])
        self.killed_controls = [m for m in report.controls if m.outcome not in {"survived", "not run"}]
        self.survivors: Part[Survivor] = Part.of(_survivor(m) for m in report.survivors)
        self.sources = _sources(report.differences)
        self.differences: Part[Row] = Part.of(_row(d, self.sources) for d in report.differences)
        self.no_difference = _no_difference(report)
        self.histogram = charts.histogram(report.service.latency_ms) if report.service else None
        found = report.literals or ()
        self.untraced = sum(not line.origin for line in found)
        self.literals: Part[LiteralLine] = Part.of(sorted(found, key=lambda n: (bool(n.origin), n.path, n.line)), 200)
        self.reference_figures = _figures(report)
        self.contents = tuple(_contents(report))

    @staticmethod
    def declared(dimension: str, measure: str) -> Measure | None:
        """The declaration of a measure: what it counts and at which figure it is met; None for an unknown one."""
        return _DECLARED.get((dimension, measure))

    some = staticmethod(Part.of)
    place = staticmethod(place)
    level = staticmethod(level)
    aim = staticmethod(aim)


def html(report: QualityReport) -> str:
    """The whole page. The same report gives the same text."""
    return templates().get_template("page.html.jinja").render(r=report, v=View(report))


def wheel(report: QualityReport, *, alone: bool = False) -> str:
    """The score wheel as SVG; ``alone`` with light colours of its own, for a picture outside the page."""
    return wheel_of(report.dimensions, alone=alone)


def wheel_of(dimensions: Sequence[DimensionResult], *, alone: bool = False) -> str:
    """The same of twelve dimensions, without a report."""
    style = Markup(_wheel_css(palette.LIGHT)) if alone else ""  # noqa: S704 - colours of ours
    template = templates().get_template("wheel.svg.jinja")
    return template.render(sectors=charts.sectors(dimensions), id="wheel", style=style).strip()


def wheel_address(report: QualityReport) -> str:
    """The wheel as a data address, for Markdown."""
    return f"data:image/svg+xml;base64,{base64.b64encode(wheel(report, alone=True).encode()).decode()}"


def verdict_sentences(report: QualityReport) -> Iterator[str]:
    """Why the verdict is what it is, in words."""
    if report.mishap:
        yield f"The factory failed, not the agent: {clean(report.mishap)}. The run is repeated before anything is said."
        return
    failed, unknown, other = report.failed_required, report.not_measured, report.failed_other
    if failed:
        yield f"{_count(failed)} that {_verb(failed)} required failed: {_titles(failed)}."
        yield "No score outweighs that."
    if unknown:
        yield f"{_count(unknown)} that {_verb(unknown)} required could not be measured: {_titles(unknown)}."
    if report.passed:
        yield "Every required dimension passed."
    if other:
        yield f"{_titles(other)} failed too, which costs score only."
    if report.outcome:
        yield f"The factory's outcome: {report.outcome}{f' ({clean(report.reason)})' if report.reason else ''}."


def operators(mutants: Sequence[MutantLine]) -> tuple[Operator, ...]:
    """The mutants counted by operator, in alphabetical order."""
    found = []
    for name in sorted({m.operator for m in mutants}):
        outcomes = [m.outcome for m in mutants if m.operator == name]
        survived, not_run = outcomes.count("survived"), outcomes.count("not run")
        found.append(Operator(name, len(outcomes), len(outcomes) - survived - not_run, survived, not_run))
    return tuple(found)


@cache
def templates() -> jinja2.Environment:
    """The templates of a report, compiled once a process."""
    made = environment("report")
    made.filters |= {
        "percent": lambda share: f"{figure(round(100 * share, 2))} %",
        "words": lambda word: _WORDS.get(word, word),
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}".rstrip(".") + ".",
        "ranges": ranges,
        "head": _head,
        "pairs": _pairs,
    }
    return made


@cache
def css() -> Markup:
    """The page's style, which the console of the API wears too: our own words and colours, no foreign text."""
    colours = {"light": palette.variables(palette.LIGHT), "dark": palette.variables(palette.DARK)}
    style = templates().get_template("style.css.jinja").render(**colours)
    names = {name: f"var(--{name})" for name in palette.LIGHT}
    return Markup(f"{style.strip()}\n{_wheel_css(names)}")  # noqa: S704


def _wheel_css(colours: Mapping[str, str]) -> str:
    return templates().get_template("wheel.css.jinja").render(c=colours).strip()


def ranges(lines: Sequence[int]) -> str:
    """Line numbers with runs drawn together: ``3, 7-9``."""
    parts: list[list[int]] = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _head(text: str) -> str:
    """The beginning of a long text, such as what a failed test printed."""
    left = len(text) - MESSAGE
    return text if left <= 0 else f"{text[:MESSAGE]}\n... {left:,} more characters, in the JSON form"


def _pairs(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in sorted(values.items())) or "none"


def _titles(dimensions: Sequence[Any]) -> str:
    names = [clean(d.title) for d in dimensions]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _count(dimensions: Sequence[Any]) -> str:
    return "1 dimension" if len(dimensions) == 1 else f"{len(dimensions)} dimensions"


def _verb(dimensions: Sequence[Any]) -> str:
    return "is" if len(dimensions) == 1 else "are"


def _categories(tests: Sequence[TestResult]) -> Iterator[Category]:
    for name in dict.fromkeys(t.category for t in tests):
        own = [t for t in tests if t.category == name]
        yield Category(name, len(own), sum(t.outcome == "passed" for t in own), sum(t.seconds for t in own))


def _survivor(mutant: MutantLine) -> Survivor:
    """Both lines with what they do not share in ``<mark>``."""
    a, b = clean(mutant.before), clean(mutant.after)
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest = min(len(a), len(b)) - head
    tail = next((i for i in range(rest) if a[-1 - i] != b[-1 - i]), rest)

    def marked(text: str) -> Markup:
        middle = text[head : len(text) - tail]
        mark = Markup("<mark>{}</mark>").format(middle) if middle else Markup()
        return Markup("{}{}{}").format(text[:head], mark, text[len(text) - tail :])

    return Survivor(mutant, marked(a), marked(b))


def _sources(differences: Sequence[Difference]) -> tuple[str, ...]:
    known = ("agent", "decimal", "duckdb", "duckdb double", "expected")
    found = {name for d in differences for name in d.sources}
    return tuple(n for n in known if n in found) + tuple(sorted(found - set(known)))


def _row(difference: Difference, sources: Sequence[str]) -> Row:
    """An answer is odd if the most of the others agree on another one; where none leads, every one is."""
    answers = list(difference.sources.values())
    most = max((answers.count(a) for a in answers), default=0)
    leading = {a for a in answers if answers.count(a) == most}
    agreed = next(iter(leading)) if len(leading) == 1 else None
    texts = [(difference.sources.get(name, ""), name in difference.sources) for name in sources]
    return Row(difference, tuple((text, there and text != agreed) for text, there in texts))


def _no_difference(report: QualityReport) -> str:
    measures = [m for d in report.dimensions for m in d.measures if "differential" in m.name or "back-end" in m.name]
    if not any(m.share is not None for m in measures):
        return "No difference stands in this report; whether the back-ends were compared stands under determinism."
    return "None: " + "; ".join(clean(m.text) for m in measures if m.share is not None) + "."


def _figures(report: QualityReport) -> tuple[str, ...]:
    names = sorted({name for reference in report.references or () for name in reference.figures})
    return tuple(names[:4])


def _contents(report: QualityReport) -> Iterator[tuple[str, str]]:
    yield from (("dimensions", "Dimensions"), ("next", "What to do next"), ("measures", "Measures"), ("tests", "Tests"))
    yield from (("mutants", "Mutants"), ("differences", "Differences"), ("sandbox", "Sandbox"), ("service", "Latency"))
    there = (
        (report.literals is not None, "literals", "Numbers"),
        (report.references is not None, "references", "Reference agents"),
        (report.models is not None, "models", "Model parts"),
        (bool(report.digests), "digests", "Digests"),
    )
    yield from ((id_, title) for shown, id_, title in there if shown)
