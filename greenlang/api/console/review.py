"""A build beside the one in force: what differs in spec, plans, factors, scores and generated code.

Belongs here: comparing two builds. Does not belong here: whether it may be promoted (`greenlang.registry.lifecycle`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from greenlang.api.console.agent import AgentView, FactorRow, Output, view
from greenlang.registry import Registry
from greenlang.registry.choice import entry_order
from greenlang.registry.packs import PackNotHere
from greenlang.settings import Settings

CONTEXT = 3  # unchanged lines that are shown around a change
LINES = 400  # lines of one file's comparison that a page shows
_MOST_LINES = 6_000  # lines of all files that a page compares
_WORK = 2_000_000  # steps of a comparison that minds every line


@dataclass(frozen=True, slots=True)
class Line:
    """One line on both sides; ``kind``: same, changed, added, removed, skipped (then ``before`` counts the lines)."""

    kind: str
    number_before: int
    before: str
    number_after: int
    after: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file that differs. ``left`` counts lines of the comparison that are not shown; ``note`` says what else."""

    name: str
    lines: tuple[Line, ...]
    left: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing before and after; an empty side means that it is not there. ``same`` says that nothing changed."""

    name: str
    before: str
    after: str

    @property
    def same(self) -> bool:
        """Whether both sides agree."""
        return self.before == self.after


@dataclass(frozen=True, slots=True)
class Comparison:
    """A build and what it would take the place of; ``base`` is None where nothing is in force."""

    build: AgentView
    base: AgentView | None

    @property
    def scores(self) -> tuple[Pair, ...]:
        """The figures of the judgement and each dimension."""
        return tuple(_pairs(_scores(self.base), _scores(self.build)))

    @property
    def plans(self) -> tuple[Pair, ...]:
        """The formulas by output."""
        return tuple(_pairs({o.name: _plan(o) for o in _outputs(self.base)}, {o.name: _plan(o) for o in self._outputs}))

    @property
    def factors(self) -> tuple[Pair, ...]:
        """The pinned rows that changed."""
        before = {f.key: _factor(f) for f in self.base.factors} if self.base is not None else {}
        pairs = _pairs(before, {f.key: _factor(f) for f in self.build.factors})
        return tuple(pair for pair in pairs if not pair.same)

    @property
    def files(self) -> tuple[FileDiff, ...]:
        """Spec and code that differ, line by line: `pack.yaml` first, then the agent's package."""
        if self.base is None or self.base.pack is None or self.build.pack is None:
            return ()
        before, after = self.base.pack.files, self.build.pack.files
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        shown = [name for name in changed if name == "pack.yaml" or _is_code(name)]
        shown.sort(key=lambda name: (name != "pack.yaml", name))
        found: list[FileDiff] = []
        left = _MOST_LINES
        for name in shown:
            one, lines = self._file(name, left)
            found.append(one)
            left -= lines
        return tuple(found)

    @property
    def other_files(self) -> tuple[str, ...]:
        """Other files of the pack that differ: tests, documents, wheels."""
        if self.base is None or self.base.pack is None or self.build.pack is None:
            return ()
        before, after = self.base.pack.files, self.build.pack.files
        names = (name for name in {*before, *after} if before.get(name) != after.get(name))
        return tuple(sorted(name for name in names if name != "pack.yaml" and not _is_code(name)))

    @property
    def _outputs(self) -> tuple[Output, ...]:
        return self.build.outputs

    def _file(self, name: str, left: int) -> tuple[FileDiff, int]:
        """A file's comparison, and how many of the ``left`` lines it took."""
        try:
            before, after = _text(self.base, name), _text(self.build, name)
        except PackNotHere as error:
            return FileDiff(name, (), note=str(error)), 0
        lines = max(len(before), len(after))
        if lines > left:
            return FileDiff(name, (), note=f"more than {_MOST_LINES:,} lines differ: compare the packs themselves"), 0
        every = tuple(side_by_side(before, after))
        return FileDiff(name, every[:LINES], max(0, len(every) - LINES)), lines


def compare(registry: Registry, settings: Settings, agent_id: str, version: str = "", build: str = "") -> Comparison:
    """A build beside what it would replace. Raises Problem 404 where there is no such build."""
    shown = view(registry, settings, agent_id, version, build)
    if not shown.in_force:
        return Comparison(shown, view(registry, settings, agent_id, shown.entry.version))
    others = [e for e in shown.versions if e.version != shown.entry.version and e.state == "certified"]
    best = max(others, key=entry_order, default=None)
    return Comparison(shown, view(registry, settings, agent_id, best.version) if best is not None else None)


def side_by_side(before: list[str], after: list[str]) -> Iterator[Line]:
    """Both texts line by line, long stretches without a change left out."""
    matcher = _matcher(before, after)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1] > 0:
            yield Line("skipped", 0, f"line {group[0][1] + 1}", 0, f"line {group[0][3] + 1}")
        for kind, a, b, c, d in group:
            for offset in range(max(b - a, d - c)):
                left, right = a + offset < b, c + offset < d
                word = "same" if kind == "equal" else "changed" if left and right else "removed" if left else "added"
                yield Line(
                    word,
                    a + offset + 1 if left else 0,
                    before[a + offset] if left else "",
                    c + offset + 1 if right else 0,
                    after[c + offset] if right else "",
                )


def _matcher(before: list[str], after: list[str]) -> SequenceMatcher[str]:
    """What finds equal stretches: by every line, or where that could take the cube of their number, by rare ones."""
    there = Counter(after)
    pairs = sum(count * there[line] for line, count in Counter(before).items())
    cheap = pairs * min(len(before), len(after)) <= _WORK
    return SequenceMatcher(None if cheap else lambda line: there[line] > 1, before, after, autojunk=False)


def _is_code(name: str) -> bool:
    return name.startswith("gl_") and name.endswith(".py")


def _text(shown: AgentView | None, name: str) -> list[str]:
    """The lines of a certified file; none where the pack does not have it."""
    if shown is None or shown.pack is None or name not in shown.pack.files:
        return []
    return shown.pack.read(name).decode("utf-8", "replace").splitlines()


def _outputs(shown: AgentView | None) -> tuple[Output, ...]:
    return shown.outputs if shown is not None else ()


def _plan(output: Output) -> str:
    unit = "" if output.unit == "1" else f" [{output.unit}]"
    return f"{output.formula}{unit}"


def _factor(row: FactorRow) -> str:
    return f"{row.value} {row.unit} ({row.citation})"


def _scores(shown: AgentView | None) -> dict[str, str]:
    if shown is None:
        return {}
    build = shown.build
    figures = {
        "Score": _figure(build.score),
        "Test coverage": f"{_figure(build.coverage)} %" if build.coverage is not None else "",
        "Tests passed": f"{build.tests_passed} of {build.tests_total}",
        "Factor release": build.factor_release,
    }
    return figures | {d.title: _figure(d.score) + ("" if d.passed else f" ({d.status})") for d in shown.dimensions}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _pairs(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Pair]:
    for name in dict.fromkeys((*after, *before)):
        yield Pair(name, before.get(name, ""), after.get(name, ""))
