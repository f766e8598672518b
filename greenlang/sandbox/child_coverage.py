"""Branch coverage of the agent's own folder, traced only where the agent's own code runs and something is left to find.

Belongs here: tracing and counting, beside foreign code and so not to be trusted. Does not belong here: running tests.

Tracing makes Python two to three times as slow, and a line or a branch that was taken once stays taken. So when nothing
is left that a further test could add, tracing ends, and the counts are those of a run that was traced throughout.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import coverage


class _Arcs:
    """What was traced, in memory: coverage's own place for it is a database, and asks more than it needs."""

    def __init__(self) -> None:
        self.found: dict[str, set[tuple[int, int]]] = {}

    def add_arcs(self, arcs: Mapping[str, Iterable[tuple[int, int]]]) -> None:
        for name, pairs in arcs.items():
            self.found.setdefault(name, set()).update(pairs)

    def add_file_tracers(self, tracers: Mapping[str, str]) -> None:
        if tracers:
            raise TypeError("only Python is traced here")

    def touch_files(self, names: Iterable[str], tracer: str | None = None) -> None:
        if tracer:
            raise TypeError("only Python is traced here")
        for name in names:
            self.found.setdefault(name, set())

    def measured_files(self) -> set[str]:
        return set(self.found)

    def file_tracer(self, name: str) -> str | None:
        return "" if name in self.found else None

    def has_arcs(self) -> bool:
        return True

    def arcs(self, name: str) -> list[tuple[int, int]]:
        return list(self.found.get(name, ()))

    def lines(self, name: str) -> list[int]:
        return list({line for arc in self.found.get(name, ()) for line in arc if line > 0})


_used: list[coverage.Coverage] = []  # that of the last run, at most one


def _new(folder: Path) -> coverage.Coverage:
    made = coverage.Coverage(data_file=None, branch=True, config_file=False, source=[str(folder)], messages=False)
    made._warn_no_data = False
    kept = [line for line in made.get_exclude_list() if "pragma" not in line]
    made.clear_exclude()  # what is left out is not for the agent to say
    for line in kept:
        made.exclude(line)
    made.clear_exclude("partial")
    return made


def _of_the_warm_up(folder: Path) -> coverage.Coverage | None:
    """That of the run before, turned to another folder: which files it need not trace it knows already."""
    if not _used:
        return None
    found = _used.pop()
    try:
        found._inorout.source_match.paths[:] = [str(folder)]  # type: ignore[union-attr]
        found._inorout.source_dirs[:] = [str(folder)]  # type: ignore[union-attr]
        found._inorout.last_sys_path = list(sys.path)  # type: ignore[union-attr]
    except AttributeError:
        return None
    return found


