"""The order in which the tests of a pack are asked about a mutant."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from greenlang.sandbox.child_mutants import _in_turn


def _items(**functions: int) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(path=Path(f"tests/test_{file}.py"), nodeid=f"tests/test_{file}.py::test_{name}[{n}]")
        for file, name, count in ((*key.split("_"), count) for key, count in functions.items())
        for n in range(count)
    ]


def test_functions_of_a_file_take_turns_and_figures_come_first():
    items = _items(documentation_x=1, golden_a=5, golden_b=3, unit_c=2)
    order = [item.nodeid.partition("test_")[2].replace(".py::test", "") for item in _in_turn(items)]
    assert order == [
        *("golden_a[0]", "golden_b[0]", "golden_a[1]", "golden_b[1]", "golden_a[2]", "golden_a[3]", "golden_b[2]"),
        *("golden_a[4]", "unit_c[0]", "unit_c[1]", "documentation_x[0]"),
    ]
    assert sorted(map(id, _in_turn(items))) == sorted(map(id, items))
