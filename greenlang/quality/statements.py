"""What the documents of a pack state, held to the plan: no figure, unit, source or GWP set of their own.

Every word with a digit in it (a figure, a cell, a unit such as ``kgCO2e``, a GWP set) must stand in the spec, the plan,
a pinned row or in the template's own prose. A line that the factory would not write itself is held, beyond that, to
what it speaks of: a row's line to that row, an input's to that input, a formula to the plan's. What the factory says of
rows and of inputs that are not covered may not be left out. Fenced code is run, not read.

Belongs here: finding such statements. Does not belong here: the form of documents (``documents``), numbers in code
(``literals``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from greenlang_sdk.decimals import normal_text

from greenlang import _paths, units
from greenlang.errors import UnitError
from greenlang.factory import text, whole
from greenlang.factory.citations import citations_of
from greenlang.factory.generate import generated
from greenlang.factory.outcome import Detail
from greenlang.factory.views import API_EXTRA, PORT, PYDANTIC, TEST_EXTRA
from greenlang.quality.documents import Page, lines_of, page_of, pages
from greenlang.quality.files import Files
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import InputSpec, OutputSpec

RULE = "statement"
_WORD = re.compile(r"\d\w*(?:[.,]\d\w*)*|[^\W\d]\w*")
_DIGIT = re.compile(r"\d")
_BRACKETS = re.compile(r"(?<!\w)\[(?!\d+\])([^\[\]]{1,40})\](?!\()")  # no index, note or link
_QUOTED = re.compile(r"`([^`]+)`")
_FORMULA = re.compile(r"^`(?P<output>[^`=]+) = (?P<formula>[^`]+)`")
_IN_UNIT = re.compile(r", in `([^`]+)`\.")
_KEPT = ("## Emission factors", "## Not covered")  # sections of README.md of which nothing may be left out


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a line may speak of: its own words, its units, and what stands of it under each head of a table."""

    words: frozenset[str]
    units: frozenset[str] = frozenset()
    cells: Mapping[str, str] = field(default_factory=dict)


def statements(resolution: Resolution, files: Files) -> list[Detail]:
    """What is stated and not so, a Detail a statement; empty for a good pack."""
    ours = generated(resolution)
    auditor = _Auditor(resolution, ours)
    return [
        found
        for name in pages(files)
        for found in auditor.page(page_of(name, files.text(name)), ours.get(name, b"").decode())
    ]


class _Auditor:
    def __init__(self, resolution: Resolution, ours: Mapping[str, bytes]) -> None:
        self.resolution = resolution
        self.known = _own_words() | _words(ours["pack.yaml"].decode()) | _words(_counted(resolution))

    def page(self, page: Page, ours: str) -> Iterator[Detail]:
        """One document."""
        name = page.name
        own = set(lines_of(ours))
        lines = list(_prose(page))
        strange = _words(" ".join(line for _, line in lines)) - self.known
        heads = _heads(lines)
        for number, line in lines:
            for word in sorted(strange & _words(line)) if strange else ():
                yield _detail(f"{word} comes from no spec, plan or pinned row", name, number)
            if line not in own and line.strip():
                yield from (_detail(said, name, number) for said in self._line(line, heads.get(number, "")))
        there = set(page.lines)
        for line in _kept(ours):
            if line not in there:
                yield _detail(f"it leaves out: {line[:100]}", name, 0)

    def _line(self, line: str, top: str) -> Iterator[str]:
        """A line that is not the factory's, against what it speaks of. ``top``: the first row of its table."""
        bare = line.replace("\\", "")
        subjects = [subject for name, subject in self._subjects.items() if _speaks(bare, name)]
        if subjects:
            allowed = frozenset().union(*(s.words for s in subjects))
            for word in sorted(_words(line) - allowed):
                yield f"{word} is not of {', '.join(n for n in self._subjects if _speaks(bare, n))}"
        fitting = frozenset().union(*(s.units for s in subjects or self._subjects.values()))
        cells = _cells(line, top)
        stated = [*_BRACKETS.findall(bare), *_IN_UNIT.findall(bare), cells.get("unit", "")]
        for unit in stated:
            if unit and unit not in fitting and _is_unit(unit):
                yield f"the unit {unit} is none of {', '.join(sorted(fitting)) or 'the plan'}"
        for head, cell in cells.items():
            wanted = {s.cells[head] for s in subjects if head in s.cells}
            if wanted and cell not in wanted:
                yield f"its {head} is {cell[:60]}, of the plan {min(wanted)[:60]}"
        yield from self._formula(line)

    def _formula(self, line: str) -> Iterator[str]:
        stated = _FORMULA.match(line)
        plans = [p.plans[stated["output"]] for p in self.resolution.flat if stated and stated["output"] in p.plans]
        if stated and plans and text.one_line(stated["formula"]) not in {text.one_line(p.text) for p in plans}:
            yield f"the formula of {stated['output']} is {stated['formula'][:60]}, of the plan {plans[0].text[:60]}"

    @cached_property
    def _subjects(self) -> Mapping[str, _Subject]:
        return _subjects(self.resolution)


