"""The tests of a pack once more, on a changed agent, in the confined child.

Belongs here: loading modules of tests again, and running single tests of them. Does not belong here: the changed agent
(`greenlang.sandbox.child_modules`), which tests are run and when (`greenlang.sandbox.child_mutants`).
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from greenlang.sandbox.child_modules import Modules
from greenlang.sandbox.child_tests import plain_call


class TestModule(pytest.Module):
    """A module of tests whose code is compiled once, so that it can be run again at little cost."""

    __test__ = False
    modules: Modules
    shown: types.ModuleType | None = None

    def _getobj(self) -> types.ModuleType:
        if self.shown is not None:
            return self.shown
        try:
            return self.load()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - pytest meets it too, and says what it says of it
            module: types.ModuleType = super()._getobj()  # type: ignore[no-untyped-call]
            return module

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


Sets = list[tuple[list[str], list[tuple[Any, ...]]]]


class Collected:
    """The tests as they were collected on the unchanged agent, in the order in which they are to be asked."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self.items = {item.nodeid: item for item in items}
        sets: dict[str, Sets | None] = {}
        self.places: dict[str, list[int] | None] = {}
        for nodeid, item in self.items.items():
            function = nodeid.partition("[")[0]
            if function not in sets:
                sets[function] = parameters(getattr(item, "obj", None)) if plain_call(item) else None
            found = sets[function]
            params = item.callspec.params if hasattr(item, "callspec") else {}
            self.places[nodeid] = None if found is None else _places(found, params)
        self.lengths = {name: [len(v) for _, v in found] for name, found in sets.items() if found is not None}
        self.modules: dict[str, pytest.Module] = {}
        for nodeid, item in self.items.items():
            module = item.getparent(pytest.Module)
            if module is not None:
                self.modules.setdefault(file_of(nodeid), module)


def _places(sets: Sets, params: dict[str, Any]) -> list[int] | None:
    """Which of each set of values a test has; None where that cannot be told."""
    places = []
    for names, values in sets:
        wanted = [params.get(name) for name in names]
        same = [n for n, v in enumerate(values) if all(a is b for a, b in zip(v, wanted, strict=True))]
        if len(same) != 1:
            return None
        places += same
    return places


def parameters(function: Any) -> Sets | None:
    """Names and values of each ``parametrize`` of a function; None where it is marked in any other way."""
    sets: Sets = []
    for mark in getattr(function, "pytestmark", []):
        if mark.name != "parametrize" or len(mark.args) != 2 or set(mark.kwargs) - {"ids"}:
            return None
        names = mark.args[0]
        names = [n.strip() for n in names.split(",") if n.strip()] if isinstance(names, str) else list(names)
        if not isinstance(mark.args[1], list | tuple) or not mark.args[1]:
            return None
        values: list[tuple[Any, ...]] = []
        for value in mark.args[1]:
            marked = hasattr(value, "marks") and hasattr(value, "values")
            if marked and value.marks:
                return None
            values.append(tuple(value.values) if marked else (value,) if len(names) == 1 else tuple(value))
        if {len(v) for v in values} != {len(names)}:
            return None
        sets.append((names, values))
    return sets if callable(function) else None


