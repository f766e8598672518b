"""The order in which the tests of a pack are asked about a mutant."""

from __future__ import annotations

from greenlang.sandbox.child_mutants import in_turn
from greenlang.sandbox.child_retest import Collected


def _tests(*functions: tuple[str, int], direct: str = "golden unit boundary property") -> Collected:
    told = [f"tests/test_{name.split('_')[0]}.py::test_{name}[{n}]" for name, count in functions for n in range(count)]
    found = Collected([], {}, [])
    found.told = told
    found.places = {nodeid: 0 for nodeid in told if nodeid.split("_")[1].split(".")[0] in direct}
    return found


def _order(tests: Collected, **slow: float) -> list[str]:
    seconds = {n: next((s for name, s in slow.items() if name in n), 0.001) for n in tests.told}
    return [nodeid.partition("::test_")[2] for nodeid in in_turn(tests, seconds)]


def test_functions_take_turns_and_the_last_cases_come_first():
    assert _order(_tests(("golden_a", 5), ("golden_b", 3), ("unit_c", 2))) == [
        *("golden_a[4]", "golden_b[2]", "unit_c[1]"),
        *("golden_a[3]", "golden_b[1]", "unit_c[0]"),
        *("golden_a[2]", "golden_b[0]", "golden_a[1]", "golden_a[0]"),
    ]


def test_figures_come_first_and_what_needs_pytest_last():
    tests = _tests(("integration_x", 1), ("property_a", 1), ("golden_a", 1), ("boundary_a", 1))
    assert _order(tests) == ["golden_a[0]", "boundary_a[0]", "property_a[0]", "integration_x[0]"]


def test_a_slow_test_of_figures_comes_after_the_quick_ones():
    tests = _tests(("golden_sources", 1), ("golden_a", 80), ("unit_a", 1), ("property_a", 1))
    order = _order(tests, sources=0.1)
    assert order.index("golden_sources[0]") == len(order) - 2
    assert sorted(order) == sorted(nodeid.partition("::test_")[2] for nodeid in tests.told)