class Tracing:
    """Branch coverage of one folder, switched on only where the agent's own code runs, until everything was met.

    Much of what is used of coverage is not public. Where it is gone, tracing stays on throughout and the counts are the
    same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._coverage = _of_the_warm_up(folder) or _new(folder)
        with _remembered_paths():
            self._coverage.start()
        collector = getattr(self._coverage, "_collector", None)
        self._pause: Callable[[], None] = getattr(collector, "pause", lambda: None)
        self._resume: Callable[[], None] = getattr(collector, "resume", lambda: None)
        if not (hasattr(collector, "pause") and hasattr(collector, "resume")):
            self._pause = self._resume = lambda: None
        self._depth = 1
        self._data, self._arcs = self._coverage._data, _Arcs()
        self._keep_in(self._arcs)
        self._flush: Callable[[], object] | None = getattr(collector, "flush_data", None)
        self._sources: dict[str, Any] = {}  # what coverage knows of each file, so that it is parsed once
        self._whole: dict[str, Any] = {}  # the analysis of the files that are wholly covered
        self._met: dict[str, int] = {}  # arcs of the other files at the last look
        self.complete = False

    def pause(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._pause()
            self._look()

    def _look(self) -> None:
        """Whether anything is left to find. One file with something left is enough to go on for."""
        if self.complete or self._flush is None:
            return
        try:
            self._flush()
            if not self._sources:
                self._coverage._post_save_work()  # it adds the files that nothing imports
                names = sorted(self._arcs.measured_files())
                self._sources = {name: self._coverage._get_file_reporter(name) for name in names}
            for name in self._sources.keys() - self._whole.keys():
                if self._met.get(name) == (met := len(self._arcs.found[name])):
                    return
                self._met[name] = met
                analysis = self._coverage._analyze(name, self._sources[name])
                if analysis.numbers.n_missing or analysis.numbers.n_missing_branches:
                    return
                self._whole[name] = analysis
        except (AttributeError, TypeError, ValueError, MemoryError, coverage.CoverageException):
            # Another coverage, a file that is no Python, no memory left: tracing goes on to the end, and what was begun
            # here is not used.
            self._flush, self._sources, self._whole = None, {}, {}
            return
        self.complete = True

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        if self._depth == 0 and not self.complete:
            self._resume()
        self._depth += 1
        try:
            yield
        finally:
            self.pause()

    def around(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """The same call, traced."""

        def traced() -> Any:
            with self.on():
                return call()

        return traced

    def result(self) -> dict[str, Any]:
        with self.on():
            pass  # the collector must run while it is stopped
        self._resume()
        self._coverage.stop()
        counted = self._counted()
        if counted is not None:
            _used[:] = [self._coverage]
        return counted or self._reported()

    def _counted(self) -> dict[str, Any] | None:
        """The counts from the analysis itself: the report works out much more, in twice the time.

        None where coverage looks different inside than it does today.
        """
        lines, branches, missing = [0, 0], [0, 0], {}
        try:
            for name in sorted(self._coverage.get_data().measured_files()):
                analysis = self._whole.get(name) or self._coverage._analyze(name, self._sources.get(name))
                numbers = analysis.numbers
                lines[0] += numbers.n_executed
                lines[1] += numbers.n_statements
                branches[0] += numbers.n_executed_branches
                branches[1] += numbers.n_branches
                if analysis.missing:
                    missing[Path(name).relative_to(self._folder.parent).as_posix()] = sorted(analysis.missing)
        except (AttributeError, TypeError, ValueError):
            self._keep_in(self._data)
            self._coverage.get_data().add_arcs(self._arcs.found)
            self._coverage.get_data().touch_files(self._arcs.found)
            return None
        return {"lines": lines, "branches": branches, "missing": missing}

    def _keep_in(self, place: Any) -> None:
        self._coverage._data = place
        collector = getattr(self._coverage, "_collector", None)
        if collector is not None:
            collector.covdata = place

    def _reported(self) -> dict[str, Any]:
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            try:
                self._coverage.json_report(outfile="-")
            except coverage.exceptions.NoDataError:
                return {"lines": [0, 0], "branches": [0, 0], "missing": {}}
        report = json.loads(text.getvalue())
        totals = report["totals"]
        return {
            "lines": [totals["covered_lines"], totals["num_statements"]],
            "branches": [totals["covered_branches"], totals["num_branches"]],
            "missing": {name: f["missing_lines"] for name, f in report["files"].items() if f["missing_lines"]},
        }


_PATHS: dict[tuple[Any, ...], dict[str, str]] = {}


@contextlib.contextmanager
def _remembered_paths() -> Iterator[None]:
    """Coverage asks for the folders of each way of installing when it starts; they were found out at the warm-up."""
    asked = sysconfig.get_paths

    def get_paths(*arguments: Any, **named: Any) -> dict[str, str]:
        key = (*arguments, *sorted(named.items()))
        if key not in _PATHS:
            _PATHS[key] = asked(*arguments, **named)
        return dict(_PATHS[key])

    sysconfig.get_paths = get_paths
    try:
        yield
    finally:
        sysconfig.get_paths = asked