class Tests:
    """The tests for one mutant. A module is loaded when the first of its tests is asked for.

    A test that is a function with parameters is called with what its marks hold now, at the places that its parameters
    had when it was collected. Where the marks are of another form or length than then, and for every other test, pytest
    collects the function anew.
    """

    def __init__(self, collected: Collected, make: Callable[[pytest.Collector, Path], TestModule]) -> None:
        self._collected = collected
        self._make = make
        self._loaded: dict[str, types.ModuleType] = {}
        self._sets: dict[tuple[str, str], Sets | None] = {}
        self._items: dict[tuple[str, str], dict[str, pytest.Item]] = {}
        self._kept: list[tuple[dict[Any, Any], dict[Any, Any]]] = []

    def passes(self, nodeid: str) -> bool:
        """Whether this test passes; one that is there no longer does. Raises what loading its module raises."""
        file, name = file_of(nodeid), _top(nodeid)
        if file not in self._loaded:
            self._loaded[file] = self._node(file).load()
        call = self._direct(nodeid, file, name)
        if call is not None:
            return _ends_well(call)
        if (file, name) not in self._items:
            self._items[file, name] = {item.nodeid: item for item in self._collect(file, name)}
        item = self._items[file, name].pop(nodeid, None)
        return item is None or _passes(item)

    def others(self) -> Iterator[str]:
        """Ids of tests that fail and are there for this mutant alone."""
        for file, module in self._loaded.items():
            known = {_top(nodeid) for nodeid in self._collected.items if file_of(nodeid) == file}
            for name in [n for n in vars(module) if n.lower().startswith("test") and n not in known]:
                self._items[file, name] = {item.nodeid: item for item in self._collect(file, name)}
        for items in self._items.values():
            yield from (item.nodeid for item in items.values() if not _passes(item))

    def forget(self) -> None:
        """Have pytest forget the fixtures that it found here."""
        for table, before in self._kept:
            table.clear()
            table.update(before)

    def _direct(self, nodeid: str, file: str, name: str) -> Callable[[], Any] | None:
        places = self._collected.places[nodeid]
        function = getattr(self._loaded[file], name, None)
        if places is None or function is None:
            return None
        if (file, name) not in self._sets:
            found = parameters(function)
            fits = found is not None and [len(v) for _, v in found] == self._collected.lengths[nodeid.partition("[")[0]]
            self._sets[file, name] = found if fits else None
        sets = self._sets[file, name]
        if sets is None:
            return None
        arguments: dict[str, Any] = {}
        for (names, values), place in zip(sets, places, strict=True):
            arguments.update(zip(names, values[place], strict=True))
        return functools.partial(function, **arguments)

    def _collect(self, file: str, name: str) -> Iterator[pytest.Item]:
        node = self._node(file)
        node.shown = _part(self._loaded[file], name)
        if not self._kept:
            manager = vars(node.session._fixturemanager)
            tables = [v for k, v in manager.items() if k.endswith(("fixturedefs", "autousenames")) and type(v) is dict]
            self._kept = [(table, {key: copy.copy(found) for key, found in table.items()}) for table in tables]
        return _items(node)

    def _node(self, file: str) -> TestModule:
        module = self._collected.modules[file]
        assert isinstance(module.parent, pytest.Collector)
        return self._make(module.parent, module.path)


def _part(module: types.ModuleType, name: str) -> types.ModuleType:
    """A module as pytest sees it, with one of its tests: all its fixtures and settings, none of its other tests."""
    part = types.ModuleType(module.__name__)
    for key, value in vars(module).items():
        fixture = type(value).__name__ == "FixtureFunctionDefinition" or hasattr(value, "_pytestfixturefunction")
        if key == name or fixture or key.lower().startswith(("__", "setup", "teardown", "pytest")):
            setattr(part, key, value)
    return part


def _items(node: pytest.Collector) -> Iterator[pytest.Item]:
    for child in node.collect():
        if isinstance(child, pytest.Item):
            yield child
        else:
            yield from _items(child)


def _passes(item: pytest.Item) -> bool:
    call = plain_call(item)
    if call is None:
        return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
    return _ends_well(call)


def _ends_well(call: Callable[[], Any]) -> bool:
    try:
        call()
    except MemoryError:
        return False
    except (Exception, SystemExit, pytest.fail.Exception):  # noqa: BLE001 - any of these fails a test
        return False
    except pytest.skip.Exception:
        return True
    return True


def file_of(nodeid: str) -> str:
    """The file of a test by its id."""
    return nodeid.partition("::")[0]


def _top(nodeid: str) -> str:
    return nodeid.partition("::")[2].partition("[")[0].partition("::")[0]
