"""Modules of tests, and single tests of them, in the confined child.

Belongs here: loading modules of tests, as often as it takes, and what of them pytest need not see. Does not belong
here: the changed agent (`greenlang.sandbox.child_modules`), which tests are run and when (`child_tests` on the agent as
it is, `child_mutants` on a changed one).

Two ways to a test. A function of nothing but its parameters is *direct*: pytest is not asked about it at all, its ids
are those that pytest would give, and its parameters what its mark holds. Every other test goes through pytest. On a
changed agent the direct tests are those of the first run, at the same places; pytest collects the others anew.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import inspect
import sys
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest import python
from _pytest.runner import runtestprotocol

from greenlang.sandbox.child_modules import Modules

_SETTINGS = ("setup", "teardown", "pytest")  # names in a module by which pytest does more than call a function


class TestModule(pytest.Module):
    """A module of tests whose code is compiled once, so that it can be run again at little cost.

    pytest sees only what is not direct. ``told``: the ids of the first run where there was one.
    """

    __test__ = False
    modules: Modules
    told: dict[str, list[str]] | None = None  # function -> its ids
    shown: types.ModuleType | None = None
    loaded: types.ModuleType | None = None  # all of it, where a part is shown for pytest to collect
    direct: dict[str, Direct]

    def _getobj(self) -> types.ModuleType:
        if self.shown is not None:
            return self.shown
        self.direct = {}
        try:
            module = self.load()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - pytest meets it too, and says what it says of it
            met: types.ModuleType = super()._getobj()  # type: ignore[no-untyped-call]
            return met
        self.loaded = module
        self.direct = _direct(module, self.told, self)
        return _part(module, [n for n, v in vars(module).items() if n not in self.direct and _is_asked_for(n, v)])

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """What pytest finds in the part. Fixtures that ask for their module get the whole."""
        yield from list(super().collect())
        if self.loaded is not None:
            self._obj = self.loaded

    def show(self, module: types.ModuleType, names: Collection[str]) -> None:
        """Have pytest collect these of its tests."""
        self.loaded, self.shown = module, _part(module, names)

    def item(self, nodeid: str) -> pytest.Item:
        """A direct test as pytest has it, which words what the test did."""
        assert self.loaded is not None
        node: TestModule = TestModule.from_parent(self.parent, path=self.path)
        node.show(self.loaded, [name_of(nodeid)])
        return next(item for item in _items(node) if item.nodeid == nodeid)

    def load(self) -> types.ModuleType:
        """Run the code, in a module of its own. Raises what the code raises."""
        name = f"tests.{self.path.stem}"
        if "tests" not in sys.modules:
            folder = types.ModuleType("tests")
            folder.__path__ = [str(self.path.parent)]
            sys.modules["tests"] = folder
        spec = importlib.util.spec_from_file_location(name, self.path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        code = self.modules.code(str(self.path))
        sys.modules[name] = module
        try:
            exec(code, module.__dict__)  # noqa: S102 - the child runs foreign code: that is what it is for
        except BaseException:
            del sys.modules[name]
            raise
        return module


class Loading:
    """A pytest plugin: modules of tests are loaded from code that is there already. ``nodes``: by file, in turn."""

    def __init__(self, modules: Modules) -> None:
        self.nodes: dict[str, TestModule] = {}
        self._modules = modules

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> TestModule:
        module = self.module(parent, module_path)
        return self.nodes.setdefault(module.nodeid, module)

    def module(self, parent: pytest.Collector, path: Path) -> TestModule:
        """A module of tests that is not kept."""
        module: TestModule = TestModule.from_parent(parent, path=path)
        module.modules, module.direct = self._modules, {}
        return module


Sets = tuple[list[str], list[tuple[Any, ...]]] | None  # names and values of the one mark; None: no parameters
Direct = dict[str, Callable[[], Any]]  # the calls of a direct test by id


def _direct(module: types.ModuleType, told: dict[str, list[str]] | None, node: pytest.Module) -> dict[str, Direct]:
    """The direct tests of a module by name, as far as their ids are those of the first run, if there was one."""
    if any(n.startswith(_SETTINGS) for n, v in vars(module).items() if v is not pytest) or _acts_unasked(module):
        return {}
    if "__test__" in vars(module):
        return {}
    found: dict[str, Direct] = {}
    for name, function in vars(module).items():
        if not (name.startswith("test") if told is None else name in told) or not is_direct(function):
            continue
        ids = _ids(f"{node.nodeid}::{name}", function, node.config)
        if ids and (told is None or ids == told[name]):
            found[name] = dict(zip(ids, _calls(function), strict=True))
    return found


def _calls(function: Callable[..., Any]) -> list[Callable[[], Any]]:
    sets = parameters(function)
    if sets is None:
        return [function]
    return [functools.partial(function, **dict(zip(sets[0], values, strict=True))) for values in sets[1]]


def _ids(nodeid: str, function: Any, config: pytest.Config) -> list[str]:
    """The ids that pytest gives to a direct test; none where that cannot be told."""
    sets = parameters(function)
    if sets is None:
        return [nodeid]
    mark = function.pytestmark[0]
    wanted = mark.kwargs.get("ids")
    given = [
        value if hasattr(value, "marks") else pytest.param(*v) for value, v in zip(mark.args[1], sets[1], strict=True)
    ]
    own, named = (wanted, None) if callable(wanted) else (None, wanted)
    if named is not None and not (isinstance(named, list | tuple) and len(named) == len(given)):
        return []
    try:
        ids = python.IdMaker(sets[0], given, own, named, config, nodeid=nodeid).make_unique_parameterset_ids()
    except MemoryError:
        raise
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - foreign code: pytest collects the test, and tells
        return []
    return [f"{nodeid}[{each}]" for each in ids]


def _acts_unasked(module: types.ModuleType) -> bool:
    """Whether a fixture of the module may be used by tests that do not name it."""
    markers = [getattr(v, "_fixture_function_marker", None) for v in vars(module).values() if _is_fixture(v)]
    return any(getattr(marker, "autouse", True) for marker in markers)


def _is_fixture(value: object) -> bool:
    return type(value).__name__ == "FixtureFunctionDefinition" or hasattr(value, "_pytestfixturefunction")


def _is_test(name: str) -> bool:
    return name.lower().startswith("test")


def _is_asked_for(name: str, value: object) -> bool:
    """Whether pytest finds tests in it by its name, by a flag, or because it is one of unittest's."""
    if _is_test(name):
        return True
    if isinstance(value, type):
        return any(base.__module__ == "unittest.case" or "__test__" in vars(base) for base in value.__mro__)
    return isinstance(value, types.FunctionType) and "__test__" in vars(value)