def _subjects(resolution: Resolution) -> dict[str, _Subject]:
    """Rows by reference, inputs and outputs by name. One name in two tools is either."""
    found: dict[str, _Subject] = {}
    for row in resolution.pinned:
        cells = {"value": normal_text(row.value), "unit": row.unit, "source": row.citation, "licence": row.licence}
        found[row.ref] = _row(row.ref, cells)
    for parameter in whole.parameters(resolution):
        cells = {"value": normal_text(parameter.value), "unit": parameter.unit, "source": parameter.citation}
        found[parameter.key] = _row(parameter.key, cells)
    for part in resolution.flat:
        ports: dict[str, InputSpec | OutputSpec] = {**part.spec.inputs, **part.spec.outputs}
        for name, port in ports.items():
            before = found.get(name, _Subject(frozenset()))
            plan = part.plans.get(name)
            said = [name, str(port)] + ([plan.text, *(e.text for e in plan.evidence)] if plan else [])
            own = _Subject(_words(" ".join(said)), frozenset({port.unit} - {""}))
            found[name] = _Subject(before.words | own.words, before.units | own.units)
    return found


def _row(ref: str, cells: Mapping[str, str]) -> _Subject:
    shown = {head: text.cell(value).replace("\\", "") for head, value in cells.items()}
    return _Subject(_words(" ".join((ref, *cells.values()))), frozenset({cells["unit"]}), shown)


def _speaks(line: str, name: str) -> bool:
    """Whether a line names it: in backticks, or as a heading's first word."""
    return f"`{name}`" in line or bool(re.match(rf"#+ (?:[^:]+: )?{re.escape(name)}(?: \[|$)", line))


def _counted(resolution: Resolution) -> str:
    """What stands in no spec: counts, licences and the citations of several rows together."""
    counts = [len(resolution.flat), len(resolution.pinned), len(whole.parameters(resolution))]
    citations = [c for part in resolution.flat for plan in part.plans.values() for c in citations_of(part, plan)]
    return " ".join([*map(str, (*counts, sum(counts[1:]))), *{row.licence for row in resolution.pinned}, *citations])


@cache
def _own_words() -> frozenset[str]:
    """The words with a digit in the prose of the templates."""
    folder = _paths.data() / "templates" / "agent"
    prose = [page.read_text(encoding="utf-8") for page in (*folder.glob("*.md.jinja"), folder / "_ports.jinja")]
    return _words(" ".join((*prose, *API_EXTRA, *TEST_EXTRA, PYDANTIC, str(PORT))))


def _words(line: str) -> frozenset[str]:
    """The words with a digit."""
    return frozenset(word for word in set(_WORD.findall(line.replace("\\", ""))) if _DIGIT.search(word))


def _prose(page: Page) -> Iterator[tuple[int, str]]:
    """The lines outside fenced code, with their numbers."""
    fences = [token.map for token in page.tokens if token.type == "fence" and token.map]
    fenced = {line for begin, end in fences for line in range(begin + 1, end + 1)}
    yield from ((number, line) for number, line in enumerate(page.lines, 1) if number not in fenced)


def _kept(ours: str) -> Iterator[str]:
    """The lines of ours that may not be left out."""
    inside = False
    for line in lines_of(ours):
        if line.startswith("## "):
            inside = line in _KEPT
        elif inside and line.startswith(("| `", "- ")):
            yield line


def _heads(lines: list[tuple[int, str]]) -> dict[int, str]:
    """The first row of the table of each row below it, by the row's number."""
    found: dict[int, str] = {}
    before, head = 0, ""
    for number, line in lines:
        if not line.startswith("|"):
            head = ""
        elif head and number == before + 1:
            found[number] = head
        else:
            head = line
        before = number
    return found


def _cells(line: str, head: str) -> dict[str, str]:
    """The cells of a row by the heads of its table; empty for another line."""
    return dict(zip(_split(head), _split(line), strict=False)) if head else {}


def _split(line: str) -> list[str]:
    return [cell.strip().replace("\\", "") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


@cache
def _is_unit(word: str) -> bool:
    if not re.search(r"[\w%]", word):
        return False  # a dash for none
    try:
        units.dimension(word)
    except UnitError:
        return False
    return True


def _detail(said: str, path: str, line: int) -> Detail:
    return Detail(said, path, line, RULE, "take it from the spec or a table, or leave it out")