def is_direct(function: object) -> bool:
    """Whether a test is a function of nothing but the parameters of one mark."""
    if type(function) is not types.FunctionType or {"__wrapped__", "__test__"} & vars(function).keys():
        return False
    code = function.__code__
    odd = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    if code.co_flags & (odd | inspect.CO_GENERATOR) or code.co_kwonlyargcount or function.__defaults__:
        return False
    takes = code.co_varnames[: code.co_argcount]
    try:
        sets = parameters(function)
    except _Unclear:
        return False
    return set(takes) == set(sets[0] if sets else ())


class _Unclear(Exception):
    """A function is marked otherwise than by one plain ``parametrize``."""


def parameters(function: Any) -> Sets:
    """Names and values of the ``parametrize`` of a function. Raises _Unclear where it is marked in any other way."""
    marks = getattr(function, "pytestmark", [])
    if not marks:
        return None
    mark = marks[0]
    if len(marks) > 1 or mark.name != "parametrize" or len(mark.args) != 2 or set(mark.kwargs) - {"ids"}:
        raise _Unclear
    names = mark.args[0]
    names = [n.strip() for n in names.split(",") if n.strip()] if isinstance(names, str) else list(names)
    if not isinstance(mark.args[1], list | tuple) or not mark.args[1]:
        raise _Unclear
    values: list[tuple[Any, ...]] = []
    for value in mark.args[1]:
        marked = hasattr(value, "marks") and hasattr(value, "values")
        if marked and value.marks:
            raise _Unclear
        values.append(tuple(value.values) if marked else (value,) if len(names) == 1 else tuple(value))
    if {len(v) for v in values} != {len(names)}:
        raise _Unclear
    return names, values


class Collected:
    """The tests as they are on the unchanged agent. ``modules``: those that pytest collected, by file."""

    def __init__(self, told: Sequence[str], modules: dict[str, TestModule], items: Sequence[pytest.Item]) -> None:
        self.told, self.ids = list(told), frozenset(told)
        self.modules = modules
        self.places: dict[str, int] = {}  # of the direct ones: which set of values
        self.lengths: dict[str, int] = {}  # function -> sets of values
        self.names: dict[str, list[str]] = {}  # file -> names of the tests in it
        for nodeid in told:
            file, name = file_of(nodeid), name_of(nodeid)
            names = self.names.setdefault(file, [])
            if name not in names:
                names.append(name)
            if file in modules and name in modules[file].direct:
                function = function_of(nodeid)
                self.places[nodeid] = self.lengths.get(function, 0)
                self.lengths[function] = self.places[nodeid] + 1
        found = [*self.places, *(item.nodeid for item in items)]
        self.complete = sorted(found) == sorted(told)


class Tests:
    """The tests for one mutant. A module is loaded when the first of its tests is asked for.

    Where a direct test takes other parameters than it did on the unchanged agent, or another number of sets of values,
    pytest collects it like the others.
    """

    def __init__(self, collected: Collected, make: Callable[[pytest.Collector, Path], TestModule]) -> None:
        self._collected = collected
        self._make = make
        self._loaded: dict[str, types.ModuleType] = {}
        self._sets: dict[str, tuple[Any, Sets] | None] = {}  # function -> itself and its parameters
        self._items: dict[tuple[str, str], dict[str, pytest.Item]] = {}
        self._kept: list[tuple[dict[Any, Any], dict[Any, Any]]] = []

    def outcome(self, nodeid: str) -> str:
        """passed, failed or skipped; one that is there no longer has failed. Raises what loading its module raises."""
        file, name = file_of(nodeid), name_of(nodeid)
        if file not in self._loaded:
            self._loaded[file] = self._node(file).load()
        call = self._direct(nodeid, file, name)
        if call is not None:
            return _called(call)
        if (file, name) not in self._items:
            self._collect(file, name)
        item = self._items[file, name].pop(nodeid, None)
        return "failed" if item is None else _through_pytest(item)

    def others(self) -> Iterator[str]:
        """Ids of tests that fail and are there for this mutant alone."""
        for file, module in self._loaded.items():
            for name in [n for n in vars(module) if _is_test(n) and n not in self._collected.names[file]]:
                self._collect(file, name)
        for items in self._items.values():
            yield from (item.nodeid for item in items.values() if _through_pytest(item) == "failed")

    def forget(self) -> None:
        """Have pytest forget the fixtures that it found here."""
        for table, before in self._kept:
            table.clear()
            table.update(before)

    def _direct(self, nodeid: str, file: str, name: str) -> Callable[[], Any] | None:
        place = self._collected.places.get(nodeid)
        if place is None:
            return None
        function = function_of(nodeid)
        if function not in self._sets:
            self._sets[function] = self._fitting(function, getattr(self._loaded[file], name, None))
        fitting = self._sets[function]
        if fitting is None:
            return None
        call, sets = fitting
        return call if sets is None else functools.partial(call, **dict(zip(sets[0], sets[1][place], strict=True)))

    def _fitting(self, function: str, found: Any) -> tuple[Any, Sets] | None:
        if not is_direct(found):
            return None
        sets = parameters(found)
        return (found, sets) if (1 if sets is None else len(sets[1])) == self._collected.lengths[function] else None

    def _collect(self, file: str, name: str) -> None:
        """Have pytest collect a function; with it all others of its file that are no direct tests."""
        direct = self._collected.modules[file].direct
        names = [name] if name in direct or name not in self._collected.names[file] else self._collected.names[file]
        node = self._node(file)
        node.show(self._loaded[file], [n for n in names if n == name or n not in direct])
        if not self._kept:
            manager = vars(node.session._fixturemanager)
            tables = [v for k, v in manager.items() if k.endswith(("fixturedefs", "autousenames")) and type(v) is dict]
            self._kept = [(table, {key: copy.copy(found) for key, found in table.items()}) for table in tables]
        for shown in names:
            self._items.setdefault((file, shown), {})
        for item in _items(node):
            self._items.setdefault((file, name_of(item.nodeid)), {})[item.nodeid] = item

    def _node(self, file: str) -> TestModule:
        module = self._collected.modules[file]
        assert isinstance(module.parent, pytest.Collector)
        return self._make(module.parent, module.path)


def _part(module: types.ModuleType, names: Collection[str]) -> types.ModuleType:
    """A module as pytest sees it, with some of its tests: all its fixtures and settings, none of its other tests."""
    part = types.ModuleType(module.__name__)
    for key, value in vars(module).items():
        if key in names or _is_fixture(value) or key.lower().startswith(("__", *_SETTINGS)):
            setattr(part, key, value)
    return part


def _items(node: pytest.Collector) -> Iterator[pytest.Item]:
    for child in node.collect():
        if isinstance(child, pytest.Item):
            yield child
        else:
            yield from _items(child)


def _through_pytest(item: pytest.Item) -> str:
    if type(item) is pytest.Function and all(mark.name == "parametrize" for mark in item.iter_markers()):
        return _called(functools.partial(_with_fixtures, item))
    reports = runtestprotocol(item, log=False, nextitem=None)
    if any(report.failed for report in reports):
        return "failed"
    return "skipped" if any(report.skipped for report in reports) else "passed"


def _with_fixtures(item: pytest.Function) -> None:
    """What pytest's protocol comes to for a function without marks; its reports take longer than the test."""
    state = item.session._setupstate
    try:
        state.setup(item)
        item.runtest()
    finally:
        state.teardown_exact(None)


def _called(call: Callable[[], Any]) -> str:
    try:
        call()
    except MemoryError:
        return "failed"
    except (Exception, SystemExit, pytest.fail.Exception):  # noqa: BLE001 - any of these fails a test
        return "failed"
    except pytest.skip.Exception:
        return "skipped"
    return "passed"


def file_of(nodeid: str) -> str:
    """The file of a test by its id."""
    return nodeid.partition("::")[0]


def function_of(nodeid: str) -> str:
    """The id of a test without its parameters."""
    return nodeid.partition("[")[0]


def name_of(nodeid: str) -> str:
    """The name that a test, or the class that it is in, has in its file."""
    return nodeid.partition("::")[2].partition("[")[0].partition("::")[0]
